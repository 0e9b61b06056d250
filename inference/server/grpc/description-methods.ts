import { RequestError } from '../../protocol/errors.ts';
import type { Datatype, TensorMetadata } from '../../protocol/tensor.ts';
import type { ModelCatalog, ServedModel } from '../../runtime/model-catalog.ts';
import type { PodState } from './pod-state.ts';

/** A request for one model. */
export interface ModelName {
  readonly name: string;
  /** Empty: the version that is served by default. */
  readonly version: string;
}

const EXTENSIONS = ['model_repository', 'statistics', 'model_configuration'];
const PLATFORM = 'onnx_onnxv1';

/** Methods that say what there is and whether it is ready. `version` is the server's. */
export function descriptionMethods(state: PodState, version: string) {
  return {
    ServerLive: () => ({ live: true }),
    ServerReady: () => ({ ready: state.ready }),
    ServerMetadata: () => ({ name: 'modelweir', version, extensions: EXTENSIONS }),
    ModelReady: (request: ModelName) => ({ ready: modelReady(state, request) }),
    ModelMetadata: (request: ModelName) => {
      const { name, inputs, outputs } = findModel(state.catalog, request).metadata;
      const versions = state.catalog?.versions(name) ?? [];
      return { name, versions, platform: PLATFORM, inputs, outputs };
    },
    ModelConfig: (request: ModelName) => ({
      config: configOf(findModel(state.catalog, request)),
    }),
  };
}

/** @throws RequestError */
export function findModel(
  catalog: ModelCatalog | undefined,
  { name, version }: ModelName,
): ServedModel {
  if (!catalog) throw new RequestError('unavailable', 'the models are being loaded; try again');
  const model = catalog.find(name, version || undefined);
  if (model) return model;
  throw catalog.refusal(name, version || undefined);
}

/** One that is known but cannot be found at the moment is not ready, which is no error. */
function modelReady({ catalog, ready }: PodState, name: ModelName): boolean {
  try {
    return findModel(catalog, name).runner.ready && ready;
  } catch (error) {
    if (error instanceof RequestError && error.code === 'unavailable') return false;
    throw error;
  }
}

/** Triton counts rows apart only where it batches by itself; here shapes are always whole, so it is 0. */
function configOf({ metadata: { name, inputs, outputs } }: ServedModel): object {
  return {
    name,
    platform: 'onnxruntime_onnx',
    backend: 'onnxruntime',
    max_batch_size: 0,
    input: inputs.map(tensorConfig),
    output: outputs.map(tensorConfig),
  };
}

function tensorConfig({ name, datatype, shape }: TensorMetadata): object {
  return { name, data_type: dataTypeOf(datatype), dims: shape };
}

function dataTypeOf(datatype: Datatype): string {
  return datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${datatype}`;
}
