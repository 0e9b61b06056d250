/** Decides where a model runs: in worker threads, or on the event loop because handing over costs more than the run. */
import type { BatchPlan } from './batch-plan.ts';
import type { SizeTimes } from './run-times.ts';
import type { LoadedSession } from './session-host.ts';

/** `auto`: inline if that does no harm. */
export type ExecutionName = 'worker' | 'inline' | 'auto';

/** What was decided. */
export interface Execution {
  /** Rows of a run on the event loop; 0: the model runs in workers. */
  readonly inlineRows: number;
  /** Why, for the log. */
  readonly reason: string;
}

/** Of one run that holds the event loop up. */
const INLINE_LIMIT_US = 200;
/** Unasked, there must be a margin, and a run should not cost much more than handing it over would. */
const AUTO_LIMIT_US = 100;
/** The session is created on the event loop, while other models serve. */
const MAX_LOAD_MS = 100;

/** What runs must keep to; undefined: in workers, whatever they take. */
export function inlineLimitUs(name: ExecutionName): number | undefined {
  if (name === 'worker') return undefined;
  return name === 'inline' ? INLINE_LIMIT_US : AUTO_LIMIT_US;
}

/** `maxBatchRows`: of requests that share a run, as configured. */
export function decideExecution(
  name: ExecutionName,
  limitUs: number,
  session: LoadedSession,
  plan: BatchPlan,
  maxBatchRows: number,
): Execution {
  const { metadata, runTimes } = session;
  if (!runTimes) return inWorkers('its runs were not measured');
  if (!plan.rowsOnly || metadata.inputs.some(({ datatype }) => datatype === 'BYTES')) {
    return inWorkers('how long a run takes depends on more than its rows');
  }
  const { within, beyond, loadMs } = runTimes;
  if (loadMs > MAX_LOAD_MS) {
    return inWorkers(`it took ${loadMs.toFixed(0)} ms to load; at most ${MAX_LOAD_MS} may be`);
  }
  // Whoever asks for it gets smaller batches instead.
  const needed = name === 'auto' ? maxBatchRows : 1;
  if (within && within.rows >= needed) {
    return { inlineRows: within.rows, reason: measured(within, limitUs) };
  }
  if (beyond && beyond.slowUs !== Number.POSITIVE_INFINITY) {
    return inWorkers(measured(beyond, limitUs));
  }
  return inWorkers(`it could not be measured with ${needed} rows`);
}

function measured({ rows, slowUs }: SizeTimes, limitUs: number): string {
  return `runs of ${rows} rows take ${slowUs.toFixed(0)} us; the limit is ${limitUs}`;
}

function inWorkers(reason: string): Execution {
  return { inlineRows: 0, reason };
}
