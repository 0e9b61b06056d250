/** Measures how long a loaded model's runs take. */
import type { ModelSession } from './model-session.ts';

/** Runs of one size. */
export interface SizeTimes {
  readonly rows: number;
  /** The slowest run but one of some. */
  readonly slowUs: number;
}

/** What is measured before it is decided where a model runs. */
export interface RunTimes {
  /** The largest runs that keep to the limit; undefined: not even one row does. */
  readonly within?: SizeTimes | undefined;
  /** The smallest that do not; undefined: the largest that were tried do. */
  readonly beyond?: SizeTimes | undefined;
  /** To create the session. */
  readonly loadMs: number;
}

/** Until the code around the model's own is compiled. */
const FIRST_RUNS = 100;
/** The first runs of each size allocate. */
const WARM_RUNS = 4;
/** Cold runs are not slower than so many times warm ones. */
const COLD_FACTOR = 10;
/** The slowest but one of these counts. */
const RUNS = 32;
/** Other threads make runs slow and never fast, so the best of some attempts is what the model takes. */
const ATTEMPTS = 12;
/** Larger requests are seldom, and measuring them takes its time too. */
const MAX_ROWS = 1024;
/** A run that takes so many times the limit is not repeated to be sure. */
const BEYOND_DOUBT = 1000;

/** Runs on zeros with 1, 2, 4 ... rows until they take longer than the limit. */
export async function measureRuns(
  session: ModelSession,
  limitUs: number,
): Promise<Omit<RunTimes, 'loadMs'>> {
  let within: SizeTimes | undefined;
  for (let rows = 1; rows <= (session.hasRows ? MAX_ROWS : 1); rows *= 2) {
    const size = { rows, slowUs: await measureSize(session, rows, limitUs) };
    if (size.slowUs > limitUs) return { within, beyond: size };
    within = size;
  }
  return { within };
}

async function measureSize(session: ModelSession, rows: number, limitUs: number): Promise<number> {
  let fastest = Number.POSITIVE_INFINITY;
  for (let run = 0; run < (rows === 1 ? FIRST_RUNS : WARM_RUNS); run++) {
    const us = await runUs(session, rows);
    if (us > limitUs * BEYOND_DOUBT) return us;
    fastest = Math.min(fastest, us);
    if (run >= WARM_RUNS && fastest > limitUs * COLD_FACTOR) return fastest;
  }
  let best = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < ATTEMPTS && best > limitUs; attempt++) {
    best = Math.min(best, await secondSlowest(session, rows, limitUs));
  }
  return best;
}

/** Of some runs; it ends with the second one over the limit. */
async function secondSlowest(
  session: ModelSession,
  rows: number,
  limitUs: number,
): Promise<number> {
  let [slowest, second] = [0, 0];
  for (let run = 0; run < RUNS && second <= limitUs; run++) {
    const us = await runUs(session, rows);
    second = Math.max(second, Math.min(us, slowest));
    slowest = Math.max(slowest, us);
  }
  return second;
}

/** Infinite for a run that fails. */
async function runUs(session: ModelSession, rows: number): Promise<number> {
  const zeros = session.zeros(rows);
  const clock = new RunClock();
  try {
    await session.run(zeros);
    return clock.runMs * 1000;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Times one run of a session; make it right before the run is asked for. */
export class RunClock {
  #startMs = performance.now();
  #startUs = threadMicros();

  constructor() {
    // onnxruntime runs in an immediate of its own; this one comes right before it.
    setImmediate(() => {
      this.#startMs = performance.now();
      this.#startUs = threadMicros();
    });
  }

  get runMs(): number {
    return performance.now() - this.#startMs;
  }

  /** How long this thread worked for it, to a clock tick: what others took from the CPU meanwhile is left out. */
  get threadMs(): number {
    return Math.min(this.runMs, (threadMicros() - this.#startUs) / 1000);
  }
}

/** CPU time of this thread; wall time where Node cannot tell. */
function threadMicros(): number {
  if (!process.threadCpuUsage) return performance.now() * 1000;
  const { user, system } = process.threadCpuUsage();
  return user + system;
}
