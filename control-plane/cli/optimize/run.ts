/** Converts a model aside, tries the copy in the pod's own runtime, and only then makes it a version. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModelMetadata } from '../../../inference/protocol/tensor.ts';
import { CommandFailure } from '../failure.ts';
import { type FoundModel, findModel } from '../model/find-model.ts';
import { OfflineModel } from '../model/offline-model.ts';
import { isBad, RowFileError, type RowOptions } from '../rows/row.ts';
import { openRows } from '../rows/row-file.ts';
import { choosePredictor } from '../scores/predictor.ts';
import { writeCalibration } from './calibration.ts';
import { compareSpeed, repeated, zeroRow } from './comparison.ts';
import { type Conversion, convert } from './converter.ts';
import { compareOnRows, type LabelledComparison } from './labelled.ts';
import { copyCompanions, discard, folderBytes, publish, stagingFolder } from './version-folder.ts';

export interface OptimizeOptions {
  readonly model: string;
  readonly repository: string | undefined;
  readonly to: 'fp16' | 'int8';
  /** Folder of the model that gets the version. */
  readonly output: string;
  readonly data: string | null;
  readonly label: string | null;
  readonly ignore: readonly string[];
  readonly outputName: string | null;
  readonly classes: readonly string[];
  readonly calibration: string | null;
  readonly calibrationRows: number;
  readonly batchRows: number;
  readonly python: string;
}

export interface OptimizeReport {
  /** Of the new version. */
  readonly folder: string;
  readonly bytes: Pair;
  /** In runs of `batchRows`. */
  readonly rowsPerSecond: Pair;
  readonly batchRows: number;
  /** Null without labelled rows. */
  readonly labelled: LabelledComparison | null;
}

export interface Pair {
  readonly before: number;
  readonly after: number;
}

/** @throws CommandFailure when there is no copy; nothing of one is left then. */
export async function optimize(options: OptimizeOptions): Promise<OptimizeReport> {
  const source = await findModel(options.model, options.repository);
  const before = await openModel(source, options);
  const scratch = await mkdtemp(join(tmpdir(), 'modelweir-optimize-'));
  try {
    const calibration = await calibrationFolder(scratch, before.metadata, options);
    return await makeVersion(source, before, calibration, options);
  } catch (error) {
    if (!(error instanceof RowFileError)) throw error;
    throw new CommandFailure(error.message, 2);
  } finally {
    await rm(scratch, { recursive: true, force: true });
    await before.close();
  }
}

async function makeVersion(
  source: FoundModel,
  before: OfflineModel,
  calibration: string | null,
  options: OptimizeOptions,
): Promise<OptimizeReport> {
  const { python, to } = options;
  const staging = await stagingFolder(options.output);
  try {
    const target = join(staging.folder, 'model.onnx');
    const conversion = await convert(python, { source: source.path, target, to, calibration });
    const copy = { ...source, path: target };
    const report = await measure(before, copy, conversion, staging.folder, options);
    await copyCompanions(source.path, conversion.external, staging.folder);
    return { ...report, folder: await publish(staging.folder) };
  } catch (error) {
    await discard(staging);
    throw error;
  }
}

function openModel(model: FoundModel, { batchRows }: OptimizeOptions): Promise<OfflineModel> {
  return OfflineModel.open(model, {
    workers: 1,
    maxBatchRows: batchRows,
    maxOpenRows: batchRows,
  });
}

function rowOptions({ label, ignore }: OptimizeOptions): RowOptions {
  return { label, ignore, noHeader: false };
}

async function calibrationFolder(
  scratch: string,
  metadata: ModelMetadata,
  options: OptimizeOptions,
): Promise<string | null> {
  const { calibration, calibrationRows } = options;
  if (calibration === null) return null;
  await writeCalibration(scratch, calibration, metadata, rowOptions(options), calibrationRows);
  return scratch;
}

async function measure(
  before: OfflineModel,
  copy: FoundModel,
  { sourceBytes }: Conversion,
  staging: string,
  options: OptimizeOptions,
): Promise<Omit<OptimizeReport, 'folder'>> {
  const after = await openModel(copy, options);
  try {
    checkSame(before.metadata, after.metadata);
    const { batch, rows } = await speedBatch(before.metadata, options);
    return {
      bytes: { before: sourceBytes, after: await folderBytes(staging, await readdir(staging)) },
      rowsPerSecond: await compareSpeed(before, after, batch, rows),
      batchRows: rows,
      labelled: await compareLabelled(before, after, options),
    };
  } finally {
    await after.close();
  }
}

/** Clients of the model must not notice. */
function checkSame(before: ModelMetadata, after: ModelMetadata): void {
  for (const kind of ['inputs', 'outputs'] as const) {
    const words = (model: ModelMetadata) =>
      model[kind].map(({ name, datatype }) => `${name} (${datatype})`).join(', ');
    if (words(before) === words(after)) continue;
    throw new CommandFailure(
      `the copy has other ${kind}: ${words(after)} instead of ${words(before)}`,
      1,
    );
  }
}

/** The first labelled row or one of zeros, as many times as a run has rows. */
async function speedBatch(metadata: ModelMetadata, options: OptimizeOptions) {
  const { data } = options;
  let inputs = zeroRow(metadata);
  if (data !== null) {
    const file = await openRows(data, metadata, rowOptions(options));
    for await (const row of file.rows(0)) {
      if (isBad(row)) continue;
      inputs = [...row.inputs];
      break;
    }
  }
  const rows = metadata.inputs.every(({ shape }) => shape[0] === -1) ? options.batchRows : 1;
  return { batch: rows > 1 ? repeated(inputs, rows) : inputs, rows };
}

async function compareLabelled(
  before: OfflineModel,
  after: OfflineModel,
  options: OptimizeOptions,
): Promise<LabelledComparison | null> {
  if (options.data === null) return null;
  const predictor = choosePredictor(before.metadata.outputs, {
    output: options.outputName,
    classes: options.classes,
  });
  const file = await openRows(options.data, before.metadata, rowOptions(options));
  return await compareOnRows(file, before, after, predictor);
}
