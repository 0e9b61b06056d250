/**
 * A cluster with the objects of `deploy/webhook.yaml`, whose API server reaches the webhook by way of a
 * balancer, and replicas with just the rights that those objects give.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { repositoryRoot } from '../../../control-plane/cli/quickstart/places.ts';
import {
  type Injector,
  type InjectorOptions,
  startInjector,
} from '../../../control-plane/inject/injector.ts';
import { PROXY_CONTAINER } from '../../../control-plane/inject/names.ts';
import type { Pod, StringMap } from '../../../control-plane/inject/pod.ts';
import {
  CONTROL_PLANE,
  type ObjectName,
  objectsOf,
  startCluster,
  type TestCluster,
} from '../../harness/kubernetes/cluster.ts';
import { PROXY } from '../../unit/inject/pods.ts';
import { type Balancer, startBalancer } from './balancer.ts';

export interface Replica extends Injector {
  /** What it logged, an object each. */
  readonly records: readonly Readonly<Record<string, unknown>>[];
}

export interface Scene {
  readonly cluster: TestCluster;
  readonly balancer: Balancer;
  /** Begins to get connections. */
  start(options?: Partial<InjectorOptions>): Promise<Replica>;
  /** As a Service does: first no new connections, then the end. */
  end(replica: Replica): Promise<void>;
  namespace(name: string, labels?: StringMap): Promise<void>;
  /** As the API server gives it back. */
  pod(namespace: string, pod?: Partial<Pod>): Promise<Pod>;
  stop(): Promise<void>;
}

export const LEASE = { leaseMs: 3000, renewDeadlineMs: 2000, retryMs: 200 };
const WEBHOOK = join(repositoryRoot, 'deploy', 'webhook.yaml');

export async function startScene(revision: string | null = null): Promise<Scene> {
  const cluster = await startCluster();
  const balancer = await startBalancer();
  let pods = 0;
  for (const object of webhookObjects(balancer.port)) await cluster.create(object);
  return {
    cluster,
    balancer,
    start: async (options = {}) => {
      const replica = await startReplica(cluster, { revision, ...options });
      balancer.add(replica.port);
      return replica;
    },
    end: async (replica) => {
      balancer.remove(replica.port);
      await replica.close();
    },
    namespace: async (name, labels = {}) => {
      const metadata = { name, labels };
      await cluster.create({ apiVersion: 'v1', kind: 'Namespace', metadata });
    },
    pod: async (namespace, { metadata, spec } = {}) => {
      pods += 1;
      const body: ObjectName = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { ...metadata, name: `pod-${pods}`, namespace },
        ...{ spec: { containers: [{ name: 'web', image: 'web:1' }], ...spec } },
      };
      return (await cluster.create(body)) as Pod;
    },
    stop: async () => {
      await balancer.stop();
      await cluster.stop();
    },
  };
}

/** Those of `deploy/webhook.yaml`, for a webhook on this port of the loopback address. */
export function webhookObjects(port: number): ObjectName[] {
  return objectsOf(readFileSync(WEBHOOK, 'utf8')).map((object) => callable(object, port));
}

/** A test has no Service network. */
function callable(object: ObjectName, port: number): ObjectName {
  if (object.kind !== 'MutatingWebhookConfiguration') return object;
  const { webhooks, ...rest } = object as ObjectName & {
    webhooks: { clientConfig: { service: { path: string } } }[];
  };
  const reached = webhooks.map((webhook) => {
    const { path } = webhook.clientConfig.service;
    return { ...webhook, clientConfig: { url: `https://127.0.0.1:${port}${path}` } };
  });
  return { ...rest, ...{ webhooks: reached } };
}

async function startReplica(
  cluster: TestCluster,
  options: Partial<InjectorOptions>,
): Promise<Replica> {
  const records: Record<string, unknown>[] = [];
  const write = (line: Buffer, _encoding: string, done: () => void) => {
    records.push(JSON.parse(line.toString()));
    done();
  };
  const injector = await startInjector({
    kubeconfig: cluster.kubeconfig(CONTROL_PLANE),
    ...{ host: '127.0.0.1', port: 0, namespace: 'modelweir-system', revision: null },
    names: ['127.0.0.1'],
    certificate: null,
    plan: { istio: 'off', proxy: PROXY },
    rotation: { pollMs: 100 },
    lease: LEASE,
    drainMs: 500,
    logger: pino({ level: 'debug' }, new Writable({ write })),
    ...options,
  });
  return { ...injector, records };
}

export function isInjected({ spec }: Pod): boolean {
  return (spec?.initContainers ?? []).some(({ name }) => name === PROXY_CONTAINER);
}
