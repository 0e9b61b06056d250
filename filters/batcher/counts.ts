/** What the batcher counts. Defined once per virtual machine: the host holds a metric defined twice twice. */
import { CounterTable, Histogram } from '../host/metrics.ts';
import { NOT_JOINABLE, OUT_OF_MEMORY, RESTING, TOO_LARGE, TOO_LATE } from './core.ts';

/** Requests, by what became of them. */
export const requestCounts = new CounterTable(
  'modelweir_batcher_requests_total',
  'route',
  'outcome',
);
/** Joined calls, by what they brought. */
export const batchCounts = new CounterTable('modelweir_batcher_batches_total', 'route', 'outcome');

const histograms = new Map<string, Histogram>();

/** A call of so many requests with so many rows, whose first member had waited for `waitMs`. */
export function recordCall(route: string, size: i32, rows: i32, waitMs: f64): void {
  record('modelweir_batcher_batch_size;route=' + route, <u64>size);
  record('modelweir_batcher_batch_rows;route=' + route, <u64>rows);
  record('modelweir_batcher_wait_ms;route=' + route, <u64>max(0, waitMs));
}

function record(name: string, value: u64): void {
  if (!histograms.has(name)) histograms.set(name, new Histogram(name));
  histograms.get(name).record(value);
}

export function outcomeOf(verdict: i32): string {
  if (verdict == TOO_LARGE) return 'too_large';
  if (verdict == OUT_OF_MEMORY) return 'out_of_memory';
  if (verdict == TOO_LATE) return 'too_late';
  if (verdict == RESTING) return 'unreadable_answers';
  return verdict == NOT_JOINABLE ? 'not_joinable' : 'passed';
}
