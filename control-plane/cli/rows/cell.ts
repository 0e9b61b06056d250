/** Cells of text as elements of an input. */
import type { Datatype, TensorData } from '../../../inference/protocol/tensor.ts';
import { elementWords, readElements } from './elements.ts';
import { BadField } from './row.ts';

type Value = number | bigint | boolean | string;

const INTEGER = /^\s*-?\d+\s*$/;
const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, 1: true, false: false, 0: false };

/**
 * The elements of one row of an input. `nameOf` is the name of a cell's column.
 * @throws BadField naming the first cell that is no element.
 */
export function readCells(
  cells: readonly string[],
  datatype: Datatype,
  nameOf: (index: number) => string,
): TensorData {
  const values = cells.map((cell) => cellValue(cell, datatype));
  const complain = (index: number): never => {
    const cell = cells[index] ?? '';
    const found = cell.trim() === '' ? 'is empty' : `is ${JSON.stringify(cell.slice(0, 80))}`;
    const name = nameOf(index);
    throw new BadField(name, `column ${name} ${found}, not ${elementWords(datatype)}`);
  };
  return readElements(values, datatype, complain);
}

function cellValue(cell: string, datatype: Datatype): Value | undefined {
  if (datatype === 'BYTES') return cell;
  if (datatype === 'BOOL') return BOOLEANS[cell.trim().toLowerCase()];
  // Number() reads nothing as 0.
  if (cell === '' || cell.trim() === '') return undefined;
  const number = Number(cell);
  if (datatype.endsWith('INT64') && INTEGER.test(cell)) return BigInt(cell.trim());
  return Number.isFinite(number) ? number : undefined;
}
