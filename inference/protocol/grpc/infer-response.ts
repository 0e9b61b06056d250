import type { RequestedOutput } from '../infer-outputs.ts';
import type { Datatype, ModelMetadata, Tensor } from '../tensor.ts';
import { tensorBytes } from '../tensor-binary.ts';
import { encodeContents } from './contents-encoder.ts';
import { fieldSize, uintSize, WireWriter } from './wire-writer.ts';

/** Fields of ModelInferResponse. */
const MODEL_NAME = 1;
const MODEL_VERSION = 2;
const ID = 3;
const OUTPUT = 5;
const RAW_CONTENTS = 6;
/** Fields of an output. */
const NAME = 1;
const DATATYPE = 2;
const SHAPE = 3;
const CONTENTS = 5;

interface OutputHead {
  /** Name and datatype, encoded. */
  readonly bytes: Uint8Array;
  readonly datatype: Datatype;
}

/** An output on its way into a message: what its sizes were counted from. */
interface Part {
  readonly head: OutputHead;
  readonly shape: readonly number[];
  readonly shapeSize: number;
  /** Raw, or an InferTensorContents. */
  readonly data: Uint8Array;
}

/** Writes ModelInferResponse of one model: once counted, once written, with all that never changes made before. */
export class GrpcInferResponseEncoder {
  readonly #head: Uint8Array;
  readonly #outputs: readonly OutputHead[];

  constructor({ name, version, outputs }: ModelMetadata) {
    this.#head = textFields([MODEL_NAME, name], [MODEL_VERSION, version]);
    this.#outputs = outputs.map((output) => ({
      bytes: textFields([NAME, output.name], [DATATYPE, output.datatype]),
      datatype: output.datatype,
    }));
  }

  /** `tensors` are all outputs of the model; `outputs` says which are sent, how, and in which order. */
  encode(
    id: string | undefined,
    outputs: readonly RequestedOutput[],
    tensors: readonly Tensor[],
  ): Buffer {
    const raw = outputs[0]?.binary !== false;
    const parts = outputs.map(({ index }) => this.#part(index, tensors[index], raw));
    let size = this.#head.length;
    if (id !== undefined) size += fieldSize(Buffer.byteLength(id));
    for (const part of parts) {
      size += fieldSize(outputSize(part, raw));
      if (raw) size += fieldSize(part.data.length);
    }
    const writer = new WireWriter(size);
    writer.copy(this.#head);
    if (id !== undefined) writer.textField(ID, id);
    for (const part of parts) writeOutput(writer, part, raw);
    if (raw) for (const { data } of parts) writer.bytesField(RAW_CONTENTS, data);
    return writer.bytes;
  }

  #part(index: number, tensor: Tensor | undefined, raw: boolean): Part {
    const head = this.#outputs[index];
    if (!head || !tensor) throw new Error(`the model gave no output ${index}`);
    let shapeSize = 0;
    for (const dimension of tensor.shape) shapeSize += uintSize(dimension);
    const data = raw ? tensorBytes(tensor) : encodeContents(head.datatype, tensor.data);
    return { head, shape: tensor.shape, shapeSize, data };
  }
}

function outputSize({ head, shapeSize, data }: Part, raw: boolean): number {
  return head.bytes.length + fieldSize(shapeSize) + (raw ? 0 : fieldSize(data.length));
}

function writeOutput(writer: WireWriter, part: Part, raw: boolean): void {
  writer.field(OUTPUT, outputSize(part, raw));
  writer.copy(part.head.bytes);
  writer.field(SHAPE, part.shapeSize);
  for (const dimension of part.shape) writer.uint(dimension);
  if (!raw) writer.bytesField(CONTENTS, part.data);
}

function textFields(...fields: readonly (readonly [number, string])[]): Uint8Array {
  let size = 0;
  for (const [, text] of fields) size += fieldSize(Buffer.byteLength(text));
  const writer = new WireWriter(size);
  for (const [number, text] of fields) writer.textField(number, text);
  return writer.bytes;
}
