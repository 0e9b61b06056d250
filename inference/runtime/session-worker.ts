/** The thread that owns one session: it loads, warms up, and runs one batch after the other. */
import { parentPort, workerData } from 'node:worker_threads';
import { ModelSession } from './model-session.ts';
import type { RunMessage, WorkerReport, WorkerSettings } from './worker-messages.ts';

const port = parentPort;
if (!port) throw new Error('session-worker.ts runs only as a worker thread');
const settings = workerData as WorkerSettings;
const report = (message: WorkerReport): void => port.postMessage(message);

try {
  const session = await ModelSession.load(settings.path, settings.session);
  await session.warmUp();
  port.on('message', ({ inputs }: RunMessage) => void run(session, inputs));
  report({ kind: 'loaded', metadata: session.metadata });
} catch (error) {
  report({ kind: 'refused', reason: textOf(error) });
}

async function run(session: ModelSession, inputs: RunMessage['inputs']): Promise<void> {
  const start = performance.now();
  try {
    const outputs = await session.run(inputs);
    report({ kind: 'done', outputs, computeMs: performance.now() - start });
  } catch (error) {
    report({ kind: 'failed', reason: textOf(error) });
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
