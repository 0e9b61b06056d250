import { BatchPlan } from './batch-plan.ts';
import { decideExecution, type Execution, type ExecutionName, inlineLimitUs } from './execution.ts';
import { HostPool } from './host-pool.ts';
import { InlinePool } from './inline-pool.ts';
import { ModelRunner, type RunnerObserver, type RunnerOptions } from './model-runner.ts';
import type { LoadedSession } from './session-host.ts';
import { WorkerHost } from './worker-host.ts';
import type { WorkerSettings } from './worker-messages.ts';

/** A run that takes so many times the limit is slow: what a busy machine adds must not move a model. */
const SLOW_FACTOR = 2;

export interface OpenedRunner {
  readonly runner: ModelRunner;
  /** Undefined when nobody asked for anything but workers. */
  readonly execution: Execution | undefined;
}

/**
 * Loads a model of tensors in a worker, measures it there if it may run on the event loop, and opens its runner
 * where it belongs. Nothing that was not measured ever runs on the event loop.
 * @throws Error when the model cannot be loaded, or the options do not fit it.
 */
export async function openRunner(
  settings: WorkerSettings,
  where: ExecutionName,
  options: RunnerOptions,
  observer: RunnerObserver,
): Promise<OpenedRunner> {
  const { session } = settings;
  const onCpu = session.provider === undefined || session.provider.name === 'cpu';
  // A thread that waits for others, or for a GPU, would wait on the event loop.
  const limitUs = onCpu && session.threadsPerRun === 1 ? inlineLimitUs(where) : undefined;
  if (limitUs === undefined) {
    const startHost = (): WorkerHost => new WorkerHost(settings);
    const runner = await ModelRunner.open(startHost, options, observer);
    return { runner, execution: undefined };
  }
  const measured = new WorkerHost({ ...settings, session: { ...session, measureUpToUs: limitUs } });
  const execution = await decide(measured, where, limitUs, options);
  if (execution.inlineRows === 0) {
    // The worker that was measured is the first of them.
    const hosts = [measured];
    const startHost = (): WorkerHost => hosts.pop() ?? new WorkerHost(settings);
    return { runner: await ModelRunner.open(startHost, options, observer), execution };
  }
  const { metadata, provider } = await measured.loaded;
  await measured.close();
  const pool = await openInline(settings, execution, limitUs, options, observer);
  const runner = await runnerOver(pool, { metadata, provider }, options, observer);
  return { runner, execution };
}

/** @throws Error when the model cannot be loaded. */
async function decide(
  measured: WorkerHost,
  where: ExecutionName,
  limitUs: number,
  options: RunnerOptions,
): Promise<Execution> {
  try {
    const loaded = await measured.loaded;
    const plan = new BatchPlan(loaded.metadata);
    const maxBatchRows = plan.joins ? options.maxBatchRows : 1;
    return decideExecution(where, limitUs, loaded, plan, maxBatchRows);
  } catch (error) {
    await measured.close();
    throw error;
  }
}

/** Its code is loaded only here: most models never run on the event loop. */
async function openInline(
  settings: WorkerSettings,
  { inlineRows }: Execution,
  limitUs: number,
  { workers }: RunnerOptions,
  observer: RunnerObserver,
): Promise<InlinePool> {
  const { InlineHost } = await import('./inline-host.ts');
  const onLoss = (reason: string): void => observer.onLoss(reason);
  return InlinePool.open(
    {
      maxRunRows: inlineRows,
      slowMs: (limitUs * SLOW_FACTOR) / 1000,
      workers: () => new HostPool(workers, () => new WorkerHost(settings), onLoss),
      onMove: (reason) => observer.onMove?.(reason),
      onLoss,
    },
    (onRun) => new InlineHost(settings, onRun),
  );
}

async function runnerOver(
  pool: InlinePool,
  session: LoadedSession,
  options: RunnerOptions,
  observer: RunnerObserver,
): Promise<ModelRunner> {
  try {
    return new ModelRunner(pool, session, options, observer);
  } catch (error) {
    await pool.close();
    throw error;
  }
}
