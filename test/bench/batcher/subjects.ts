/** What is compared: an Envoy and a pod of its own each, both on the measured core, while all others idle. */
import { join } from 'node:path';
import { repositoryRoot } from '../../../control-plane/cli/quickstart/places.ts';
import { Supervisor } from '../../../control-plane/cli/quickstart/supervisor.ts';
import { startMesh } from '../../harness/mesh.ts';
import { MEASURED_CORE, pin } from '../pinning.ts';
import { benchRepository, MODELS, type ModelName } from './models.ts';
import { requestsFor } from './requests.ts';

interface Setting {
  /** Whether the mesh joins requests. */
  readonly mesh: boolean;
  /** Whether the pod runs rows of different requests together. A joined request's rows it always does. */
  readonly pod: boolean;
  /** Of Envoy. */
  readonly workers: number;
}

const SETTINGS = {
  none: { mesh: false, pod: false, workers: 1 },
  pod: { mesh: false, pod: true, workers: 1 },
  mesh: { mesh: true, pod: false, workers: 1 },
  both: { mesh: true, pod: true, workers: 1 },
  'mesh, 2 workers': { mesh: true, pod: false, workers: 2 },
  'mesh, 4 workers': { mesh: true, pod: false, workers: 4 },
} as const satisfies Readonly<Record<string, Setting>>;

export type SubjectName = keyof typeof SETTINGS;

export interface Subject {
  readonly name: SubjectName;
  readonly url: string;
  readonly podUrl: string;
  readonly joinsInMesh: boolean;
  /** Envoy's and the pod's. */
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

const MAX_BATCH_ROWS = 32;
const READY_TIMEOUT_MS = 60_000;

/** Starts each when it is first asked for. */
export class Subjects {
  readonly #started = new Map<SubjectName, Subject>();

  async get(name: SubjectName): Promise<Subject> {
    const known = this.#started.get(name);
    if (known !== undefined) return known;
    const subject = await start(name, SETTINGS[name]);
    this.#started.set(name, subject);
    return subject;
  }

  async stop(): Promise<void> {
    for (const subject of [...this.#started.values()].toReversed()) await subject.stop();
  }
}

async function start(name: SubjectName, setting: Setting): Promise<Subject> {
  const supervisor = new Supervisor();
  try {
    const pod = await startPod(supervisor, setting.pod ? MAX_BATCH_ROWS : 1);
    const files = { 'mesh.yaml': resources(pod.port, setting.mesh) };
    const mesh = await startMesh({ files, concurrency: setting.workers });
    const stop = async (): Promise<void> => {
      await mesh.stop();
      await supervisor.stop();
    };
    for (const pid of [pod.pid, mesh.envoy.pid]) await pin(pid, MEASURED_CORE);
    for (const model of Object.keys(MODELS) as ModelName[]) {
      const [{ path, body } = { path: '', body: Buffer.alloc(0) }] = requestsFor(model, 'json');
      await mesh.whenServing(path, Buffer.from(body).toString());
    }
    const podUrl = `http://127.0.0.1:${pod.port}`;
    const pids = [mesh.envoy.pid, pod.pid];
    return { name, url: mesh.url, podUrl, joinsInMesh: setting.mesh, pids, stop };
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
}

/** A pod with all models. */
async function startPod(
  supervisor: Supervisor,
  maxBatchRows: number,
): Promise<{ pid: number; port: number }> {
  const child = supervisor.start({
    name: 'pod',
    command: process.execPath,
    args: [
      join(repositoryRoot, 'inference/main.ts'),
      ...['--repository', await benchRepository(), '--host', '127.0.0.1', '--port', '0'],
      ...[
        '--models',
        Object.values(MODELS)
          .map(({ served }) => served)
          .join(','),
      ],
      ...['--max-batch-rows', String(maxBatchRows)],
    ],
  });
  const port = await child.waitForLine((line) => {
    const said = line.startsWith('{') ? JSON.parse(line).port : undefined;
    return typeof said === 'number' ? said : undefined;
  }, READY_TIMEOUT_MS);
  return { pid: child.pid, port };
}

function resources(port: number, joins: boolean): string {
  return Object.entries(MODELS)
    .map(([name, { served, batching }]) => {
      const batchingLine = joins ? `batching: { ${batching} }` : '';
      return backendAndRoute(name.toLowerCase(), name, served, port, batchingLine);
    })
    .join('---');
}

function backendAndRoute(
  id: string,
  model: string,
  served: string,
  port: number,
  batchingLine: string,
): string {
  return `
apiVersion: modelweir.dev/v1alpha1
kind: ModelBackend
metadata: { name: ${id} }
spec:
  protocol: OpenInference
  endpoints: [{ address: 127.0.0.1, port: ${port} }]
  model: { name: ${served} }
---
apiVersion: modelweir.dev/v1alpha1
kind: ModelRoute
metadata: { name: ${id} }
spec:
  models: [{ name: ${model} }]
  variants: [{ name: stable, backendRef: { name: ${id} }, weight: 1 }]
  ${batchingLine}
`;
}
