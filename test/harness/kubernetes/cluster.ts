/** A cluster with our custom resources and roles, and a client for tests. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';
import { repositoryRoot } from '../../../control-plane/cli/quickstart/places.ts';
import { KubeApi, KubeError, type Query } from '../../../control-plane/kube/api.ts';
import { until } from '../until.ts';
import { type ApiServerOptions, startApiServer, type TestApiServer } from './api-server.ts';

/** What the control plane is in a cluster. */
export const CONTROL_PLANE = 'system:serviceaccount:modelweir-system:modelweir';

export interface TestCluster extends TestApiServer {
  /** Of the user `admin`. */
  readonly api: KubeApi;
  /** @throws {KubeError} as all of these. */
  create(object: ObjectName): Promise<unknown>;
  /** Creates it, or replaces what is there. */
  put(object: ObjectName): Promise<unknown>;
  get<T>(ref: ObjectName): Promise<T>;
  remove(ref: ObjectName): Promise<void>;
  /** Creates all objects of YAML text, in order. */
  createAll(yaml: string): Promise<void>;
}

export interface ObjectName {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

export interface ClusterOptions extends ApiServerOptions {
  /** Folder of the custom resources' definitions. Default: today's. */
  readonly definitions?: string;
}

export async function startCluster(options: ClusterOptions = {}): Promise<TestCluster> {
  const user = { name: CONTROL_PLANE, groups: ['system:serviceaccounts', 'system:authenticated'] };
  const server = await startApiServer({ ...options, users: [user, ...(options.users ?? [])] });
  try {
    const config = new KubeConfig();
    config.loadFromFile(server.kubeconfig('admin'));
    const api = new KubeApi(config);
    // As kubectl does: unknown fields are errors.
    const query = { fieldValidation: 'Strict', fieldManager: 'test' };
    const create = (body: ObjectName) =>
      api.send({ method: 'POST', path: pathOf(body), query, body });
    const get = <T>(ref: ObjectName) => api.send<T>({ path: pathOf(ref, ref.metadata.name) });
    const cluster: TestCluster = {
      ...server,
      api,
      create,
      get,
      put: (object) => put(cluster, query, object),
      remove: async (ref) => {
        await api.send({ method: 'DELETE', path: pathOf(ref, ref.metadata.name) });
      },
      createAll: async (yaml) => {
        for (const object of objectsOf(yaml)) await create(object);
      },
      stop: async () => {
        api.close();
        await server.stop();
      },
    };
    await install(cluster, options.definitions ?? join(repositoryRoot, 'deploy/crds'));
    return cluster;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Again where the object was written in between: the control plane writes statuses. */
async function put(cluster: TestCluster, query: Query, object: ObjectName): Promise<unknown> {
  for (;;) {
    const found = await cluster
      .get<{ metadata: { resourceVersion: string } }>(object)
      .catch(() => null);
    if (found === null) return await cluster.create(object);
    const { resourceVersion } = found.metadata;
    const path = pathOf(object, object.metadata.name);
    const body = { ...object, metadata: { ...object.metadata, resourceVersion } };
    try {
      return await cluster.api.send({ method: 'PUT', path, query, body });
    } catch (error) {
      if (!(error instanceof KubeError) || error.reason !== 'Conflict') throw error;
    }
  }
}

const CLUSTER_SCOPED = new Set([
  'ClusterRole',
  'ClusterRoleBinding',
  'CustomResourceDefinition',
  'MutatingWebhookConfiguration',
  'Namespace',
  'Node',
  'ValidatingWebhookConfiguration',
]);

export function pathOf({ apiVersion, kind, metadata }: ObjectName, name = ''): string {
  const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
  const plural = `${kind.toLowerCase()}s`.replace(/(?<![aeiou])ys$/, 'ies');
  const namespace = CLUSTER_SCOPED.has(kind)
    ? ''
    : `/namespaces/${metadata.namespace ?? 'default'}`;
  return `${root}${namespace}/${plural}${name === '' ? '' : `/${name}`}`;
}

export function objectsOf(yaml: string): ObjectName[] {
  return parseAllDocuments(yaml).map((document) => document.toJS() as ObjectName);
}

/** Of a folder of their YAML. */
export function definitionsIn(folder: string): ObjectName[] {
  const files = globSync('*.yaml', { cwd: folder });
  return files.flatMap((file) => objectsOf(readFileSync(join(folder, file), 'utf8')));
}

async function install(cluster: TestCluster, definitions: string): Promise<void> {
  for (const definition of definitionsIn(definitions)) await cluster.create(definition);
  await cluster.createAll(readFileSync(join(repositoryRoot, 'deploy/rbac.yaml'), 'utf8'));
  for (const plural of ['modelbackends', 'modelroutes', 'modelrollouts', 'trafficpolicies']) {
    await until(`${plural} are served`, () => isEstablished(cluster, plural), 30_000);
  }
}

interface Definition {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

async function isEstablished(cluster: TestCluster, plural: string): Promise<boolean> {
  const { status } = await cluster.get<Definition>({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.modelweir.dev` },
  });
  return (status?.conditions ?? []).some(
    ({ type, status: is }) => type === 'Established' && is === 'True',
  );
}
