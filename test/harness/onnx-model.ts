/**
 * Writes ONNX models of dense layers with random weights, for tests and benchmarks that want a size and not
 * a meaning. The fields are those of onnx.proto.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { randomSource } from './random.ts';

const IR_VERSION = 8;
const OPSET_VERSION = 13;
/** `TensorProto.DataType.FLOAT`. */
const FLOAT = 1;
const ROWS = 'rows';
const RANDOM_STEPS = 65_536;

export interface DenseModel {
  /** Of the input, of each hidden layer, and of the output. Between two layers stands a ReLU. */
  readonly sizes: readonly number[];
  readonly seed: number;
}

/** Its input `x` is FP32 of shape `[rows, first size]`, its output `y` of `[rows, last size]`. */
export function denseModel({ sizes, seed }: DenseModel): Uint8Array {
  const random = randomSource(seed);
  const graph = new BinaryWriter();
  const [inputSize = 0] = sizes;
  const last = sizes.length - 2;
  for (let layer = 0; layer <= last; layer++) {
    const [from = 0, to = 0] = sizes.slice(layer);
    const input = layer === 0 ? 'x' : `relu${layer - 1}`;
    const output = layer === last ? 'y' : `sum${layer}`;
    message(graph, 1, node('Gemm', [input, `weight${layer}`, `bias${layer}`], output));
    if (layer < last) message(graph, 1, node('Relu', [output], `relu${layer}`));
    // As large as keeps the sums about as large as what is summed, through any number of layers.
    const scale = Math.sqrt(6 / from);
    message(graph, 5, tensor(`weight${layer}`, [from, to], weights(from * to, scale, random)));
    message(graph, 5, tensor(`bias${layer}`, [to], weights(to, scale, random)));
  }
  text(graph, 2, 'dense');
  message(graph, 11, value('x', inputSize));
  message(graph, 12, value('y', sizes.at(-1) ?? 0));
  const model = new BinaryWriter();
  whole(model, 1, IR_VERSION);
  message(model, 8, whole(new BinaryWriter(), 2, OPSET_VERSION));
  return message(model, 7, graph).finish();
}

/** `NodeProto`. */
function node(operator: string, inputs: readonly string[], output: string): BinaryWriter {
  const writer = new BinaryWriter();
  for (const input of inputs) text(writer, 1, input);
  text(writer, 2, output);
  return text(writer, 4, operator);
}

/** `TensorProto`. */
function tensor(name: string, shape: readonly number[], data: Float32Array): BinaryWriter {
  const writer = new BinaryWriter();
  for (const size of shape) whole(writer, 1, size);
  whole(writer, 2, FLOAT);
  text(writer, 8, name);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return writer.tag(9, WireType.LengthDelimited).bytes(bytes);
}

/** `ValueInfoProto` of a tensor with any number of rows. */
function value(name: string, size: number): BinaryWriter {
  const shape = message(new BinaryWriter(), 1, text(new BinaryWriter(), 2, ROWS));
  message(shape, 1, whole(new BinaryWriter(), 1, size));
  const type = message(whole(new BinaryWriter(), 1, FLOAT), 2, shape);
  return message(text(new BinaryWriter(), 1, name), 2, message(new BinaryWriter(), 1, type));
}

/** From `-scale` to `scale`. */
function weights(count: number, scale: number, random: (bound: number) => number): Float32Array {
  const data = new Float32Array(count);
  for (let i = 0; i < count; i++) data[i] = ((random(RANDOM_STEPS) * 2) / RANDOM_STEPS - 1) * scale;
  return data;
}

function whole(writer: BinaryWriter, field: number, number: number): BinaryWriter {
  return writer.tag(field, WireType.Varint).int64(number);
}

function text(writer: BinaryWriter, field: number, string: string): BinaryWriter {
  return writer.tag(field, WireType.LengthDelimited).string(string);
}

function message(writer: BinaryWriter, field: number, inner: BinaryWriter): BinaryWriter {
  return writer.tag(field, WireType.LengthDelimited).bytes(inner.finish());
}
