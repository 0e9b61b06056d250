/** The resources of these tests, as objects: JSON is YAML, too. */
import { type MeshStatus, startMesh, type TestMesh } from '../../harness/mesh.ts';

type Fields = Readonly<Record<string, unknown>>;

/** `spec` may add to the backend's address and protocol, or replace them. */
export function modelBackend(name: string, port: number, spec: Fields): object {
  const endpoints = [{ address: '127.0.0.1', port }];
  return resource('ModelBackend', name, { endpoints, ...spec });
}

/** A route whose variants all weigh the same, to the backends of these names. */
export function modelRoute(
  name: string,
  models: readonly (string | Fields)[],
  backends: readonly string[],
  spec: Fields = {},
): object {
  return resource('ModelRoute', name, {
    models: models.map((model) => (typeof model === 'string' ? { name: model } : model)),
    variants: backends.map((backend) => ({ name: backend, backendRef: { name: backend } })),
    ...spec,
  });
}

function resource(kind: string, name: string, spec: Fields): object {
  return { apiVersion: 'modelweir.dev/v1alpha1', kind, metadata: { name }, spec };
}

export interface ServedMesh extends TestMesh {
  readonly port: number;
}

/** A mesh of these resources, once the proxy has taken all of them. `args` are those of `serve`. */
export async function serve(
  resources: readonly object[],
  args: readonly string[] = [],
  concurrency = 1,
): Promise<ServedMesh> {
  const yaml = resources.map((object) => JSON.stringify(object)).join('\n---\n');
  const mesh = await startMesh({ files: { 'mesh.yaml': yaml }, args, concurrency });
  try {
    const { objects } = await mesh.whenStatus((status) =>
      status.objects.flatMap(problemsOf).every(({ status }) => status === 'False'),
    );
    const problems = objects.flatMap(problemsOf).map(({ message }) => message);
    if (problems.length > 0) throw new Error(problems.join('\n'));
    return Object.assign(mesh, { port: Number(new URL(mesh.url).port) });
  } catch (error) {
    await mesh.stop();
    throw error;
  }
}

function problemsOf({ conditions }: MeshStatus['objects'][number]) {
  return conditions.filter(({ status }) => status !== 'True');
}
