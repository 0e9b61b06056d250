/** Brings up the quickstart's mesh: pods, control plane, one Envoy; each is awaited before the next. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandFailure } from '../failure.ts';
import { type ConfigFolder, configFolderFor, portsInExamples } from './config-folder.ts';
import { findEnvoy } from './envoy-binary.ts';
import { envoyBootstrap } from './envoy-bootstrap.ts';
import { startEnvoy } from './envoy-process.ts';
import { exchange } from './exchange.ts';
import { logEntry } from './log-entry.ts';
import { describeTrouble } from './mesh-status.ts';
import { ENVOY_WORKERS, HOST, type QuickstartOptions } from './options.ts';
import { repositoryRoot } from './places.ts';
import { PODS, type Pod, startPod, startPodNear } from './pods.ts';
import { requireFree } from './ports.ts';
import type { Supervisor } from './supervisor.ts';

const CONTROL_PLANE_TIMEOUT_MS = 20_000;
const SERVING_TIMEOUT_MS = 20_000;
const POLL_MS = 20;

export interface RunningMesh {
  /** Where Envoy takes model traffic: `http://127.0.0.1:8080`. */
  readonly baseUrl: string;
  readonly statusUrl: string;
  readonly adminUrl: string;
  readonly config: ConfigFolder;
  readonly pods: readonly { readonly name: string; readonly port: number }[];
}

/**
 * Settles once both models answer through Envoy.
 * @throws {CommandFailure} for what the user can put right: a port that is taken, no Envoy.
 */
export async function startMesh(
  supervisor: Supervisor,
  options: QuickstartOptions,
  warn: (text: string) => void,
): Promise<RunningMesh> {
  const envoy = await findEnvoy();
  if (envoy.warning !== null) warn(envoy.warning);
  await requirePorts(options);
  const ports = await startPods(supervisor, options);
  const config = await configFolderFor(PODS, ports, supervisor.folder);
  const { xdsPort, statusPort } = await startControlPlane(supervisor, config.path, options);
  const { adminUrl } = await startEnvoy(supervisor, {
    name: 'envoy',
    binary: envoy.path,
    bootstrap: envoyBootstrap({
      nodeId: 'quickstart',
      nodeCluster: 'quickstart',
      xdsPort,
      mode: 'DELTA_GRPC',
      adminPort: options.adminPort ?? 0,
    }),
    concurrency: ENVOY_WORKERS,
    logLevel: 'warning',
  });
  const mesh: RunningMesh = {
    baseUrl: `http://${HOST}:${options.port}`,
    statusUrl: `http://${HOST}:${statusPort}`,
    adminUrl,
    config,
    pods: PODS.map(({ name }) => ({ name, port: ports.get(name) ?? 0 })),
  };
  await Promise.all(['tiny', 'digits'].map((model) => untilServed(mesh, model)));
  return mesh;
}

/**
 * Ports that the user chose, and the one that has a default, are looked at before anything is started:
 * Envoy itself would share its port with another Envoy without a word.
 */
async function requirePorts(options: QuickstartOptions): Promise<void> {
  const wanted: [string, number | null][] = [
    ['--port', options.port],
    ['--admin-port', options.adminPort],
    ['--xds-port', options.xdsPort],
    ['--status-port', options.statusPort],
    ...PODS.map((pod): [string, number | null] => [pod.flag, chosenPort(pod, options)]),
  ];
  for (const [flag, port] of wanted) {
    if (port !== null && port !== 0) await requireFree(HOST, port, flag);
  }
}

/** Ports of the pods by name: the one chosen, else the one that the examples name, else a free one. */
async function startPods(
  supervisor: Supervisor,
  options: QuickstartOptions,
): Promise<ReadonlyMap<string, number>> {
  const named = await portsInExamples(PODS);
  const start = async (pod: Pod): Promise<[string, number]> => {
    const chosen = chosenPort(pod, options);
    const port =
      chosen === null
        ? await startPodNear(supervisor, pod, named.get(pod.name) ?? 0)
        : await startPod(supervisor, pod, chosen);
    return [pod.name, port];
  };
  return new Map(await Promise.all(PODS.map(start)));
}

function chosenPort(pod: Pod, options: QuickstartOptions): number | null {
  return pod.name === 'pod-a' ? options.podPortA : options.podPortB;
}

async function startControlPlane(
  supervisor: Supervisor,
  folder: string,
  options: QuickstartOptions,
): Promise<{ readonly xdsPort: number; readonly statusPort: number }> {
  const child = supervisor.start({
    name: 'control plane',
    command: process.execPath,
    args: [
      ...[join(repositoryRoot, 'control-plane', 'main.ts'), 'serve'],
      ...['--config', folder, '--modules', join(repositoryRoot, 'dist', 'filters')],
      ...['--host', HOST, '--listen', `${HOST}:${options.port}`],
      ...['--xds-port', String(options.xdsPort ?? 0)],
      ...['--status-port', String(options.statusPort ?? 0)],
    ],
    cwd: repositoryRoot,
  });
  return await child.waitForLine((line) => {
    const entry = logEntry(line);
    if (entry?.['msg'] !== 'ready') return undefined;
    return { xdsPort: Number(entry['xdsPort']), statusPort: Number(entry['statusPort']) };
  }, CONTROL_PLANE_TIMEOUT_MS);
}

/** Envoy is ready before its listener has all of its filters: ask until the model itself says it. */
async function untilServed(mesh: RunningMesh, model: string): Promise<void> {
  const url = `${mesh.baseUrl}/v2/models/${model}/ready`;
  const deadline = Date.now() + SERVING_TIMEOUT_MS;
  for (;;) {
    const seen = await statusOf(url);
    if (seen === '200') return;
    if (Date.now() > deadline) {
      const trouble = await describeTrouble(mesh.statusUrl);
      throw new CommandFailure(`${url} does not answer 200 but ${seen}. ${trouble}`, 1);
    }
    await sleep(POLL_MS);
  }
}

async function statusOf(url: string): Promise<string> {
  try {
    return String((await exchange({ url, timeoutMs: 2000 })).status);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
