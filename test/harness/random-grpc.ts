/**
 * Random bodies of gRPC requests that name a model: fields in any order, fields that nobody knows, fields
 * that come twice, varints longer than they need to be. And what a protobuf library reads in them.
 */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

export type Random = (bound: number) => number;

export interface GrpcField {
  readonly number: number;
  readonly wireType: WireType;
  /** The value of a length-delimited field. */
  readonly bytes?: Uint8Array;
}

const NAMES = ['a', 'digits', 'org/llama-3:8b', 'grüße', '日本', '😀', '', 'n'.repeat(130)];
const VERSIONS = ['1', '2', '', '2024-05-13'];

/** A message whose name and version are in the fields of these numbers; 0: it has no version. */
export function randomMessage(next: Random, modelField: number, versionField: number): Uint8Array {
  const writer = new BinaryWriter();
  for (const number of randomOrder(next, modelField, versionField)) {
    if (number === modelField) string(writer, number, pick(NAMES, next), next);
    else if (number === versionField) string(writer, number, pick(VERSIONS, next), next);
    else randomField(writer, number, next);
  }
  return writer.finish();
}

/** A message as gRPC sends it. */
export function grpcFrame(message: Uint8Array): Uint8Array {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

/** The bytes with a few removed, doubled, or replaced by ones that matter in a message. */
export function mutatedBytes(body: Uint8Array, next: Random): Uint8Array {
  let out = Buffer.from(body);
  for (let i = 0; i <= next(3); i++) {
    const at = next(out.length + 1);
    const insert = next(2) === 0 ? [pick([0, 1, 2, 8, 9, 10, 13, 18, 0x7f, 0x80, 0xff], next)] : [];
    out = Buffer.concat([
      out.subarray(0, at),
      Buffer.from(insert),
      out.subarray(Math.min(out.length, at + next(2))),
    ]);
  }
  return out;
}

/** The messages of a body that has no compressed one. Throws where it is not a body of whole messages. */
export function messagesOf(body: Uint8Array): Uint8Array[] {
  const messages: Uint8Array[] = [];
  const bytes = Buffer.from(body);
  for (let at = 0; at < bytes.length; ) {
    if (bytes.readUInt8(at) !== 0) throw new Error('the flag is not 0');
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    if (end > bytes.length) throw new Error('the message is cut off');
    messages.push(bytes.subarray(at + 5, end));
    at = end;
  }
  return messages;
}

/** The fields of a message in their order. Throws where the library does. */
export function fieldsOf(message: Uint8Array): GrpcField[] {
  const reader = new BinaryReader(message);
  const fields: GrpcField[] = [];
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType === WireType.LengthDelimited) {
      fields.push({ number, wireType, bytes: reader.bytes() });
    } else {
      reader.skip(wireType, number);
      fields.push({ number, wireType });
    }
  }
  return fields;
}

/** The text of a field, of which the last counts; strict UTF-8, or it throws. */
export function textOf(fields: readonly GrpcField[], number: number): string {
  const last = fields.filter((field) => field.number === number && field.bytes).at(-1);
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  return decoder.decode(last?.bytes ?? new Uint8Array());
}

/** Most are in ascending order with one name, as serializers write them. */
function randomOrder(next: Random, modelField: number, versionField: number): number[] {
  const numbers = next(8) === 0 ? [] : [modelField];
  if (next(2) === 0 && versionField > 0) numbers.push(versionField);
  if (next(8) === 0) numbers.push(modelField);
  if (next(8) === 0 && versionField > 0) numbers.push(versionField);
  for (let count = next(5); count > 0; count--) {
    numbers.push(next(4) === 0 ? 1 + next(2 ** 29 - 1) : 1 + next(20));
  }
  if (next(3) > 0) return numbers.toSorted((a, b) => a - b);
  return shuffled(numbers, next);
}

function shuffled(numbers: readonly number[], next: Random): number[] {
  const left = [...numbers];
  return numbers.flatMap(() => left.splice(next(left.length), 1));
}

function randomField(writer: BinaryWriter, number: number, next: Random): void {
  const kind = next(5);
  if (kind === 0) {
    tag(writer, number, WireType.Varint, next).uint64(BigInt(next(2 ** 31)) ** BigInt(1 + next(2)));
  } else if (kind === 1) {
    tag(writer, number, WireType.Bit64, next).double(next(1000) / 8);
  } else if (kind === 2) {
    tag(writer, number, WireType.Bit32, next).float(next(1000) / 8);
  } else {
    const bytes = Uint8Array.from({ length: next(4) === 0 ? next(300) : next(12) }, () =>
      next(256),
    );
    value(tag(writer, number, WireType.LengthDelimited, next), bytes, next);
  }
}

function string(writer: BinaryWriter, number: number, text: string, next: Random): void {
  value(tag(writer, number, WireType.LengthDelimited, next), Buffer.from(text), next);
}

function tag(writer: BinaryWriter, number: number, type: WireType, next: Random): BinaryWriter {
  const value = ((number << 3) | type) >>> 0;
  return next(12) === 0 ? writer.raw(longVarint(value, 5)) : writer.tag(number, type);
}

function value(writer: BinaryWriter, bytes: Uint8Array, next: Random): void {
  if (next(12) > 0) writer.bytes(bytes);
  else writer.raw(longVarint(bytes.length, 2 + next(9))).raw(bytes);
}

/** A varint of at least `size` bytes. */
function longVarint(value: number, size: number): Uint8Array {
  const out = [];
  for (let left = value; left > 0 || out.length < size; left = Math.floor(left / 128)) {
    out.push((left % 128) | 0x80);
  }
  out.push((out.pop() ?? 0) & 0x7f);
  return Uint8Array.from(out);
}

function pick<T>(items: readonly T[], next: Random): T {
  return items[next(items.length)] as T;
}
