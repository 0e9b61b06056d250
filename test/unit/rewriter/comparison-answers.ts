/** Answers in every format that can be compared, from what they mean. */
import { CapturedAnswer } from '../../../filters/rewriter/comparison/captured-answer.ts';

const OUTCOMES = ['agree', 'disagree', 'incomparable'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export function outcomeOf(code: number): Outcome | undefined {
  return OUTCOMES[code];
}

/** A tensor whose `data` is flat, and is put into whatever form is asked for. */
export interface Tensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data: readonly (number | bigint | boolean | string | null)[];
}

export function tensor(
  name: string,
  datatype: string,
  shape: readonly number[],
  ...data: Tensor['data']
): Tensor {
  return { name, datatype, shape, data };
}

/** An answer with status 200; behind its body there are bytes that do not belong to it. */
export function answerOf(
  body: string | Uint8Array,
  contentType = 'application/json',
  jsonBytes = -1,
): CapturedAnswer {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  const answer = new CapturedAnswer();
  answer.status = 200;
  answer.contentType = contentType;
  answer.jsonBytes = jsonBytes;
  answer.bytes = new Uint8Array(bytes.length + 3).fill(0x22);
  answer.bytes.set(bytes);
  answer.size = bytes.length;
  return answer;
}

/** A tensor's data as text of JSON. */
export function dataText(tensor: Tensor, nested = false): string {
  const leaves = tensor.data.map((value) =>
    typeof value === 'string' ? JSON.stringify(value) : String(value),
  );
  const shape = nested ? tensor.shape : [];
  let parts = leaves;
  for (const length of shape.slice(1).toReversed()) {
    const rows = parts.length / length;
    parts = Array.from(
      { length: rows },
      (_, row) => `[${parts.slice(row * length, (row + 1) * length).join(', ')}]`,
    );
  }
  return `[${parts.join(',')}]`;
}

/** Open Inference in JSON. */
export function inference(tensors: readonly Tensor[], nested = false): CapturedAnswer {
  const outputs = tensors.map(
    (output) => `{${headText(output)},"data": ${dataText(output, nested)} }`,
  );
  return answerOf(`{"model_name":"m","outputs":[${outputs.join(' , ')}],"id":"1"}`);
}

/** Open Inference with binary data for all tensors but those in `asJson`. */
export function binaryInference(
  tensors: readonly Tensor[],
  asJson: readonly string[] = [],
): CapturedAnswer {
  const blobs: Uint8Array[] = [];
  const outputs = tensors.map((output) => {
    if (asJson.includes(output.name)) return `{${headText(output)},"data":${dataText(output)}}`;
    const bytes = rawBytes(output);
    blobs.push(bytes);
    return `{${headText(output)},"parameters":{"x":[1],"binary_data_size":${bytes.length}}}`;
  });
  const json = Buffer.from(`{"outputs":[${outputs.join(',')}]}`);
  const body = Buffer.concat([json, ...blobs]);
  return answerOf(body, 'application/octet-stream', json.length);
}

function headText({ name, datatype, shape }: Tensor): string {
  return `"name":${JSON.stringify(name)},"shape":[${shape.join(',')}],"datatype":"${datatype}"`;
}

/** A `ModelInferResponse`, its data raw, or packed in the typed list of this field. */
export function grpcInference(tensors: readonly Tensor[], typedField = 0): CapturedAnswer {
  const outputs = tensors.map((output) => {
    const shape = field(3, Buffer.concat(output.shape.map((size) => varint(BigInt(size)))));
    const parts = [field(1, Buffer.from(output.name)), field(2, Buffer.from(output.datatype))];
    parts.push(shape);
    if (typedField > 0) parts.push(field(5, field(typedField, packed(output, typedField))));
    return field(5, Buffer.concat(parts));
  });
  const raws = typedField > 0 ? [] : tensors.map((output) => field(6, rawBytes(output)));
  return grpcAnswer(Buffer.concat([field(1, Buffer.from('m')), ...outputs, ...raws]));
}

/** One message in its frame. */
export function grpcAnswer(message: Uint8Array, flag = 0): CapturedAnswer {
  const frame = Buffer.alloc(5);
  frame.writeUInt8(flag);
  frame.writeUInt32BE(message.length, 1);
  return answerOf(Buffer.concat([frame, message]), 'application/grpc+proto');
}

function packed(output: Tensor, typedField: number): Uint8Array {
  if (typedField >= 6) return rawBytes(output);
  return Buffer.concat(
    output.data.map((value) => varint(BigInt.asUintN(64, BigInt(value as number)))),
  );
}

function field(number: number, value: Uint8Array): Uint8Array {
  return Buffer.concat([varint(BigInt((number << 3) | 2)), varint(BigInt(value.length)), value]);
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return Buffer.from([...bytes, Number(rest)]);
}

/** A tensor's binary data. */
export function rawBytes(output: Tensor): Uint8Array {
  return Buffer.concat(output.data.map((value) => rawElement(output.datatype, value)));
}

function rawElement(datatype: string, value: Tensor['data'][number]): Uint8Array {
  if (datatype === 'BYTES') {
    const text = Buffer.from(String(value));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.length);
    return Buffer.concat([length, text]);
  }
  const bytes = Buffer.alloc(8);
  const number = value === null ? Number.NaN : Number(value);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (datatype === 'FP64') view.setFloat64(0, number, true);
  else if (datatype === 'FP32') view.setFloat32(0, number, true);
  else if (datatype === 'FP16') view.setFloat16(0, number, true);
  else if (datatype === 'BF16') {
    view.setFloat32(0, number, true);
    return bytes.subarray(2, 4);
  } else view.setBigInt64(0, BigInt.asIntN(64, BigInt(value as number)), true);
  const bits = datatype === 'BOOL' ? 8 : Number(datatype.replace(/[A-Z]+/, ''));
  return bytes.subarray(0, bits / 8);
}

/** KServe V1. */
export function predictions(value: unknown): CapturedAnswer {
  return answerOf(JSON.stringify({ predictions: value }));
}

/** OpenAI; `base64` writes them as bytes. */
export function embeddings(
  vectors: readonly (readonly number[])[],
  base64 = false,
): CapturedAnswer {
  const data = vectors.map((vector, index) => ({
    object: 'embedding',
    embedding: base64
      ? Buffer.from(new Float32Array(vector).buffer).toString('base64')
      : vector.map((value) => Number(Math.fround(value).toPrecision(9))),
    index,
  }));
  return answerOf(JSON.stringify({ object: 'list', data, usage: { total_tokens: 1 } }));
}

/** Events, one for each document, with everything that an event stream may have beside data. */
export function eventStream(documents: readonly unknown[], lineEnd = '\n'): CapturedAnswer {
  const lines = documents.flatMap((document) => [
    ': comment',
    'event: message',
    `data: ${typeof document === 'string' ? document : JSON.stringify(document)}`,
    '',
  ]);
  return answerOf(lines.join(lineEnd), 'Text/Event-Stream; charset=utf-8');
}

export function chat(...contents: (string | null)[]): CapturedAnswer {
  const choices = contents.map((content, index) => ({
    index,
    message: { role: 'assistant', content },
    finish_reason: 'stop',
  }));
  return answerOf(JSON.stringify({ id: 'x', object: 'chat.completion', choices, error: null }));
}
