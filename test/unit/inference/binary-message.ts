/** Messages of the binary tensor data extension, written and read by hand: not by what is tested. */
import type { Datatype } from '../../../inference/protocol/tensor.ts';

/** What bytes of a datatype show. BYTES are strings, FP16 bit patterns. */
export type Value = number | bigint | boolean | string;

type Write = (buffer: Buffer, value: never) => unknown;

const WRITERS: Readonly<Record<Exclude<Datatype, 'BYTES'>, readonly [number, Write]>> = {
  BOOL: [1, (b, v: boolean) => b.writeUInt8(v ? 1 : 0)],
  UINT8: [1, (b, v: number) => b.writeUInt8(v)],
  UINT16: [2, (b, v: number) => b.writeUInt16LE(v)],
  UINT32: [4, (b, v: number) => b.writeUInt32LE(v)],
  UINT64: [8, (b, v: bigint) => b.writeBigUInt64LE(v)],
  INT8: [1, (b, v: number) => b.writeInt8(v)],
  INT16: [2, (b, v: number) => b.writeInt16LE(v)],
  INT32: [4, (b, v: number) => b.writeInt32LE(v)],
  INT64: [8, (b, v: bigint) => b.writeBigInt64LE(v)],
  FP16: [2, (b, v: number) => b.writeUInt16LE(v)],
  FP32: [4, (b, v: number) => b.writeFloatLE(v)],
  FP64: [8, (b, v: number) => b.writeDoubleLE(v)],
};

export function bytesOf(datatype: Datatype, values: readonly Value[]): Buffer {
  return Buffer.concat(
    values.map((value) => {
      if (datatype === 'BYTES') {
        const text = Buffer.from(value as string);
        const prefix = Buffer.alloc(4);
        prefix.writeUInt32LE(text.length);
        return Buffer.concat([prefix, text]);
      }
      const [size, write] = WRITERS[datatype];
      const element = Buffer.alloc(size);
      write(element, value as never);
      return element;
    }),
  );
}

export interface Message {
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** JSON (as text, where it has numbers that JavaScript has not), bytes behind it, and where they begin. */
export function binaryMessage(json: object | string, ...blobs: readonly Uint8Array[]): Message {
  const text = Buffer.from(typeof json === 'string' ? json : JSON.stringify(json));
  return {
    body: Buffer.concat([text, ...blobs]),
    headers: { 'inference-header-content-length': `${text.length}` },
  };
}

export interface BinaryOutput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly datatype: Datatype;
  readonly data?: readonly Value[];
  readonly parameters?: { readonly binary_data_size: number };
}

/** Each output with its bytes in hexadecimal, if it came as such; every byte must belong to one. */
export function readOutputs(
  body: Uint8Array,
  jsonLength: string | null,
): { json: { id?: string; outputs: BinaryOutput[] }; blobs: Record<string, string> } {
  const buffer = Buffer.from(body);
  let at = jsonLength === null ? buffer.length : Number(jsonLength);
  const json = JSON.parse(buffer.toString('utf8', 0, at));
  const blobs: Record<string, string> = {};
  for (const { name, parameters } of json.outputs as BinaryOutput[]) {
    if (parameters === undefined) continue;
    blobs[name] = buffer.toString('hex', at, at + parameters.binary_data_size);
    at += parameters.binary_data_size;
  }
  if (at !== buffer.length) throw new Error(`${buffer.length} bytes came, ${at} were announced`);
  return { json, blobs };
}
