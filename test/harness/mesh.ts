/**
 * The real control plane and a real Envoy on one folder of YAML, for a test or a benchmark: what a user
 * runs, with free ports. It knows no filter and no resource.
 */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exchange } from '../../control-plane/cli/quickstart/exchange.ts';
import { repositoryRoot } from '../../control-plane/cli/quickstart/places.ts';
import { Supervisor } from '../../control-plane/cli/quickstart/supervisor.ts';
import { startEnvoy, type TestEnvoy, type XdsMode } from './envoy.ts';

const READY_TIMEOUT_MS = 20_000;
const POLL_MS = 20;

export interface MeshOptions {
  /** File name to YAML. */
  readonly files: Readonly<Record<string, string>>;
  /** Default `GRPC`. */
  readonly mode?: XdsMode;
  /** Envoy's worker threads. Default 1. */
  readonly concurrency?: number;
  /** Folder of the built filters. Default `dist/filters`. */
  readonly modules?: string;
  /** More arguments of `serve`, as `['--max-hold-bytes', '65536']`. */
  readonly args?: readonly string[];
}

export interface TestMesh {
  /** Of the listener that takes model traffic. */
  readonly url: string;
  /** Of the control plane: `/status`, `/metrics`. */
  readonly statusUrl: string;
  readonly envoy: TestEnvoy;
  readonly controlPlanePid: number;
  /** Writes a file of the configuration, atomically. */
  write(file: string, yaml: string): Promise<void>;
  status(): Promise<MeshStatus>;
  /** Settles when a request is answered by 200. */
  whenServing(path: string, body: string): Promise<void>;
  /** Settles when `accept` is true of the control plane's status. */
  whenStatus(accept: (status: MeshStatus) => boolean): Promise<MeshStatus>;
  /** What the control plane and Envoy wrote. */
  logs(): string;
  stop(): Promise<void>;
}

/** The control plane's `/status`, as far as tests look at it. */
export interface MeshStatus {
  readonly proxies: readonly Readonly<Record<string, unknown>>[];
  readonly objects: readonly {
    readonly kind: string;
    readonly name: string;
    readonly conditions: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason: string;
      readonly message: string;
    }[];
  }[];
}

export async function startMesh(options: MeshOptions): Promise<TestMesh> {
  const supervisor = new Supervisor();
  try {
    const folder = join(supervisor.folder, 'config');
    await mkdir(folder);
    const write = async (file: string, yaml: string): Promise<void> => {
      const partial = join(supervisor.folder, `${file}.partial`);
      await writeFile(partial, yaml);
      await rename(partial, join(folder, file));
    };
    for (const [file, yaml] of Object.entries(options.files)) await write(file, yaml);
    const controlPlane = supervisor.start({
      name: 'control plane',
      command: process.execPath,
      args: [
        ...[join(repositoryRoot, 'control-plane/main.ts'), 'serve', '--config', folder],
        ...['--xds-port', '0', '--status-port', '0', '--listen', '127.0.0.1:0'],
        ...['--modules', options.modules ?? join(repositoryRoot, 'dist/filters')],
        ...(options.args ?? []),
      ],
    });
    const ports = await controlPlane.waitForLine(readyPorts, READY_TIMEOUT_MS);
    const mode = options.mode ?? 'GRPC';
    const envoy = await startEnvoy({
      xdsPort: ports.xdsPort,
      mode,
      concurrency: options.concurrency ?? 1,
    });
    const statusUrl = `http://127.0.0.1:${ports.statusPort}`;
    const url = `http://${[...(await envoy.listeners()).values()][0]}`;
    const status = async (): Promise<MeshStatus> =>
      JSON.parse((await exchange({ url: `${statusUrl}/status` })).body.toString());
    return {
      url,
      statusUrl,
      envoy,
      controlPlanePid: controlPlane.pid,
      write,
      status,
      whenServing: (path, body) => until(async () => await serves(url + path, body)),
      whenStatus: async (accept) => {
        let last = await status();
        await until(async () => {
          last = await status();
          return accept(last) ? null : JSON.stringify(last);
        });
        return last;
      },
      logs: () => `${controlPlane.log.lines.join('\n')}\n${envoy.logs()}`,
      stop: async () => {
        await envoy.stop();
        await supervisor.stop();
      },
    };
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
}

async function serves(url: string, body: string): Promise<string | null> {
  const headers = { 'content-type': 'application/json' };
  const answer = await exchange({ url, method: 'POST', headers, body });
  return answer.status === 200 ? null : `${url}: ${answer.status} ${answer.body}`;
}

/** Asks until it answers null, else fails with what it said last. */
async function until(ask: () => Promise<string | null>): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    const problem = await ask().catch((error: Error) => error.message);
    if (problem === null) return;
    if (Date.now() > deadline) throw new Error(`not within ${READY_TIMEOUT_MS} ms: ${problem}`);
    await sleep(POLL_MS);
  }
}

function readyPorts(line: string): { xdsPort: number; statusPort: number } | undefined {
  if (!line.startsWith('{')) return undefined;
  const { xdsPort, statusPort } = JSON.parse(line);
  return typeof xdsPort === 'number' && typeof statusPort === 'number'
    ? { xdsPort, statusPort }
    : undefined;
}
