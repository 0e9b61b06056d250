/** Which columns of a CSV file are which input, and which of them is the label. */
import type { ModelMetadata, TensorMetadata } from '../../../inference/protocol/tensor.ts';
import { RowFileError, type RowOptions } from './row.ts';
import { flatShape } from './row-shape.ts';

export interface InputColumns {
  readonly input: TensorMetadata;
  /** Places in a line, in the order of the elements. */
  readonly columns: readonly number[];
  /** Of the input's tensor in a request of one row. */
  readonly shape: readonly number[];
}

export interface CsvColumns {
  /** In the order of the model's inputs. */
  readonly inputs: readonly InputColumns[];
  /** -1: none. */
  readonly label: number;
  /** Cells of a line. */
  readonly count: number;
  /** As the header has it; without one its number, from 1. */
  nameOf(column: number): string;
}

/**
 * A column belongs to the input that it is named after: `input`, `input_0`, `input.0`, `input[0]`. A model of one input whose
 * name begins no column takes all columns that are left.
 * @throws RowFileError naming the columns that do not fit.
 */
export function namedColumns(
  header: readonly string[],
  model: ModelMetadata,
  { label, ignore }: RowOptions,
): CsvColumns {
  const names = header.map((name) => name.trim());
  for (const name of [...(label === null ? [] : [label]), ...ignore]) {
    if (names.indexOf(name) === names.lastIndexOf(name) && names.includes(name)) continue;
    const problem = names.includes(name) ? 'more than one column' : 'no column';
    throw new RowFileError(`the header has ${problem} ${JSON.stringify(name)}: ${listOf(names)}`);
  }
  const columns = names
    .map((name, column) => ({ name, column, owner: ownerOf(name, model) }))
    .filter(({ name }) => name !== label && !ignore.includes(name));
  const noneNamed = columns.every(({ owner }) => owner === null);
  const groups =
    model.inputs.length === 1 && noneNamed
      ? [columns.map(({ column }) => column)]
      : byInput(columns, model);
  return {
    inputs: groups.map((group, i) => inputColumns(model.inputs[i] as TensorMetadata, group)),
    label: label === null ? -1 : names.indexOf(label),
    count: names.length,
    nameOf: (column) => names[column] ?? '',
  };
}

/**
 * Without a header all columns are the one input, in their order.
 * @throws RowFileError when the model has more inputs than one, or a column is meant by its name.
 */
export function positionalColumns(
  count: number,
  model: ModelMetadata,
  { label, ignore }: RowOptions,
): CsvColumns {
  const [input, ...more] = model.inputs;
  const named = label ?? ignore[0];
  if (named !== undefined) {
    throw new RowFileError(`the file has no header, so no column ${JSON.stringify(named)}`);
  }
  if (input === undefined || more.length > 0) {
    throw new RowFileError(
      `a file without a header needs a model with one input; this one has ${listOf(model.inputs.map(({ name }) => name))}`,
    );
  }
  return {
    inputs: [inputColumns(input, [...Array(count).keys()])],
    label: -1,
    count,
    nameOf: (column) => String(column + 1),
  };
}

function inputColumns(input: TensorMetadata, columns: readonly number[]): InputColumns {
  const shape = flatShape(input, columns.length);
  if (typeof shape !== 'string') return { input, columns, shape };
  throw new RowFileError(
    `${shape}, as the file has columns for it; leave out columns that are no input (--ignore)`,
  );
}

/** The longest name wins, so that `a_b_0` is of `a_b` and not of `a`. */
function ownerOf(column: string, { inputs }: ModelMetadata): number | null {
  let owner: number | null = null;
  let length = -1;
  for (const [index, { name }] of inputs.entries()) {
    const isNamed =
      column === name || (column.startsWith(name) && '_.[:'.includes(column[name.length] ?? ' '));
    if (!isNamed || name.length <= length) continue;
    owner = index;
    length = name.length;
  }
  return owner;
}

function byInput(
  columns: readonly { readonly name: string; column: number; owner: number | null }[],
  { inputs }: ModelMetadata,
): number[][] {
  const strangers = columns.filter(({ owner }) => owner === null);
  if (strangers.length > 0) {
    throw new RowFileError(
      `no input is named in ${listOf(strangers.map(({ name }) => name))}: columns begin with one of ${listOf(inputs.map(({ name }) => name))}, or are left out (--ignore)`,
    );
  }
  return inputs.map((_, index) =>
    columns.filter(({ owner }) => owner === index).map(({ column }) => column),
  );
}

const MOST_LISTED = 8;

function listOf(names: readonly string[]): string {
  const shown = names.slice(0, MOST_LISTED).map((name) => JSON.stringify(name));
  const more = names.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}
