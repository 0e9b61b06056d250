/** A real inference pod for a test or a benchmark: a process with the example models, on a free port. */
import { join } from 'node:path';
import { modelRepository, repositoryRoot } from '../../control-plane/cli/quickstart/places.ts';
import type { Supervisor } from '../../control-plane/cli/quickstart/supervisor.ts';

const READY_TIMEOUT_MS = 30_000;

export interface TestPod {
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

/** Settles when the pod says that it is ready, all models warm. */
export async function startPod(
  supervisor: Supervisor,
  models: readonly string[],
  name = 'pod',
): Promise<TestPod> {
  const child = supervisor.start({
    name,
    command: process.execPath,
    args: [
      join(repositoryRoot, 'inference/start.mjs'),
      ...['--repository', modelRepository, '--models', models.join(',')],
      ...['--host', '127.0.0.1', '--port', '0'],
    ],
  });
  const port = await child.waitForLine(readyPort, READY_TIMEOUT_MS);
  return { pid: child.pid, port, stop: () => supervisor.stopChild(child) };
}

/** The port in a JSON log line that has one. */
function readyPort(line: string): number | undefined {
  if (!line.startsWith('{')) return undefined;
  const { port } = JSON.parse(line);
  return typeof port === 'number' ? port : undefined;
}
