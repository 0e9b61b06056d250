/** Rows of a CSV file (RFC 4180), read as a stream. A first line of numbers alone is a row, any other a header. */
import { createReadStream, type ReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { CsvError, type Parser, parse } from 'csv-parse';
import type { ModelMetadata } from '../../../inference/protocol/tensor.ts';
import { readCells } from './cell.ts';
import { type CsvColumns, namedColumns, positionalColumns } from './csv-columns.ts';
import {
  BadField,
  type BadRow,
  type Row,
  type RowFile,
  RowFileError,
  type RowOptions,
  rowOrBad,
} from './row.ts';

const READ_BYTES = 262_144;
/** A quote that is never closed would make the rest of the file one row. */
const MAX_RECORD_BYTES = 16_777_216;

interface Head {
  readonly isHeader: boolean;
  readonly columns: CsvColumns;
}

export class CsvRows implements RowFile {
  readonly bytes: number;
  readonly #path: string;
  readonly #head: Head;
  #stream: ReadStream | undefined;

  private constructor(path: string, bytes: number, head: Head) {
    this.#path = path;
    this.bytes = bytes;
    this.#head = head;
  }

  /** @throws RowFileError when its columns are not those of the model. */
  static async open(
    path: string,
    bytes: number,
    model: ModelMetadata,
    options: RowOptions,
  ): Promise<CsvRows> {
    for await (const line of readLines(createReadStream(path), path)) {
      const isHeader = !options.noHeader && line.some((cell) => Number.isNaN(Number(cell)));
      const columns = isHeader
        ? namedColumns(line, model, options)
        : positionalColumns(line.length, model, options);
      return new CsvRows(path, bytes, { isHeader, columns });
    }
    throw new RowFileError(`${path} is empty`);
  }

  get bytesRead(): number {
    return this.#stream?.bytesRead ?? 0;
  }

  async *rows(skip: number): AsyncGenerator<Row | BadRow> {
    const { isHeader, columns } = this.#head;
    this.#stream = createReadStream(this.#path, { highWaterMark: READ_BYTES });
    let number = isHeader ? -1 : 0;
    for await (const line of readLines(this.#stream, this.#path)) {
      number++;
      if (number > skip) yield rowOrBad(number, () => readRow(number, line, columns));
    }
  }
}

async function* readLines(stream: ReadStream, path: string): AsyncGenerator<readonly string[]> {
  const parser = parse({
    bom: true,
    delimiter: path.endsWith('.tsv') ? '\t' : ',',
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: MAX_RECORD_BYTES,
  });
  // Whoever reads the parser hears of every error.
  pipeline(stream, parser, () => undefined);
  try {
    yield* parser as Parser & AsyncIterable<readonly string[]>;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new RowFileError(`${path} is no CSV from here on: ${error.message}`);
  }
}

function readRow(number: number, line: readonly string[], columns: CsvColumns): Row {
  if (line.length !== columns.count) {
    throw new BadField(null, `has ${line.length} cells; the first line has ${columns.count}`);
  }
  const inputs = columns.inputs.map(({ input, columns: places, shape }) => {
    const cells = places.map((place) => line[place] ?? '');
    const nameOf = (index: number) => columns.nameOf(places[index] ?? 0);
    return { data: readCells(cells, input.datatype, nameOf), shape };
  });
  return { number, inputs, label: labelOf(line, columns) };
}

function labelOf(line: readonly string[], { label, nameOf }: CsvColumns): string | null {
  if (label < 0) return null;
  const text = line[label]?.trim() ?? '';
  if (text === '')
    throw new BadField(nameOf(label), `column ${nameOf(label)} is empty: the row has no label`);
  return text;
}
