/** What a user writes to get the filters that are measured: folders of YAML, by file name. */

export type Files = Readonly<Record<string, string>>;

export interface MeshShape {
  readonly model: string;
  readonly backendPort: number;
  /** Default `Strict`. */
  readonly modelScan?: 'Strict' | 'Fast';
  /** Under which name the backend serves it; else under its public one, and nothing is edited. */
  readonly servedModel?: string;
  readonly stickyHeader?: string;
}

/** As a file may have about 1 MiB. */
const ROUTES_OF_FILE = 1000;

/** One route to one backend. */
export function oneRoute(shape: MeshShape): Files {
  const model = shape.servedModel === undefined ? {} : { model: { name: shape.servedModel } };
  const sticky = shape.stickyHeader === undefined ? {} : { sticky: { header: shape.stickyHeader } };
  const options = { modelScan: shape.modelScan ?? 'Strict', ...sticky };
  return {
    'mesh.yaml': documents([backend(shape.backendPort, model), route(shape.model, options)]),
  };
}

/** One route for each model, all to one backend. */
export function manyRoutes(models: readonly string[], backendPort: number): Files {
  const files: Record<string, string> = { 'backend.yaml': documents([backend(backendPort, {})]) };
  for (let from = 0; from < models.length; from += ROUTES_OF_FILE) {
    const part = models.slice(from, from + ROUTES_OF_FILE);
    files[`routes-${from}.yaml`] = documents(part.map((model) => route(model, {})));
  }
  return files;
}

function backend(port: number, options: object): object {
  return {
    apiVersion: 'modelweir.dev/v1alpha1',
    kind: 'ModelBackend',
    metadata: { name: 'backend' },
    spec: { protocol: 'OpenAI', endpoints: [{ address: '127.0.0.1', port }], ...options },
  };
}

function route(model: string, options: object): object {
  return {
    apiVersion: 'modelweir.dev/v1alpha1',
    kind: 'ModelRoute',
    metadata: { name: model },
    spec: {
      models: [{ name: model }],
      variants: [{ name: 'only', backendRef: { name: 'backend' } }],
      ...options,
    },
  };
}

/** JSON is YAML. */
function documents(objects: readonly object[]): string {
  return objects.map((object) => `${JSON.stringify(object)}\n`).join('---\n');
}
