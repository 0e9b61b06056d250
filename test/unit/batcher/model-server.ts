/**
 * A model server that knows all that can be joined, written without our readers: what a request would get
 * alone. It computes from numbers and texts, and refuses those that have the poison in them.
 */
import {
  BATCH_EMBEDDINGS,
  BATCH_KSERVE_V1,
  BATCH_OPEN_INFERENCE,
} from '../../../filters/wire/batch/batch-request.ts';

export const POISON = 666;

export interface Message {
  /** One of BATCH_*. */
  readonly kind: number;
  readonly bytes: Buffer;
  /** Of the JSON before binary tensors; -1: all is JSON. */
  readonly jsonBytes: number;
}

export interface Reply {
  readonly status: number;
  readonly bytes: Buffer;
  readonly jsonBytes: number;
}

interface Tensor {
  name: string;
  datatype: string;
  shape: [number, number];
  data?: number[] | string[];
  parameters?: { binary_data_size?: number };
}

export function serve(message: Message): Reply {
  try {
    if (message.kind === BATCH_OPEN_INFERENCE) return infer(message);
    const call = JSON.parse(message.bytes.toString());
    return message.kind === BATCH_KSERVE_V1 ? predict(call) : embed(call);
  } catch {
    return json(400, { error: 'unreadable' });
  }
}

export function json(status: number, value: unknown): Reply {
  return { status, bytes: Buffer.from(JSON.stringify(value)), jsonBytes: -1 };
}

const refused = json(400, { error: 'the poison is not allowed' });

/** `y` is `x` doubled, `name` says which row it is of: both binary where that was asked for. */
function infer({ bytes, jsonBytes }: Message): Reply {
  const end = jsonBytes < 0 ? bytes.length : jsonBytes;
  const call = JSON.parse(bytes.subarray(0, end).toString());
  const [input]: Tensor[] = call.inputs;
  if (!input) return json(400, { error: 'no input' });
  const [rows, columns] = input.shape;
  const numbers = input.data?.map(Number) ?? floatsOf(bytes.subarray(end));
  if (numbers.length !== rows * columns) return json(400, { error: 'not the shape' });
  if (numbers.includes(POISON)) return refused;
  const doubled = numbers.map((value) => value * 2);
  const names = Array.from({ length: rows }, (_, row) => `row of ${numbers[row * columns]}`);
  const binary = call.parameters?.binary_data_output === true;
  const raw = binary ? [floatBytes(doubled), textBytes(names)] : [];
  const part = (i: number, data: number[] | string[]) =>
    binary ? { parameters: { binary_data_size: raw[i]?.length } } : { data };
  const outputs = [
    { name: 'y', datatype: 'FP32', shape: [rows, columns], ...part(0, doubled) },
    { name: 'name', datatype: 'BYTES', shape: [rows, 1], ...part(1, names) },
  ];
  const head = Buffer.from(JSON.stringify({ ...(call.id && { id: call.id }), outputs }));
  if (!binary) return { status: 200, bytes: head, jsonBytes: -1 };
  return { status: 200, bytes: Buffer.concat([head, ...raw]), jsonBytes: head.length };
}

function predict(call: { instances: unknown[] }): Reply {
  if (JSON.stringify(call).includes(String(POISON))) return refused;
  const predictions = call.instances.map((instance) => ({ of: instance, labels: ['a', 'b'] }));
  return json(200, { model_name: 'm', predictions });
}

/** As many tokens as the text has bytes, so that each member's part is the one that it would have alone. */
function embed(call: { model: string; input: string | string[] }): Reply {
  const inputs = Array.isArray(call.input) ? call.input : [call.input];
  if (inputs.some((text) => text.includes(String(POISON)))) return refused;
  const data = inputs.map((text, index) => ({
    object: 'embedding',
    index,
    embedding: [text.length, text.charCodeAt(0) / 8],
  }));
  const tokens = inputs.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  return json(200, { object: 'list', data, model: call.model, usage });
}

export function floatBytes(values: readonly number[]): Buffer {
  return Buffer.from(Float32Array.from(values).buffer);
}

function floatsOf(bytes: Buffer): number[] {
  return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4));
}

function textBytes(texts: readonly string[]): Buffer {
  const parts = texts.flatMap((text) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(Buffer.byteLength(text));
    return [length, Buffer.from(text)];
  });
  return Buffer.concat(parts);
}

export interface Asking {
  readonly rows?: number;
  readonly columns?: number;
  readonly withId?: boolean;
  readonly poisoned?: boolean;
  /** Of embeddings. Default `m`. */
  readonly model?: string;
}

/** A request of JSON for `infer`, whose numbers tell whose it is. */
export function inferMessage(owner: number, asking: Asking = {}): Message {
  const { input, head } = inferParts(owner, asking);
  const body = { ...head, inputs: [{ ...input, data: numbersOf(owner, asking) }] };
  return message(BATCH_OPEN_INFERENCE, body);
}

/** As `inferMessage`, with its numbers behind the JSON; its answer's too where `binaryAnswer`. */
export function binaryMessage(owner: number, asking: Asking = {}, binaryAnswer = true): Message {
  const { input, head } = inferParts(owner, asking);
  const raw = floatBytes(numbersOf(owner, asking));
  const inputs = [{ ...input, parameters: { binary_data_size: raw.length } }];
  const parameters = binaryAnswer ? { parameters: { binary_data_output: true } } : {};
  const json = Buffer.from(JSON.stringify({ ...head, inputs, ...parameters }));
  const bytes = Buffer.concat([json, raw]);
  return { kind: BATCH_OPEN_INFERENCE, bytes, jsonBytes: json.length };
}

export function instancesMessage(owner: number, asking: Asking = {}): Message {
  const instances = Array.from({ length: asking.rows ?? 1 }, (_, row) => ({
    row: [owner, asking.poisoned && row === 0 ? POISON : 'x'],
  }));
  return message(BATCH_KSERVE_V1, { instances });
}

export function embeddingsMessage(owner: number, asking: Asking = {}): Message {
  const texts = Array.from({ length: asking.rows ?? 1 }, (_, row) => `${owner}: ${row} é`);
  if (asking.poisoned) texts[0] = String(POISON);
  const input = texts.length === 1 && asking.withId !== false ? texts[0] : texts;
  return message(BATCH_EMBEDDINGS, { model: asking.model ?? 'm', input });
}

function message(kind: number, body: unknown): Message {
  return { kind, bytes: Buffer.from(JSON.stringify(body)), jsonBytes: -1 };
}

function inferParts(owner: number, { rows = 1, columns = 2, withId = true }: Asking) {
  const input = { name: 'x', datatype: 'FP32', shape: [rows, columns] };
  return { input, head: withId ? { id: `c${owner}` } : {} };
}

function numbersOf(owner: number, { rows = 1, columns = 2, poisoned = false }: Asking): number[] {
  const numbers = Array.from({ length: rows * columns }, (_, i) => owner * 1_000 + i);
  if (poisoned) numbers[0] = POISON;
  return numbers;
}
