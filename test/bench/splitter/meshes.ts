/** What a user writes to get what is measured: resources of one route each. JSON is YAML. */
import { startMesh, type TestMesh } from '../../harness/mesh.ts';
import { MEASURED_CORE, pin } from '../pinning.ts';
import { CHAT_PATH } from '../router/chat-body.ts';

export const MODEL = 'chat';
export const SERVED_MODEL = 'chat-v2';
export const STICKY_HEADER = 'x-user';

type Fields = Readonly<Record<string, unknown>>;

export interface Subject {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export interface MeshShape {
  /** Port of each variant's backend, by the variant's name. */
  readonly ports: Readonly<Record<string, number>>;
  readonly weights: Readonly<Record<string, number>>;
  /** Whether the backends know the model under another name. */
  readonly isRenamed: boolean;
  /** Of the route, besides models and variants. */
  readonly spec?: Fields;
}

/** A mesh on the measured core, once it serves. */
export async function startSubject(name: string, shape: MeshShape): Promise<Subject> {
  const mesh: TestMesh = await startMesh({ files: { 'mesh.yaml': resources(shape) } });
  try {
    await pin(mesh.envoy.pid, MEASURED_CORE);
    await mesh.whenServing(CHAT_PATH, JSON.stringify({ model: MODEL }));
  } catch (error) {
    await mesh.stop();
    throw error;
  }
  return { name, url: mesh.url, pid: mesh.envoy.pid, stop: () => mesh.stop() };
}

function resources({ ports, weights, isRenamed, spec = {} }: MeshShape): string {
  const model = isRenamed ? { model: { name: SERVED_MODEL } } : {};
  const backends = Object.entries(ports).map(([name, port]) =>
    resource('ModelBackend', name, {
      protocol: 'OpenAI',
      endpoints: [{ address: '127.0.0.1', port }],
      ...model,
    }),
  );
  const variants = Object.entries(weights).map(([name, weight]) => {
    return { name, backendRef: { name }, weight };
  });
  const route = resource('ModelRoute', MODEL, { models: [{ name: MODEL }], variants, ...spec });
  return [...backends, route].map((object) => `${JSON.stringify(object)}\n`).join('---\n');
}

function resource(kind: string, name: string, spec: Fields): object {
  return { apiVersion: 'modelweir.dev/v1alpha1', kind, metadata: { name }, spec };
}
