/** MLServer with the benched models, in each setting that could be its best on one core. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { freePort } from '../../../control-plane/cli/quickstart/ports.ts';
import type { Supervisor } from '../../../control-plane/cli/quickstart/supervisor.ts';
import { benchRepository, MODELS } from '../batcher/models.ts';
import { MEASURED_CORE } from '../pinning.ts';
import type { BenchedModel } from './requests.ts';
import { onCore, type Server } from './server.ts';

interface Setting {
  /** Processes that run models; 0: the one that also reads and writes requests. */
  readonly workers: number;
  /** Adaptive batching: the largest batch, and how long it waits for it. */
  readonly batching: { readonly max_batch_size: number; readonly max_batch_time: number } | null;
}

const BATCHING = { max_batch_size: 32, max_batch_time: 0.002 };

export const MLSERVER_SETTINGS = {
  'MLServer, in process': { workers: 0, batching: null },
  'MLServer, in process, batching': { workers: 0, batching: BATCHING },
  'MLServer, 1 worker': { workers: 1, batching: null },
  'MLServer, 1 worker, batching': { workers: 1, batching: BATCHING },
} as const satisfies Readonly<Record<string, Setting>>;

export type MlServerName = keyof typeof MLSERVER_SETTINGS;

export const MLSERVER_NAMES = Object.keys(MLSERVER_SETTINGS) as MlServerName[];

const RUNTIME_FOLDER = join(import.meta.dirname, 'mlserver');
const SERVED: readonly BenchedModel[] = ['digits', 'mlp'];
const READY_TIMEOUT_MS = 60_000;
const READY_POLL_MS = 100;

/** `packages` is the folder that MLServer was installed into. */
export async function startMlServer(
  supervisor: Supervisor,
  name: MlServerName,
  packages: string,
): Promise<Server> {
  const setting = MLSERVER_SETTINGS[name];
  const folder = join(supervisor.folder, name.replaceAll(/\W+/g, '-'));
  const [port, grpcPort] = [await freePort(), await freePort()];
  await writeSettings(folder, setting, { port, grpcPort });
  const child = supervisor.start({
    name,
    ...onCore(MEASURED_CORE, 'python3', [join(packages, 'bin', 'mlserver'), 'start', folder]),
    env: { PYTHONPATH: `${packages}:${RUNTIME_FOLDER}` },
    cwd: folder,
  });
  const url = `http://127.0.0.1:${port}`;
  const ended = child.exited.then(() => {
    throw new Error(`${name} ended:\n${child.log.lines.slice(-20).join('\n')}`);
  });
  await Promise.race([whenReady(url), ended]);
  return { pid: child.pid, url, grpcTarget: `127.0.0.1:${grpcPort}` };
}

async function writeSettings(
  folder: string,
  { workers, batching }: Setting,
  { port, grpcPort }: { port: number; grpcPort: number },
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const server = {
    debug: false,
    parallel_workers: workers,
    host: '127.0.0.1',
    http_port: port,
    grpc_port: grpcPort,
    // What is left out would only cost it: metrics, and a line in the log for each request.
    metrics_endpoint: null,
    logging_settings: { version: 1, root: { level: 'ERROR' } },
  };
  await writeFile(join(folder, 'settings.json'), JSON.stringify(server));
  const repository = await benchRepository();
  for (const model of SERVED) {
    const { served } = MODELS[model];
    const settings = {
      name: served,
      implementation: 'onnx_model.OnnxModel',
      parameters: { uri: join(repository, served, '1', 'model.onnx') },
      ...batching,
    };
    await mkdir(join(folder, served));
    await writeFile(join(folder, served, 'model-settings.json'), JSON.stringify(settings));
  }
}

/** @throws {Error} when it does not get ready. */
async function whenReady(url: string): Promise<void> {
  const deadlineMs = performance.now() + READY_TIMEOUT_MS;
  while (performance.now() < deadlineMs) {
    const answer = await exchange({ url: `${url}/v2/health/ready` }).catch(() => null);
    if (answer?.status === 200) return;
    await sleep(READY_POLL_MS);
  }
  throw new Error(`${url} does not get ready`);
}
