/** Our pod with some of the benched models, as its users start it. */
import { join } from 'node:path';
import { compileCache, repositoryRoot } from '../../../control-plane/cli/quickstart/places.ts';
import type { Supervisor } from '../../../control-plane/cli/quickstart/supervisor.ts';
import { benchRepository, MODELS } from '../batcher/models.ts';
import { MEASURED_CORE } from '../pinning.ts';
import type { BenchedModel } from './requests.ts';
import { onCore, type Server } from './server.ts';

const READY_TIMEOUT_MS = 60_000;

export interface BenchPod extends Server {
  /** From its start until it said that it is ready. */
  readonly readyMs: number;
  stop(): Promise<void>;
}

export async function startBenchPod(
  supervisor: Supervisor,
  models: readonly BenchedModel[],
  grpc = true,
): Promise<BenchPod> {
  const repository = await benchRepository();
  const served = models.map((model) => MODELS[model].served).join(',');
  const startedMs = performance.now();
  const child = supervisor.start({
    name: 'pod',
    env: { NODE_COMPILE_CACHE: compileCache },
    ...onCore(MEASURED_CORE, process.execPath, [
      join(repositoryRoot, 'inference/start.mjs'),
      ...['--repository', repository, '--models', served],
      ...['--port', '0', ...(grpc ? ['--grpc-port', '0'] : [])],
    ]),
  });
  const { port, grpcPort } = await child.waitForLine(readyLine, READY_TIMEOUT_MS);
  return {
    pid: child.pid,
    url: `http://127.0.0.1:${port}`,
    grpcTarget: `127.0.0.1:${grpcPort}`,
    readyMs: performance.now() - startedMs,
    stop: () => supervisor.stopChild(child),
  };
}

function readyLine(line: string): { port: number; grpcPort: number } | undefined {
  if (!line.startsWith('{')) return undefined;
  const entry = JSON.parse(line);
  return entry.msg === 'ready' ? entry : undefined;
}
