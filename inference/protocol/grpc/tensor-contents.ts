/**
 * InferTensorContents: elements as numbers of protobuf, in the field that their datatype has. They are counted
 * first, so that nothing is allocated for a shape that is only claimed.
 */
import { ELEMENT_ARRAYS, type FixedDatatype } from '../element-arrays.ts';
import { invalid } from '../errors.ts';
import type { Datatype, TensorData } from '../tensor.ts';
import { readText } from '../tensor-binary.ts';
import { WIRE, WireReader } from './wire-reader.ts';

interface Field {
  readonly number: number;
  readonly name: string;
  /** Of one element; packed, they follow each other in one length-delimited field. */
  readonly type: number;
}

const BOOLS: Field = { number: 1, name: 'bool_contents', type: WIRE.VARINT };
const INTS: Field = { number: 2, name: 'int_contents', type: WIRE.VARINT };
const UINTS: Field = { number: 4, name: 'uint_contents', type: WIRE.VARINT };

/** FP16 has none: the protocol wants it raw. */
export const CONTENTS_FIELDS: Readonly<Record<Exclude<Datatype, 'FP16'>, Field>> = {
  BOOL: BOOLS,
  INT8: INTS,
  INT16: INTS,
  INT32: INTS,
  INT64: { number: 3, name: 'int64_contents', type: WIRE.VARINT },
  UINT8: UINTS,
  UINT16: UINTS,
  UINT32: UINTS,
  UINT64: { number: 5, name: 'uint64_contents', type: WIRE.VARINT },
  FP32: { number: 6, name: 'fp32_contents', type: WIRE.FIXED32 },
  FP64: { number: 7, name: 'fp64_contents', type: WIRE.FIXED64 },
  BYTES: { number: 8, name: 'bytes_contents', type: WIRE.LENGTH },
};

/**
 * Reads `count` elements into memory of their own. `where` begins every complaint.
 * @throws RequestError when there are more or fewer, of another datatype's field, or beyond the datatype's range.
 */
export function readContents(
  datatype: Datatype,
  parts: readonly Buffer[],
  count: number,
  where: string,
): TensorData {
  if (datatype === 'FP16') {
    throw invalid(`${where}: FP16 has no field of contents; send it in raw_input_contents`);
  }
  const field = CONTENTS_FIELDS[datatype];
  const found = countElements(parts, field, where);
  if (found !== count) {
    throw invalid(`${where}: ${field.name} has ${found} elements; its shape makes ${count}`);
  }
  if (datatype === 'BYTES') return readStrings(parts, field, where);
  const data = new ELEMENT_ARRAYS[datatype](count);
  let at = 0;
  forEachRun(parts, field, (reader) => {
    at = FILLS[datatype](reader, data, at, where);
  });
  return data;
}

/** Of the field; any other field that is not empty is a mistake. */
function countElements(parts: readonly Buffer[], field: Field, where: string): number {
  let count = 0;
  for (const part of parts) {
    const reader = new WireReader(part);
    while (!reader.done) {
      const tag = reader.tag();
      if (tag >>> 3 === field.number) {
        count += (tag & 7) === field.type ? skipOne(reader, tag) : countPacked(reader, tag, field);
      } else if ((tag & 7) !== WIRE.LENGTH || reader.view().length > 0) {
        throw invalid(`${where}: its elements must be in ${field.name} of contents`);
      }
    }
  }
  return count;
}

function skipOne(reader: WireReader, tag: number): number {
  reader.skip(tag);
  return 1;
}

function countPacked(reader: WireReader, tag: number, field: Field): number {
  if ((tag & 7) !== WIRE.LENGTH) throw invalid(`${field.name} has the wire type ${tag & 7}`);
  const bytes = reader.view();
  if (field.type !== WIRE.VARINT) {
    const size = field.type === WIRE.FIXED32 ? 4 : 8;
    if (bytes.length % size === 0) return bytes.length / size;
    throw invalid(`${field.name} has ${bytes.length} bytes, which are no ${size}-byte elements`);
  }
  let count = 0;
  // A varint's last byte alone has no high bit.
  for (let i = 0; i < bytes.length; i++) count += (bytes[i] as number) < 0x80 ? 1 : 0;
  return count;
}

/** Visits each part of the message that holds elements and nothing else. */
function forEachRun(
  parts: readonly Buffer[],
  field: Field,
  visit: (elements: WireReader) => void,
): void {
  for (const part of parts) {
    const reader = new WireReader(part);
    while (!reader.done) {
      const tag = reader.tag();
      if (tag >>> 3 !== field.number) reader.skip(tag);
      else if ((tag & 7) === WIRE.LENGTH && field.type !== WIRE.LENGTH) visit(reader.message());
      else {
        const start = reader.at;
        reader.skip(tag);
        visit(new WireReader(part, start, reader.at));
      }
    }
  }
}

function readStrings(parts: readonly Buffer[], field: Field, where: string): readonly string[] {
  const texts: string[] = [];
  forEachRun(parts, field, (reader) => {
    texts.push(readText(reader.view(), texts.length, where));
  });
  return texts;
}

/** Appends a run's elements at `at`. @returns where the next one goes. */
type Fill = (reader: WireReader, target: TensorData, at: number, where: string) => number;

const FILLS: Readonly<Record<Exclude<FixedDatatype, 'FP16'>, Fill>> = {
  BOOL: fillBooleans as Fill,
  INT8: fillInts as Fill,
  INT16: fillInts as Fill,
  INT32: fillInts as Fill,
  INT64: fillWords as Fill,
  UINT8: fillUints as Fill,
  UINT16: fillUints as Fill,
  UINT32: fillUints as Fill,
  UINT64: fillWords as Fill,
  FP32: fillFixed as Fill,
  FP64: fillFixed as Fill,
};

function fillBooleans(reader: WireReader, target: Uint8Array, at: number): number {
  for (; !reader.done; at++) {
    reader.varint();
    target[at] = (reader.low | reader.high) === 0 ? 0 : 1;
  }
  return at;
}

function fillInts(
  reader: WireReader,
  target: Int8Array | Int16Array | Int32Array,
  at: number,
  where: string,
): number {
  for (; !reader.done; at++) {
    reader.varint();
    target[at] = reader.low;
    if (target[at] !== reader.low) throw outOfRange(where, at, reader.low, target);
  }
  return at;
}

function fillUints(
  reader: WireReader,
  target: Uint8Array | Uint16Array | Uint32Array,
  at: number,
  where: string,
): number {
  for (; !reader.done; at++) {
    reader.varint();
    const value = reader.low >>> 0;
    target[at] = value;
    if (target[at] !== value) throw outOfRange(where, at, value, target);
  }
  return at;
}

function outOfRange(where: string, at: number, value: number, target: ArrayBufferView): Error {
  const bits = 8 * (target as Uint8Array).BYTES_PER_ELEMENT;
  return invalid(`${where}: element ${at} of contents is ${value}, beyond its ${bits} bits`);
}

/** As halves, since a BigInt for each would be garbage at once. */
function fillWords(reader: WireReader, target: BigInt64Array | BigUint64Array, at: number): number {
  const words = new Int32Array(target.buffer);
  for (; !reader.done; at++) {
    reader.varint();
    words[2 * at] = reader.low;
    words[2 * at + 1] = reader.high;
  }
  return at;
}

/** The bytes of memory are those of the wire. */
function fillFixed(reader: WireReader, target: Float32Array | Float64Array, at: number): number {
  const bytes = reader.bytes.subarray(reader.at, reader.end);
  new Uint8Array(target.buffer).set(bytes, at * target.BYTES_PER_ELEMENT);
  return at + bytes.length / target.BYTES_PER_ELEMENT;
}
