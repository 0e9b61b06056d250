import type { Datatype, TensorData } from '../tensor.ts';
import { tensorBytes } from '../tensor-binary.ts';
import { CONTENTS_FIELDS } from './tensor-contents.ts';
import { fieldSize, uintSize, WireWriter, wordsSize } from './wire-writer.ts';

/** An InferTensorContents of these elements, packed where elements can be. */
export function encodeContents(datatype: Datatype, data: TensorData): Uint8Array {
  if (datatype === 'FP16') throw new Error('FP16 has no field of contents');
  const { number } = CONTENTS_FIELDS[datatype];
  switch (datatype) {
    case 'BYTES':
      return encodeStrings(number, data as readonly string[]);
    // Little-endian floats, and bytes of 0 and 1, are what they are in memory.
    case 'BOOL':
    case 'FP32':
    case 'FP64':
      return encodeBytes(number, tensorBytes({ data }));
    case 'INT64':
    case 'UINT64':
      return encodeWords(number, data as BigInt64Array | BigUint64Array);
    default:
      return encodeIntegers(number, data as Exclude<TensorData, readonly string[]>);
  }
}

function encodeBytes(number: number, bytes: Uint8Array): Uint8Array {
  const writer = new WireWriter(fieldSize(bytes.length));
  writer.bytesField(number, bytes);
  return writer.bytes;
}

function encodeStrings(number: number, texts: readonly string[]): Uint8Array {
  let size = 0;
  for (const text of texts) size += fieldSize(Buffer.byteLength(text));
  const writer = new WireWriter(size);
  for (const text of texts) writer.textField(number, text);
  return writer.bytes;
}

function encodeWords(number: number, data: BigInt64Array | BigUint64Array): Uint8Array {
  const words = new Int32Array(data.buffer, data.byteOffset, data.length * 2);
  let size = 0;
  for (let i = 0; i < words.length; i += 2) {
    size += wordsSize(words[i] as number, words[i + 1] as number);
  }
  const writer = new WireWriter(fieldSize(size));
  writer.field(number, size);
  for (let i = 0; i < words.length; i += 2) {
    writer.words(words[i] as number, words[i + 1] as number);
  }
  return writer.bytes;
}

function encodeIntegers(number: number, data: Exclude<TensorData, readonly string[]>): Uint8Array {
  let size = 0;
  for (const value of data) {
    // An int32 below 0 is written as an int64.
    size += Number(value) < 0 ? 10 : uintSize(Number(value));
  }
  const writer = new WireWriter(fieldSize(size));
  writer.field(number, size);
  for (const value of data) writer.words(Number(value), Number(value) < 0 ? -1 : 0);
  return writer.bytes;
}
