/** The thread that owns one session: it loads, warms up, and runs one batch after the other. */
import { parentPort, workerData } from 'node:worker_threads';
import { buffersOf } from './handed-over.ts';
import { ModelSession } from './model-session.ts';
import { measureRuns } from './run-times.ts';
import {
  CLOSE_MESSAGE,
  type RunMessage,
  type WorkerMessage,
  type WorkerReport,
  type WorkerSettings,
} from './worker-messages.ts';

const port = parentPort;
if (!port) throw new Error('session-worker.ts runs only as a worker thread');
const settings = workerData as WorkerSettings;
const report = (message: WorkerReport, transfer: ArrayBuffer[] = []): void =>
  port.postMessage(message, transfer);

try {
  const startMs = performance.now();
  const session = await ModelSession.load(settings.path, settings.session);
  const loadMs = performance.now() - startMs;
  const { warmupRows, measureUpToUs } = settings.session;
  await session.warmUp(warmupRows);
  const runTimes =
    measureUpToUs === undefined
      ? undefined
      : { ...(await measureRuns(session, measureUpToUs)), loadMs };
  port.on('message', (message: WorkerMessage) => {
    if (message === CLOSE_MESSAGE) void close(session);
    else void run(session, message.inputs);
  });
  report({ kind: 'loaded', metadata: session.metadata, provider: session.provider, runTimes });
} catch (error) {
  report({ kind: 'refused', reason: textOf(error) });
}

async function run(session: ModelSession, inputs: RunMessage['inputs']): Promise<void> {
  const start = performance.now();
  try {
    const outputs = await session.run(inputs);
    const computeMs = performance.now() - start;
    report({ kind: 'done', outputs, computeMs }, buffersOf(outputs));
  } catch (error) {
    report({ kind: 'failed', reason: textOf(error) });
  }
}

/** Released by hand: what the end of a thread leaves to onnxruntime comes back later, or not at all. */
async function close(session: ModelSession): Promise<void> {
  await session.release().catch(() => undefined);
  process.exit(0);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
