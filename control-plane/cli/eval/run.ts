/** Sends labelled rows to a model and counts what comes back. */
import { CommandFailure } from '../failure.ts';
import { type Progress, showProgress } from '../progress.ts';
import { isBad, type Row, type RowFile, RowFileError } from '../rows/row.ts';
import { openRows } from '../rows/row-file.ts';
import { choosePredictor, type Predictor } from '../scores/predictor.ts';
import { type ScoreReport, Scores } from '../scores/scores.ts';
import { type Endpoint, OipClient } from './oip-client.ts';

export interface EvalOptions {
  readonly endpoint: Endpoint;
  readonly data: string;
  readonly label: string;
  readonly ignore: readonly string[];
  readonly output: string | null;
  readonly classes: readonly string[];
  /** An answer of another variant is a failure; null: any may answer. */
  readonly variant: string | null;
  readonly concurrency: number;
}

export interface Evaluation {
  /** Of the rows that were answered. */
  readonly scores: ScoreReport;
  /** Rows without a prediction: bad ones, and those that the target failed. */
  readonly failed: number;
  /** What went wrong with the first of them. */
  readonly failures: readonly { readonly row: number; readonly reason: string }[];
  /** Variant to the rows that it answered, where answers say so. */
  readonly variants: Readonly<Record<string, number>>;
  readonly seconds: number;
}

const MOST_FAILURES_KEPT = 10;
/** Whoever fails so many rows in a row does not get better; the rest is not tried. */
const HOPELESS_AFTER = 100;

/** @throws CommandFailure when nothing can be asked, or nothing but failures comes. */
export async function evaluate(options: EvalOptions): Promise<Evaluation> {
  const client = new OipClient(options.endpoint, options.concurrency);
  try {
    const metadata = await client.metadata();
    const predictor = choosePredictor(metadata.outputs, options);
    const file = await openRows(options.data, metadata, { ...options, noHeader: false });
    const tally = new Tally(predictor, options.variant);
    const ask = async (row: Row) => tally.add(row, await client.infer(metadata, row.inputs));
    return await run(file, tally, ask, options.concurrency);
  } catch (error) {
    if (!(error instanceof RowFileError)) throw error;
    throw new CommandFailure(error.message, 2);
  } finally {
    client.close();
  }
}

async function run(
  file: RowFile,
  tally: Tally,
  ask: (row: Row) => Promise<void>,
  concurrency: number,
): Promise<Evaluation> {
  const startMs = performance.now();
  const progress = showProgress('eval', file.bytes);
  const rows = file.rows(0)[Symbol.asyncIterator]();
  try {
    await Promise.all(
      Array.from({ length: concurrency }, () => askInTurn(rows, file, tally, ask, progress)),
    );
  } finally {
    progress.stop();
    await rows.return?.();
  }
  return tally.result((performance.now() - startMs) / 1000);
}

async function askInTurn(
  rows: AsyncIterator<Parameters<typeof isBad>[0]>,
  file: RowFile,
  tally: Tally,
  ask: (row: Row) => Promise<void>,
  progress: Progress,
): Promise<void> {
  for (;;) {
    const { value: row, done } = await rows.next();
    if (done) return;
    if (isBad(row)) tally.fail(row.number, row.reason);
    else await ask(row).catch((error: Error) => tally.fail(row.number, error.message));
    progress.update(file.bytesRead, tally.rows);
    tally.check();
  }
}

class Tally {
  readonly #predictor: Predictor;
  readonly #variant: string | null;
  readonly #scores = new Scores();
  readonly #failures: { row: number; reason: string }[] = [];
  readonly #variants = new Map<string, number>();
  #failed = 0;
  #answered = 0;
  #failedInARow = 0;

  constructor(predictor: Predictor, variant: string | null) {
    this.#predictor = predictor;
    this.#variant = variant;
  }

  get rows(): number {
    return this.#answered + this.#failed;
  }

  /** @throws Error when the answer is none that counts. */
  add({ label }: Row, answer: Awaited<ReturnType<OipClient['infer']>>): void {
    const { variant, outputs } = answer;
    if (this.#variant !== null && variant !== null && variant !== this.#variant) {
      throw new Error(`variant ${variant} answered, not ${this.#variant}`);
    }
    const elements = outputs.get(this.#predictor.output);
    if (elements === undefined) throw new Error(`no output "${this.#predictor.output}" as JSON`);
    const predicted = this.#predictor.predict(elements);
    this.#scores.add(this.#predictor.normalize(label ?? ''), predicted);
    this.#answered++;
    this.#failedInARow = 0;
    if (variant !== null) this.#variants.set(variant, (this.#variants.get(variant) ?? 0) + 1);
  }

  fail(row: number, reason: string): void {
    this.#failed++;
    this.#failedInARow++;
    if (this.#failures.length < MOST_FAILURES_KEPT) this.#failures.push({ row, reason });
  }

  /** @throws CommandFailure when there is no hope. */
  check(): void {
    if (this.#failedInARow < HOPELESS_AFTER) return;
    const [first] = this.#failures;
    throw new CommandFailure(
      `${HOPELESS_AFTER} rows in a row failed, the first of all (row ${first?.row}) with: ${first?.reason}`,
      1,
    );
  }

  result(seconds: number): Evaluation {
    return {
      scores: this.#scores.report(),
      failed: this.#failed,
      failures: this.#failures,
      variants: Object.fromEntries([...this.#variants].sort()),
      seconds,
    };
  }
}
