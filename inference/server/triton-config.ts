import type { TensorMetadata } from '../protocol/tensor.ts';
import type { ServedModel } from '../runtime/model-catalog.ts';

/**
 * A model's configuration as Triton's clients read it: those that measure or write requests by themselves
 * ask for it. Only what is true here is in it.
 */
export function tritonConfig(model: ServedModel): object {
  const { metadata, runner, config, provider } = model;
  const { maxBatchRows, workers } = runner;
  // In Triton's terms a model that batches has an unwritten first dimension.
  const batches = maxBatchRows > 1;
  const { batching } = config;
  return {
    name: metadata.name,
    platform: 'onnxruntime_onnx',
    backend: 'onnxruntime',
    version_policy: versionPolicy(config.versions),
    max_batch_size: batches ? maxBatchRows : 0,
    input: metadata.inputs.map((tensor) => tritonTensor(tensor, batches)),
    output: metadata.outputs.map((tensor) => tritonTensor(tensor, batches)),
    instance_group: [{ kind: provider === 'cuda' ? 'KIND_GPU' : 'KIND_CPU', count: workers }],
    default_model_filename: 'model.onnx',
    ...(batches
      ? {
          dynamic_batching: {
            preferred_batch_size: batching.preferredRows,
            max_queue_delay_microseconds: Math.round(batching.maxDelayMs * 1000),
            priority_levels: batching.priorityLevels > 1 ? batching.priorityLevels : 0,
          },
        }
      : {}),
  };
}

function versionPolicy(policy: ServedModel['config']['versions']): object {
  if ('all' in policy) return { all: {} };
  if ('latest' in policy) return { latest: { num_versions: policy.latest } };
  return { specific: { versions: policy.specific } };
}

function tritonTensor({ name, datatype, shape }: TensorMetadata, batches: boolean): object {
  const type = datatype === 'BYTES' ? 'STRING' : datatype;
  return { name, data_type: `TYPE_${type}`, dims: batches ? shape.slice(1) : shape };
}
