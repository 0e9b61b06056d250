/** A server of the Open Inference Protocol with a library's JSON, and what its answers mean. */
import { createHash } from 'node:crypto';
import { jsonPart, type Message } from './batch-kind.ts';
import {
  type Json,
  type JsonObject,
  list,
  object,
  parseExact,
  spelled,
  text,
  whole,
} from './exact-json.ts';

const SIZES: Readonly<Record<string, number>> = {
  ...{ BOOL: 1, UINT8: 1, INT8: 1, UINT16: 2, INT16: 2, FP16: 2, BF16: 2 },
  ...{ UINT32: 4, INT32: 4, FP32: 4, UINT64: 8, INT64: 8, FP64: 8 },
};

/** A tensor, row by row: its bytes, or its part of a list. */
interface Rows {
  readonly tensor: JsonObject;
  readonly rows: readonly (Buffer | Json[])[];
  readonly nested: boolean;
}

export function bytesElement(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([length, bytes]);
}

export function rowsOf(request: Message): number {
  return inputRows(request)[0]?.rows.length ?? 0;
}

/**
 * Three outputs: `text`, a digest of each row; `score`, two numbers; and `echo`, the rows of the first
 * input in JSON.
 */
export function serveInference(request: Message): Message {
  const message = object(parseExact(jsonPart(request)));
  const inputs = inputRows(request).sort((a, b) => compare(nameOf(a), nameOf(b)));
  const count = inputs[0]?.rows.length ?? 0;
  if (inputs.some(({ rows }) => rows.length !== count)) throw new Error('rows disagree');
  const digests = Array.from({ length: count }, (_, row) => digestOf(inputs, row));
  const all = object(message['parameters'] ?? {})['binary_data_output'] === true;
  const wanted = message['outputs'] === undefined ? null : list(message['outputs']).map(object);
  const blobs: Buffer[] = [];
  const outputs: Json[] = [];
  const names = ['text', 'score', 'echo'].map((name): JsonObject => ({ name }));
  for (const output of wanted ?? names) {
    const binary = object(output['parameters'] ?? {})['binary_data'] ?? all;
    outputs.push(outputOf(text(output['name']), binary === true, inputs, digests, blobs));
  }
  const id = message['id'] === undefined ? {} : { id: message['id'] };
  const answer = { model_name: 'm', ...id, parameters: { a: spelled('1.0') }, outputs };
  const json = Buffer.from(JSON.stringify(answer));
  return { body: Buffer.concat([json, ...blobs]), jsonBytes: blobs.length > 0 ? json.length : -1 };
}

/** The rows of an answer that belong to one member. */
export function sliceInference(
  answer: Message,
  from: number,
  to: number,
  id: string | undefined,
): Message {
  const message = object(parseExact(jsonPart(answer)));
  const blobs: Buffer[] = [];
  const outputs = tensorRows(answer, 'outputs').map(({ tensor, rows, nested }): JsonObject => {
    const own = rows.slice(from, to);
    const shape = [spelled(to - from), ...list(tensor['shape']).slice(1)];
    if (tensor['data'] !== undefined) {
      return { ...tensor, shape, data: nested ? (own as Json[]) : (own as Json[][]).flat() };
    }
    const blob = Buffer.concat(own as Buffer[]);
    blobs.push(blob);
    const parameters = { ...object(tensor['parameters']), binary_data_size: spelled(blob.length) };
    return { ...tensor, shape, parameters };
  });
  const hasId = id !== undefined && message['id'] !== undefined;
  const own = { ...message, ...(hasId && { id }), outputs };
  const json = Buffer.from(JSON.stringify(own));
  return {
    body: Buffer.concat([json, ...blobs]),
    jsonBytes: answer.jsonBytes < 0 ? -1 : json.length,
  };
}

function inputRows(request: Message): Rows[] {
  return tensorRows(request, 'inputs');
}

function tensorRows(message: Message, field: string): Rows[] {
  const json = jsonPart(message);
  let at = json.length;
  const tensors = list(object(parseExact(json))[field]).map((value): Rows => {
    const tensor = object(value);
    const shape = list(tensor['shape']).map(whole);
    const count = shape[0];
    if (count === undefined) throw new Error('no rows');
    const size = shape.slice(1).reduce((product, dimension) => product * dimension, 1);
    const bytes = object(tensor['parameters'] ?? {})['binary_data_size'];
    if (bytes === undefined) return { tensor, ...listRows(list(tensor['data']), count, size) };
    if (tensor['data'] !== undefined) throw new Error('two kinds of data');
    const blob = message.body.subarray(at, at + whole(bytes));
    at += whole(bytes);
    return { tensor, rows: blobRows(blob, text(tensor['datatype']), count, size), nested: false };
  });
  if (at !== message.body.length) throw new Error('bytes that nobody owns');
  return tensors;
}

function listRows(data: Json[], count: number, size: number): Omit<Rows, 'tensor'> {
  if (count > 1e6 || leaves(data) !== count * size) throw new Error('not the shape');
  const nested = Array.isArray(data[0]);
  if (!nested) {
    if (data.some(Array.isArray)) throw new Error('flat and nested');
    const cut = (row: number) => data.slice(row * size, (row + 1) * size);
    return { rows: Array.from({ length: count }, (_, row) => cut(row)), nested };
  }
  if (data.length !== count) throw new Error('not the rows');
  if (data.some((row) => leaves(list(row)) !== size)) throw new Error('ragged');
  return { rows: data.map(list), nested };
}

function leaves(data: Json): number {
  return Array.isArray(data) ? data.reduce<number>((sum, item) => sum + leaves(item), 0) : 1;
}

function blobRows(blob: Buffer, datatype: string, count: number, size: number): Buffer[] {
  const rows: Buffer[] = [];
  let at = 0;
  if (count > 1e6) throw new Error('too many rows');
  for (let row = 0; row < count; row++) {
    const start = at;
    if (datatype !== 'BYTES') at += size * (SIZES[datatype] ?? Number.NaN);
    for (let i = 0; datatype === 'BYTES' && i < size; i++) at += 4 + blob.readUInt32LE(at);
    rows.push(blob.subarray(start, at));
  }
  if (at !== blob.length) throw new Error('not the size');
  return rows;
}

function digestOf(inputs: readonly Rows[], row: number): Buffer {
  const hash = createHash('sha1');
  for (const input of inputs) {
    const value = input.rows[row] as Buffer | Json[];
    hash.update(nameOf(input)).update(Buffer.isBuffer(value) ? value : JSON.stringify(value));
  }
  return hash.digest();
}

function outputOf(
  name: string,
  binary: boolean,
  inputs: readonly Rows[],
  digests: readonly Buffer[],
  blobs: Buffer[],
): JsonObject {
  const rows = spelled(digests.length);
  if (name === 'echo') {
    const first = inputs[0] as Rows;
    const lists = first.rows.filter((row) => Array.isArray(row));
    if (lists.length === 0) {
      const data = first.rows.map((row) => (row as Buffer).toString('hex'));
      return { name, datatype: 'BYTES', shape: [rows], data };
    }
    const shape = first.tensor['shape'] as Json;
    return { name, datatype: 'BYTES', shape, data: first.nested ? lists : lists.flat() };
  }
  if (name !== 'score' && name !== 'text') throw new Error('no such output');
  const datatype = name === 'text' ? 'BYTES' : 'FP32';
  const shape = name === 'text' ? [rows] : [rows, spelled(2)];
  if (!binary) {
    const scores = digests.flatMap((digest) => [spelled(`${digest[0]}.50`), spelled('1e-3')]);
    return {
      ...{ name, datatype, shape },
      data: name === 'text' ? digests.map((digest) => digest.toString('hex')) : scores,
    };
  }
  const parts = digests.map((digest) => {
    const short = digest.subarray(0, (digest[0] ?? 0) % 12);
    return name === 'text' ? bytesElement(short) : digest.subarray(0, 8);
  });
  const blob = Buffer.concat(parts);
  blobs.push(blob);
  const parameters = { binary_data_size: spelled(blob.length) };
  return { name, datatype, shape, parameters };
}

function nameOf(input: Rows): string {
  return text(input.tensor['name']);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
