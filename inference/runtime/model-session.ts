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
import { createOn, type ProviderOptions, type UsedProvider } from './execution-provider.ts';

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
  /** The dimensions of each input and output with their names. Equal names are equal sizes. */
  readonly dimensions: {
    readonly inputs: readonly (readonly Dimension[])[];
    readonly outputs: readonly (readonly Dimension[])[];
  };
}

export interface SessionOptions {
  /** Threads that one run may use; onnxruntime's own default is every core, for every session. */
  readonly threadsPerRun: number;
  /** Default: the CPU. */
  readonly provider?: ProviderOptions;
  /** Rows of the runs on zeros before the first request; default: one of one row. */
  readonly warmupRows?: readonly number[];
  /** Whether its runs are to be measured once it is warm, and up to how long a run may be. */
  readonly measureUpToUs?: number | undefined;
}

export class ModelSession {
  readonly metadata: SessionMetadata;
  readonly provider: UsedProvider;
  readonly #session: InferenceSession;
  readonly #ortTypes: readonly OrtTensor.Type[];

  private constructor(session: InferenceSession, provider: UsedProvider) {
    this.provider = provider;
    this.#session = session;
    const inputs = session.inputMetadata.map(tensorsOnly);
    const outputs = session.outputMetadata.map(tensorsOnly);
    this.#ortTypes = inputs.map(({ type }) => type);
    this.metadata = {
      inputs: inputs.map(describe),
      outputs: outputs.map(describe),
      dimensions: {
        inputs: inputs.map(({ shape }) => shape),
        outputs: outputs.map(({ shape }) => shape),
      },
    };
  }

  /** @throws Error when the file is no model, or one with inputs or outputs that cannot be carried. */
  static async load(path: string, options: SessionOptions): Promise<ModelSession> {
    const [session, provider] = await createOn(options.provider, (executionProviders) =>
      InferenceSession.create(path, {
        executionProviders,
        intraOpNumThreads: options.threadsPerRun,
        interOpNumThreads: 1,
        // Waiting threads that spin take the CPU from the proxy beside this process.
        extra: {
          session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } },
        },
        logSeverityLevel: FATAL,
      }),
    );
    return new ModelSession(session, provider);
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
   * Runs on zeros, because a first run allocates and is many times slower. What it thinks of zeros does not
   * matter: a model may well refuse them.
   */
  async warmUp(rows: readonly number[] = [1]): Promise<void> {
    for (const count of rows) await this.run(this.zeros(count)).catch(() => undefined);
  }

  /** Whether runs may differ in their rows: the first dimension of some input is variable. */
  get hasRows(): boolean {
    return this.metadata.inputs.some(({ shape }) => shape[0] === -1);
  }

  /** Inputs with so many rows, where the model leaves that open. */
  zeros(rows: number): Tensor[] {
    return this.metadata.inputs.map((input) => zeroTensor(input, rows));
  }

  /** Gives its memory back. Nothing may run, now or later. */
  async release(): Promise<void> {
    await this.#session.release();
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

function zeroTensor({ datatype, shape: declared }: TensorMetadata, rows: number): Tensor {
  const shape = declared.map((size, i) => (size !== -1 ? size : i === 0 ? rows : 1));
  const count = elementCount(shape);
  const data =
    datatype === 'BYTES' ? new Array<string>(count).fill('') : new ELEMENT_ARRAYS[datatype](count);
  return { data, shape };
}
