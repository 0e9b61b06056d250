/** Writes a file of rows and reads it for a model. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { BadRow, Row, RowOptions } from '../../../../control-plane/cli/rows/row.ts';
import { openRows } from '../../../../control-plane/cli/rows/row-file.ts';
import type { Datatype, ModelMetadata } from '../../../../inference/protocol/tensor.ts';
import { folderWith } from '../command.ts';

export function modelOf(
  ...inputs: readonly [name: string, datatype: Datatype, shape: readonly number[]][]
): ModelMetadata {
  const tensors = inputs.map(([name, datatype, shape]) => ({ name, datatype, shape }));
  return { name: 'm', version: '1', inputs: tensors, outputs: [] };
}

export async function readRows(
  context: TestContext,
  name: string,
  content: string | Uint8Array,
  model: ModelMetadata,
  options: Partial<RowOptions> = {},
  skip = 0,
): Promise<(Row | BadRow)[]> {
  const path = join(folderWith(context, {}), name);
  writeFileSync(path, content);
  const all: RowOptions = { label: null, ignore: [], noHeader: false, ...options };
  const file = await openRows(path, model, all);
  return await Array.fromAsync(file.rows(skip));
}
