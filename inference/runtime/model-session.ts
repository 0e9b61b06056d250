/**
 * Owns the one place where onnxruntime is called. `run` blocks its thread although it returns a promise,
 * so only a thread that has nothing else to do may call it. It must not know of queues or of HTTP.
 */
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { ELEMENT_ARRAYS } from '../protocol/element-arrays.ts';
import {
  type Datatype,
  elementCount,
  type Tensor,
  type TensorData,
  type TensorMetadata,
} from '../protocol/tensor.ts';

const DATATYPES: Readonly<Partial<Record<OrtTensor.Type, Datatype>>> = {
  bool: 'BOOL',
  uint8: 'UINT8',
  uint16: 'UINT16',
  uint32: 'UINT32',
  uint64: 'UINT64',
  int8: 'INT8',
  int16: 'INT16',
  int32: 'INT32',
  int64: 'INT64',
  float16: 'FP16',
  float32: 'FP32',
  float64: 'FP64',
  string: 'BYTES',
};

/** onnxruntime writes lesser messages to stderr, where anyone could fill the log; errors are thrown anyway. */
const FATAL = 4;

/** A dimension as the model declares it: a size, or the name of a variable one ('' without a name). */
export type Dimension = number | string;

export interface SessionMetadata {
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
  /** Dimension 0 of each input and output; undefined for scalars. Equal names are equal sizes. */
  readonly leading: {
    readonly inputs: readonly (Dimension | undefined)[];
    readonly outputs: readonly (Dimension | undefined)[];
  };
}

export interface SessionOptions {
  /** Threads that one run may use; onnxruntime's own default is every core, for every session. */
  readonly threadsPerRun: number;
}

export class ModelSession {
  readonly metadata: SessionMetadata;
  readonly #session: InferenceSession;
  readonly #ortTypes: readonly OrtTensor.Type[];

  private constructor(session: InferenceSession) {
    this.#session = session;
    const inputs = session.inputMetadata.map(tensorsOnly);
    const outputs = session.outputMetadata.map(tensorsOnly);
    this.#ortTypes = inputs.map(({ type }) => type);
    this.metadata = {
      inputs: inputs.map(describe),
      outputs: outputs.map(describe),
      leading: {
        inputs: inputs.map(({ shape }) => shape[0]),
        outputs: outputs.map(({ shape }) => shape[0]),
      },
    };
  }

  /** @throws Error when the file is no model, or one with inputs or outputs that cannot be carried. */
  static async load(path: string, options: SessionOptions): Promise<ModelSession> {
    const session = await InferenceSession.create(path, {
      executionProviders: ['cpu'],
      intraOpNumThreads: options.threadsPerRun,
      interOpNumThreads: 1,
      // Waiting threads that spin take the CPU from the proxy beside this process.
      extra: { session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } } },
      logSeverityLevel: FATAL,
    });
    return new ModelSession(session);
  }

  /** One run over all outputs. `inputs` are in the metadata's order and must not change until it ends. */
  async run(inputs: readonly Tensor[]): Promise<Tensor[]> {
    const feeds: Record<string, OrtTensor> = {};
    for (let i = 0; i < inputs.length; i++) {
      const name = this.metadata.inputs[i]?.name as string;
      feeds[name] = ortTensor(this.#ortTypes[i] as OrtTensor.Type, inputs[i] as Tensor);
    }
    const results = await this.#session.run(feeds, { logSeverityLevel: FATAL });
    return this.metadata.outputs.map(({ name }) => {
      const { data, dims } = results[name] as OrtTensor;
      return { data: elementsOf(data), shape: dims };
    });
  }

  /**
   * Runs once on zeros, because a first run allocates and is many times slower. What it thinks of zeros does
   * not matter: a model may well refuse them.
   */
  async warmUp(): Promise<void> {
    const zeros = this.metadata.inputs.map((input) => zeroTensor(input));
    await this.run(zeros).catch(() => undefined);
  }
}

function ortTensor(type: OrtTensor.Type, { data, shape }: Tensor): OrtTensor {
  const tensor = new OrtTensor(type, data as OrtTensor.DataType, shape);
  // It makes a Float16Array of FP16 where Node has one, but the native side finds no bytes in that.
  if (type === 'float16') Object.defineProperty(tensor, 'data', { value: data });
  return tensor;
}

/** FP16 comes as a Float16Array where Node has one; here it is always bit patterns. */
function elementsOf(data: OrtTensor.DataType): TensorData {
  if (!ArrayBuffer.isView(data) || data.constructor.name !== 'Float16Array') {
    return data as TensorData;
  }
  return new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2);
}

function tensorsOnly(value: InferenceSession.ValueMetadata): InferenceSession.TensorValueMetadata {
  if (value.isTensor) return value;
  throw new Error(
    `"${value.name}" is a sequence or a map; only tensors can be served (skl2onnx: zipmap=False)`,
  );
}

function describe({ name, type, shape }: InferenceSession.TensorValueMetadata): TensorMetadata {
  const datatype = DATATYPES[type];
  if (!datatype) throw new Error(`"${name}" has type ${type}, which the protocol does not have`);
  return { name, datatype, shape: shape.map((size) => (typeof size === 'number' ? size : -1)) };
}

function zeroTensor({ datatype, shape: declared }: TensorMetadata): Tensor {
  const shape = declared.map((size) => (size === -1 ? 1 : size));
  const count = elementCount(shape);
  const data =
    datatype === 'BYTES' ? new Array<string>(count).fill('') : new ELEMENT_ARRAYS[datatype](count);
  return { data, shape };
}
