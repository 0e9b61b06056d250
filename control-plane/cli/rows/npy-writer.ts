/** A tensor as a numpy `.npy` file of format 1.0. */
import type { Datatype, Tensor } from '../../../inference/protocol/tensor.ts';
import { tensorBytes } from '../../../inference/protocol/tensor-binary.ts';
import { NPY_MAGIC, NPY_TYPES } from './npy-header.ts';
import { RowFileError } from './row.ts';

/** Elements begin at a multiple of it. */
const ALIGNMENT = 64;

/** @throws RowFileError for BYTES, which numpy has no plain form of. */
export function npyFile(datatype: Datatype, { data, shape }: Tensor): Buffer {
  const descr = Object.keys(NPY_TYPES).find((key) => NPY_TYPES[key] === datatype);
  if (descr === undefined) throw new RowFileError(`${datatype} cannot be written as .npy`);
  const sizes = shape.map((size) => `${size},`).join(' ');
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const before = NPY_MAGIC.length + 4;
  const length = Math.ceil((before + text.length + 1) / ALIGNMENT) * ALIGNMENT - before;
  const head = Buffer.alloc(4);
  head.writeUInt8(1, 0);
  head.writeUInt16LE(length, 2);
  const padded = Buffer.from(`${text.padEnd(length - 1)}\n`, 'latin1');
  return Buffer.concat([NPY_MAGIC, head, padded, tensorBytes({ data })]);
}
