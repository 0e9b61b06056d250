/** The reader of a file of rows, by the end of its name. */
import { stat } from 'node:fs/promises';
import type { ModelMetadata } from '../../../inference/protocol/tensor.ts';
import { CsvRows } from './csv-rows.ts';
import { JsonRows } from './jsonl-rows.ts';
import { NpyRows } from './npy-rows.ts';
import { type RowFile, RowFileError, type RowOptions } from './row.ts';

/** @throws RowFileError when there is no such file, or none of a known format. */
export async function openRows(
  path: string,
  model: ModelMetadata,
  options: RowOptions,
): Promise<RowFile> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new RowFileError(`${path} cannot be read (${error.code})`);
  });
  if (!found.isFile()) throw new RowFileError(`${path} is no file`);
  if (/\.[ct]sv$/.test(path)) return await CsvRows.open(path, found.size, model, options);
  if (/\.(jsonl|ndjson)$/.test(path)) return new JsonRows(path, found.size, model, options);
  if (!path.endsWith('.npy')) {
    throw new RowFileError(`${path} must end in .csv, .tsv, .jsonl, .ndjson or .npy`);
  }
  if (options.label !== null) {
    throw new RowFileError(`${path}: a .npy file has no labels; give a .csv or .jsonl file`);
  }
  return await NpyRows.open(path, found.size, model);
}
