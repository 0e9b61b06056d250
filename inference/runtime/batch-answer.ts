import type { Tensor } from '../protocol/tensor.ts';
import { sliceRows } from './batch-plan.ts';
import type { ModelStatistics } from './model-statistics.ts';
import type { Padding } from './padding.ts';
import type { PendingRequest } from './pending-request.ts';

/** A run of the model for one or more requests. */
export interface Run {
  readonly batch: readonly PendingRequest[];
  readonly rows: number;
  readonly startMs: number;
  /** To join its inputs. */
  readonly inputMs: number;
}

/** Takes a run's outputs apart, counts it, and gives each request what is its own. */
export function answerBatch(
  run: Run,
  outputs: readonly Tensor[],
  computeMs: number,
  statistics: ModelStatistics,
  padding: Padding | undefined,
): void {
  const { batch, rows, startMs, inputMs } = run;
  const doneMs = performance.now();
  const parts = partsOf(batch, outputs, padding);
  const outputMs = performance.now() - doneMs;
  statistics.countRun(rows, inputMs, computeMs, outputMs);
  for (let i = 0; i < batch.length; i++) {
    const request = batch[i] as PendingRequest;
    const queueMs = startMs - request.sinceMs;
    if (!request.gone) {
      statistics.countAnswered(request.rows, { queueMs, inputMs, computeMs, outputMs });
    }
    request.answer(parts[i] as readonly Tensor[], { queueMs, computeMs, batchRows: rows });
  }
}

/** The outputs of each member of a batch. */
function partsOf(
  batch: readonly PendingRequest[],
  outputs: readonly Tensor[],
  padding: Padding | undefined,
): (readonly Tensor[])[] {
  let start = 0;
  return batch.map(({ rows, sizes }) => {
    const own =
      batch.length === 1 ? outputs : outputs.map((output) => sliceRows(output, start, rows));
    start += rows;
    return sizes && padding ? padding.cut(own, sizes) : own;
  });
}
