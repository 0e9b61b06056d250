/**
 * Tensors as bytes: little-endian, row-major, nothing between elements. Memory has the same order on every
 * machine that onnxruntime-node runs on, so numbers are copied and never converted.
 */
import { isUtf8 } from 'node:buffer';
import { ELEMENT_ARRAYS } from './element-arrays.ts';
import { invalid } from './errors.ts';
import type { Datatype, Tensor, TensorData } from './tensor.ts';

/** Before each element of BYTES: its length. */
const PREFIX_BYTES = 4;

/**
 * Reads `count` elements into memory of their own, which a worker can be given whole. `where` begins every
 * complaint.
 * @throws RequestError when `bytes` are not exactly those elements; nothing large is allocated before that is known.
 */
export function readTensorBytes(
  datatype: Datatype,
  bytes: Uint8Array,
  count: number,
  where: string,
): TensorData {
  if (datatype === 'BYTES') return readStrings(bytes, count, where);
  const { BYTES_PER_ELEMENT } = ELEMENT_ARRAYS[datatype];
  if (bytes.length !== count * BYTES_PER_ELEMENT) {
    throw invalid(
      `${where}: has ${bytes.length} bytes of binary data; ${count} elements of ${datatype} are ${count * BYTES_PER_ELEMENT}`,
    );
  }
  if (datatype === 'BOOL') checkBooleans(bytes, where);
  const data = new ELEMENT_ARRAYS[datatype](count);
  new Uint8Array(data.buffer).set(bytes);
  return data;
}

/** The bytes of a tensor: a view of its own memory where it has one. */
export function tensorBytes({ data }: Pick<Tensor, 'data'>): Uint8Array {
  if (ArrayBuffer.isView(data))
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  let size = 0;
  for (const text of data) size += PREFIX_BYTES + Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const text of data) {
    const length = bytes.write(text, at + PREFIX_BYTES);
    at = bytes.writeUInt32LE(length, at) + length;
  }
  return bytes;
}

function checkBooleans(bytes: Uint8Array, where: string): void {
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte > 1) throw invalid(`${where}: element ${i} of BOOL is ${byte}, not 0 or 1`);
  }
}

function readStrings(bytes: Uint8Array, count: number, where: string): readonly string[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (count * PREFIX_BYTES > buffer.length) {
    throw invalid(
      `${where}: has ${buffer.length} bytes of binary data, too few for ${count} elements of BYTES, each with its length in ${PREFIX_BYTES}`,
    );
  }
  const texts: string[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const left = buffer.length - at - PREFIX_BYTES;
    const length = left < 0 ? 0 : buffer.readUInt32LE(at);
    if (length > left) {
      throw invalid(
        `${where}: element ${i} of BYTES ends after the tensor's ${buffer.length} bytes`,
      );
    }
    at += PREFIX_BYTES;
    texts.push(readText(buffer.subarray(at, at + length), i, where));
    at += length;
  }
  if (at === buffer.length) return texts;
  throw invalid(`${where}: ${buffer.length - at} bytes follow its ${count} elements of BYTES`);
}

/** onnxruntime-node carries strings, not bytes. */
export function readText(bytes: Buffer, element: number, where: string): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  throw invalid(
    `${where}: element ${element} of BYTES is not UTF-8, which the model's strings are`,
  );
}
