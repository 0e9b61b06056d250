/** Writes small ONNX models for tests, so that each test's model is in sight and Python is not needed. */
import { halfFromNumber } from '../../../inference/protocol/half-float.ts';

/** ONNX's numbers of element types. */
export const ELEMENT_TYPES = {
  FP32: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  BYTES: 8,
  BOOL: 9,
  FP16: 10,
  FP64: 11,
  UINT32: 12,
  UINT64: 13,
} as const;

export interface ValueSpec {
  readonly name: string;
  readonly type: keyof typeof ELEMENT_TYPES;
  /** A string is a variable dimension of that name. */
  readonly shape: readonly (number | string)[];
}

export interface NodeSpec {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Whole numbers of 0 or more, or lists of them. */
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}

export interface GraphSpec {
  readonly inputs: readonly ValueSpec[];
  readonly outputs: readonly ValueSpec[];
  readonly nodes: readonly NodeSpec[];
  readonly constants?: readonly ConstantSpec[];
}

export interface ConstantSpec {
  readonly name: string;
  readonly shape: readonly number[];
  /** Of the type's size; FP16 as bit patterns. */
  readonly data: NodeJS.TypedArray;
  /** Default: FP32. */
  readonly type?: keyof typeof ELEMENT_TYPES;
  /** The file beside the model that has the data. */
  readonly file?: string;
}

/** The bytes of a `model.onnx`. */
export function onnxModel(graph: GraphSpec): Uint8Array {
  const { inputs, outputs, nodes, constants = [] } = graph;
  return Buffer.concat([
    varintField(1, 8), // IR version
    field(8, varintField(2, 17)), // opset of the default domain
    field(
      7,
      ...nodes.map((node) => field(1, ...nodeFields(node))),
      field(2, 'test'),
      ...constants.map((constant) => field(5, ...constantFields(constant))),
      ...inputs.map((value) => field(11, ...valueFields(value))),
      ...outputs.map((value) => field(12, ...valueFields(value))),
    ),
  ]);
}

/** y = x, whatever the type: shows how values of a datatype get in and out. */
export function identityModel(
  type: ValueSpec['type'],
  shape: ValueSpec['shape'] = ['N'],
): Uint8Array {
  return onnxModel({
    inputs: [{ name: 'x', type, shape }],
    outputs: [{ name: 'y', type, shape }],
    nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }],
  });
}

/** Each input comes out again under a name with `_out`. */
export function mirrorModel(types: readonly ValueSpec['type'][]): Uint8Array {
  const value = (name: string, type: ValueSpec['type']): ValueSpec => ({
    name,
    type,
    shape: ['N', 'D'],
  });
  return onnxModel({
    inputs: types.map((type) => value(type, type)),
    outputs: types.map((type) => value(`${type}_out`, type)),
    nodes: types.map((type) => ({ op: 'Identity', inputs: [type], outputs: [`${type}_out`] })),
  });
}

/** y[i] = 10 * x[i] for x in 0..3; any other x makes the run fail, and with it whoever shares it. */
export function pickyModel(): Uint8Array {
  return onnxModel({
    inputs: [{ name: 'x', type: 'INT64', shape: ['N'] }],
    outputs: [{ name: 'y', type: 'FP32', shape: ['N'] }],
    nodes: [{ op: 'Gather', inputs: ['table', 'x'], outputs: ['y'] }],
    constants: [{ name: 'table', shape: [4], data: new Float32Array([0, 10, 20, 30]) }],
  });
}

/** The sum of all rows under a name that promises one value per row: joining requests to it is a mistake. */
export function summingModel(): Uint8Array {
  return onnxModel({
    inputs: [{ name: 'x', type: 'FP32', shape: ['', 1] }],
    outputs: [{ name: 'y', type: 'FP32', shape: ['', 1] }],
    nodes: [{ op: 'ReduceSum', inputs: ['x'], outputs: ['y'] }],
  });
}

/** x times the identity matrix, `layers` times: y = x after a while. */
export function slowModel(layers: number, width = 256): Uint8Array {
  const data = new Float32Array(width * width);
  for (let i = 0; i < width; i++) data[i * width + i] = 1;
  const value = (layer: number): string =>
    layer === 0 ? 'x' : layer === layers ? 'y' : `h${layer}`;
  return onnxModel({
    inputs: [{ name: 'x', type: 'FP32', shape: ['N', width] }],
    outputs: [{ name: 'y', type: 'FP32', shape: ['N', width] }],
    nodes: Array.from({ length: layers }, (_, i) => ({
      op: 'MatMul',
      inputs: [value(i), 'w'],
      outputs: [value(i + 1)],
    })),
    constants: [{ name: 'w', shape: [width, width], data }],
  });
}

/** y = x times w in the model's own type, with the weights in a file beside it if one is named. */
export function scalingModel(
  factor: number,
  options: { readonly file?: string; readonly width?: number; readonly half?: boolean } = {},
): Uint8Array {
  const { file, width = 2, half = false } = options;
  const type = half ? 'FP16' : 'FP32';
  const data = scalingWeights(factor, width, half);
  return onnxModel({
    inputs: [{ name: 'x', type, shape: ['N', width] }],
    outputs: [{ name: 'y', type, shape: ['N', width] }],
    nodes: [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }],
    constants: [
      { name: 'w', shape: [width, width], data, type, ...(file === undefined ? {} : { file }) },
    ],
  });
}

/** A diagonal matrix. */
export function scalingWeights(
  factor: number,
  width = 2,
  half = false,
): Float32Array | Uint16Array {
  const data = half ? new Uint16Array(width * width) : new Float32Array(width * width);
  for (let i = 0; i < width; i++) data[i * width + i] = half ? halfFromNumber(factor) : factor;
  return data;
}

/** y = x times 2 with weights in INT8, as quantisers write it: scale and zero point beside them. */
export function quantisedModel(): Uint8Array {
  return onnxModel({
    inputs: [{ name: 'x', type: 'FP32', shape: ['N', 2] }],
    outputs: [{ name: 'y', type: 'FP32', shape: ['N', 2] }],
    nodes: [
      { op: 'DequantizeLinear', inputs: ['q', 'scale', 'zero'], outputs: ['w'] },
      { op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] },
    ],
    constants: [
      { name: 'q', type: 'INT8', shape: [2, 2], data: new Int8Array([100, 0, 0, 100]) },
      { name: 'scale', shape: [], data: new Float32Array([0.02]) },
      { name: 'zero', type: 'INT8', shape: [], data: new Int8Array([0]) },
    ],
  });
}

function constantFields({ name, shape, data, type = 'FP32', file }: ConstantSpec): Buffer[] {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return [
    ...shape.map((size) => varintField(1, size)),
    varintField(2, ELEMENT_TYPES[type]),
    field(8, name),
    ...(file === undefined
      ? [field(9, bytes)]
      : [field(13, field(1, 'location'), field(2, file)), varintField(14, 1)]),
  ];
}

function nodeFields({ op, inputs, outputs, attributes = {} }: NodeSpec): Buffer[] {
  return [
    ...inputs.map((name) => field(1, name)),
    ...outputs.map((name) => field(2, name)),
    field(4, op),
    ...Object.entries(attributes).map(([name, value]) => field(5, ...attributeFields(name, value))),
  ];
}

function attributeFields(name: string, value: number | readonly number[]): Buffer[] {
  if (typeof value === 'number') {
    return [field(1, name), varintField(3, value), varintField(20, 2)];
  }
  return [field(1, name), ...value.map((each) => varintField(8, each)), varintField(20, 7)];
}

function valueFields({ name, type, shape }: ValueSpec): Buffer[] {
  const dimensions = shape.map((size) =>
    field(
      1,
      typeof size === 'number' ? varintField(1, size) : size === '' ? Buffer.of() : field(2, size),
    ),
  );
  return [
    field(1, name),
    field(2, field(1, varintField(1, ELEMENT_TYPES[type]), field(2, ...dimensions))),
  ];
}

/** A protobuf field of bytes: text, or the fields of a message. */
function field(number: number, ...parts: (Buffer | string)[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  return Buffer.concat([varint(number * 8 + 2), varint(content.length), content]);
}

function varintField(number: number, value: number): Buffer {
  return Buffer.concat([varint(number * 8), varint(value)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}
