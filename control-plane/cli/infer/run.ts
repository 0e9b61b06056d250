/** Reads rows, runs them and writes their answers, in order, with no more in hand than it needs. */
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { CommandFailure } from '../failure.ts';
import { type FoundModel, findModel } from '../model/find-model.ts';
import { OfflineModel } from '../model/offline-model.ts';
import { showProgress } from '../progress.ts';
import { type BadRow, isBad, type Row, type RowFile, RowFileError } from '../rows/row.ts';
import { openRows } from '../rows/row-file.ts';
import { InFlight } from './in-flight.ts';
import { OutputFile } from './output-file.ts';
import { answerLine, failedLine } from './row-answer.ts';
import { checkRecord, fileIdentity, type RunIdentity, writeRecord } from './run-identity.ts';

export interface InferOptions {
  readonly model: string;
  readonly repository: string | undefined;
  readonly input: string;
  readonly output: string;
  readonly batchRows: number;
  readonly workers: number;
  readonly ignore: readonly string[];
  readonly noHeader: boolean;
  readonly resume: boolean;
  readonly failFast: boolean;
}

export interface InferOutcome {
  /** In the output, those of earlier runs too. */
  readonly rows: number;
  readonly failed: number;
  /** Of this run. */
  readonly newRows: number;
  readonly seconds: number;
  readonly end: 'complete' | 'failed' | 'stopped';
}

/** Batches for each worker: one runs, one waits, and the answers of the ones before are written. */
const BATCHES_IN_FLIGHT = 4;
/** Of inputs; rows of large images reach it before the number of batches does. */
const MAX_BYTES_IN_FLIGHT = 67_108_864;

/** @throws CommandFailure when nothing can be run, or the input cannot be read on. */
export async function inferRows(options: InferOptions, stop: AbortSignal): Promise<InferOutcome> {
  const file = await findModel(options.model, options.repository);
  const maxOpenRows = options.batchRows * options.workers * BATCHES_IN_FLIGHT;
  const model = await OfflineModel.open(file, {
    workers: options.workers,
    maxBatchRows: options.batchRows,
    maxOpenRows,
  });
  try {
    const rows = await openRows(options.input, model.metadata, { ...options, label: null });
    const output = await openOutput(options, file);
    return await inferInto(output, rows, model, maxOpenRows, options, stop);
  } catch (error) {
    if (!(error instanceof RowFileError)) throw error;
    throw new CommandFailure(error.message, 2);
  } finally {
    await model.close();
  }
}

async function openOutput(options: InferOptions, file: FoundModel): Promise<OutputFile> {
  const { output, ignore, noHeader } = options;
  const identity: RunIdentity = {
    input: await fileIdentity(options.input),
    model: await fileIdentity(file.path),
    ignore,
    noHeader,
  };
  if (!options.resume || !existsSync(output)) {
    const created = await OutputFile.create(output);
    await writeRecord(output, identity);
    return created;
  }
  // A run that ended before it wrote anything may have left no record either.
  if ((await stat(output)).size === 0) await writeRecord(output, identity);
  await checkRecord(output, identity);
  return await OutputFile.continue(output);
}

async function inferInto(
  output: OutputFile,
  file: RowFile,
  model: OfflineModel,
  maxOpenRows: number,
  { failFast }: InferOptions,
  stop: AbortSignal,
): Promise<InferOutcome> {
  const startMs = performance.now();
  const before = output.rows;
  const progress = showProgress('infer', file.bytes);
  const isOver = () => failFast && output.failed > 0;
  const inFlight = new InFlight<string>(maxOpenRows, MAX_BYTES_IN_FLIGHT, async (line) => {
    if (!isOver()) await output.add(line);
  });
  try {
    for await (const row of file.rows(before)) {
      if (isOver() || stop.aborted) break;
      await inFlight.add(lineOf(row, model), bytesOf(row));
      progress.update(file.bytesRead, output.rows);
    }
  } finally {
    progress.stop();
    await inFlight.drain();
    await output.close();
  }
  const end = isOver() ? 'failed' : stop.aborted ? 'stopped' : 'complete';
  const seconds = (performance.now() - startMs) / 1000;
  return { rows: output.rows, failed: output.failed, newRows: output.rows - before, seconds, end };
}

async function lineOf(row: Row | BadRow, model: OfflineModel): Promise<string> {
  if (isBad(row)) return failedLine(row);
  const { number } = row;
  const outcome = await model.run(row.inputs);
  return outcome instanceof Error
    ? failedLine({ number, field: null, reason: outcome.message })
    : answerLine(number, model.metadata, outcome);
}

function bytesOf(row: Row | BadRow): number {
  if (isBad(row)) return 0;
  let bytes = 0;
  for (const { data } of row.inputs) {
    if (ArrayBuffer.isView(data)) bytes += data.byteLength;
    else for (const text of data) bytes += text.length;
  }
  return bytes;
}
