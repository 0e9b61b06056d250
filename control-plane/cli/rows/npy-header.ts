/** The head of a numpy `.npy` file, formats 1.0 and 2.0: what its elements are and how many there are. */
import type { FixedDatatype } from '../../../inference/protocol/element-arrays.ts';
import { RowFileError } from './row.ts';

export interface NpyHeader {
  readonly datatype: FixedDatatype;
  /** Of the whole array, in C order. */
  readonly shape: readonly number[];
  /** Where the elements begin. */
  readonly offset: number;
}

export const NPY_MAGIC = Buffer.from('\x93NUMPY', 'latin1');
/** Magic, version, and the longer of the two lengths. */
export const NPY_PREFIX_BYTES = 12;
const MAX_HEADER_BYTES = 65_536;

/** What numpy calls them: byte order, kind, bytes. One byte has no order. */
export const NPY_TYPES: Readonly<Record<string, FixedDatatype>> = {
  '|b1': 'BOOL',
  '|u1': 'UINT8',
  '<u2': 'UINT16',
  '<u4': 'UINT32',
  '<u8': 'UINT64',
  '|i1': 'INT8',
  '<i2': 'INT16',
  '<i4': 'INT32',
  '<i8': 'INT64',
  '<f2': 'FP16',
  '<f4': 'FP32',
  '<f8': 'FP64',
};

/**
 * Where the elements begin, from the first bytes of the file.
 * @throws RowFileError when they are of no such file.
 */
export function npyOffset(prefix: Buffer): number {
  if (prefix.length < NPY_PREFIX_BYTES || !prefix.subarray(0, NPY_MAGIC.length).equals(NPY_MAGIC)) {
    throw new RowFileError('it does not begin as a .npy file does');
  }
  const major = prefix.readUInt8(6);
  if (major !== 1 && major !== 2) {
    throw new RowFileError(`its format is ${major}.${prefix.readUInt8(7)}; 1.0 and 2.0 are read`);
  }
  const offset = major === 1 ? 10 + prefix.readUInt16LE(8) : 12 + prefix.readUInt32LE(8);
  if (offset <= MAX_HEADER_BYTES) return offset;
  throw new RowFileError(`its header takes ${offset} bytes; at most ${MAX_HEADER_BYTES} are read`);
}

/**
 * `head`: the file up to its first element.
 * @throws RowFileError saying what is not read, and how to save it so that it is.
 */
export function parseNpyHeader(head: Buffer): NpyHeader {
  const text = head.subarray(head.readUInt8(6) === 1 ? 10 : 12).toString('latin1');
  const descr = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const sizes = /'shape':\s*\(([\d,\s]*)\)/.exec(text)?.[1];
  if (text.includes("'descr': [")) {
    throw new RowFileError('its elements are records; save each field as an array of its own');
  }
  if (descr === undefined || order === undefined || sizes === undefined) {
    throw new RowFileError('its header lacks descr, fortran_order or shape');
  }
  if (order === 'True') {
    throw new RowFileError('it is in Fortran order; save numpy.ascontiguousarray(array)');
  }
  return { datatype: datatypeOf(descr), shape: shapeOf(sizes), offset: head.length };
}

function shapeOf(sizes: string): readonly number[] {
  const parts = sizes.split(',').filter((part) => part.trim() !== '');
  return parts.map(Number);
}

function datatypeOf(descr: string): FixedDatatype {
  const datatype = NPY_TYPES[descr];
  if (datatype !== undefined) return datatype;
  if (descr.includes('O')) {
    throw new RowFileError(
      'its elements are Python objects (pickled); save numbers, or write a .jsonl file',
    );
  }
  if (descr.startsWith('>')) {
    throw new RowFileError(
      `its elements are big-endian (${descr}); save array.astype('<${descr.slice(1)}')`,
    );
  }
  if (/^[<|]?[US]/.test(descr)) {
    throw new RowFileError(`its elements are text (${descr}); write a .jsonl or .csv file`);
  }
  throw new RowFileError(
    `its elements are ${descr}; ${Object.keys(NPY_TYPES).join(', ')} are read`,
  );
}
