/** Rows in the form that `convert.py` reads: a folder a row, a `.npy` file an input. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelMetadata, Tensor } from '../../../inference/protocol/tensor.ts';
import { CommandFailure } from '../failure.ts';
import { npyFile } from '../rows/npy-writer.ts';
import { isBad, type RowOptions } from '../rows/row.ts';
import { openRows } from '../rows/row-file.ts';

/** @throws CommandFailure when no row can be used. */
export async function writeCalibration(
  folder: string,
  path: string,
  model: ModelMetadata,
  options: RowOptions,
  maxRows: number,
): Promise<void> {
  const file = await openRows(path, model, options);
  let count = 0;
  for await (const row of file.rows(0)) {
    if (isBad(row)) continue;
    await writeRow(join(folder, String(count)), model, row.inputs);
    if (++count === maxRows) break;
  }
  if (count === 0) throw new CommandFailure(`${path} has no row to calibrate with`, 2);
}

async function writeRow(
  folder: string,
  { inputs }: ModelMetadata,
  tensors: readonly Tensor[],
): Promise<void> {
  await mkdir(folder, { recursive: true });
  // Names of inputs may be none of files.
  const names: Record<string, string> = {};
  for (const [index, { name, datatype }] of inputs.entries()) {
    const file = `${index}.npy`;
    names[file] = name;
    await writeFile(join(folder, file), npyFile(datatype, tensors[index] as Tensor));
  }
  await writeFile(join(folder, 'names.json'), JSON.stringify(names));
}
