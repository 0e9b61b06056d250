/**
 * A mesh whose weights flip as fast as the proxy takes them: what is published was encoded before, and goes
 * past the control plane's debounce. A thousand other routes make each update as long as in a large mesh.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { pino } from 'pino';
import { filterModules } from '../../../control-plane/cli/filter-modules.ts';
import { repositoryRoot } from '../../../control-plane/cli/quickstart/places.ts';
import type * as ir from '../../../control-plane/ir/mesh.ts';
import { AdsServer, type ProxyStatus } from '../../../control-plane/serve/ads-server.ts';
import { encodeSnapshot } from '../../../control-plane/xds/encode.ts';
import { ShardRevisions } from '../../../control-plane/xds/revisions.ts';
import type { Snapshot } from '../../../control-plane/xds/snapshot.ts';
import { DEFAULT_LIMITS, translate } from '../../../control-plane/xds/translate.ts';
import { envoyBootstrap, startEnvoy, type TestEnvoy } from '../../harness/envoy.ts';
import { oneRouteMesh } from '../xds/served-mesh.ts';
import { LOOP_TIMES } from './loop-times.ts';

const OTHER_ROUTES = 1000;
/** How often the same weights can be published without being the same bytes: see `revisions.ts`. */
const REVISIONS = 3;
const IN_SYNC_TIMEOUT_MS = 20_000;

export type Weights = Readonly<Record<string, number>>;

export interface FlippingMesh {
  readonly url: string;
  readonly envoy: TestEnvoy;
  /** Publishes the next weights in turn, and says which these are. */
  flip(): Weights;
  /** Settles when the proxy has what was published last. */
  inSync(): Promise<void>;
  stop(): Promise<void>;
}

export interface FlippingMeshOptions {
  /** Backends by variant: each variant has one of its own. */
  readonly ports: Readonly<Record<string, number>>;
  /** Taken in turn. */
  readonly weights: readonly Weights[];
  /** Of the route `default/m`. */
  readonly route: Partial<ir.Route>;
  readonly concurrency: number;
}

export async function startFlippingMesh(options: FlippingMeshOptions): Promise<FlippingMesh> {
  const snapshots = await snapshotsOf(options);
  const server = new AdsServer({ logger: pino({ enabled: false }) });
  let next = 0;
  const flip = (): Weights => {
    const turn = next++ % snapshots.length;
    const snapshot = snapshots[turn];
    const weights = options.weights[turn % options.weights.length];
    if (snapshot === undefined || weights === undefined) throw new Error('there are no weights');
    server.publish(snapshot);
    return weights;
  };
  flip();
  const xdsPort = await server.listen('127.0.0.1', 0);
  try {
    const node = { nodeId: 'test-envoy', nodeCluster: 'modelweir-test' };
    const bootstrap = {
      ...envoyBootstrap({ ...node, xdsPort, mode: 'DELTA_GRPC', adminPort: 0 }),
      ...LOOP_TIMES,
    };
    const envoy = await startEnvoy({ bootstrap, concurrency: options.concurrency });
    return {
      url: `http://${(await envoy.listeners()).get('default')}`,
      envoy,
      flip,
      inSync: () => inSync(server),
      stop: async () => {
        await envoy.stop();
        await server.close(1000);
      },
    };
  } catch (error) {
    await server.close(1000);
    throw error;
  }
}

async function snapshotsOf(options: FlippingMeshOptions): Promise<readonly Snapshot[]> {
  const modules = await filterModules(join(repositoryRoot, 'dist/filters'));
  const meshes = await meshesOf(options);
  const revisions = new ShardRevisions();
  return Array.from({ length: meshes.length * REVISIONS }, (_, index) => {
    const mesh = meshes[index % meshes.length] as ir.Mesh;
    const set = translate(mesh, {
      modules,
      limits: DEFAULT_LIMITS,
      modelHeader: null,
      accessLog: null,
      outcomeMetrics: false,
      splitterRevisions: revisions,
    });
    return encodeSnapshot(set);
  });
}

/** One a set of weights, that differ in nothing else. */
async function meshesOf({ ports, weights, route }: FlippingMeshOptions): Promise<ir.Mesh[]> {
  const backends = Object.entries(ports).map(([name, port]) => ({ name, port }));
  const mesh = await oneRouteMesh(backends, route);
  const [own] = mesh.routes;
  const claim = own?.claims[0];
  if (own === undefined || claim === undefined) throw new Error('the mesh has no route');
  const others = Array.from({ length: OTHER_ROUTES }, (_, index) => ({
    ...own,
    name: `default/other-${String(index).padStart(4, '0')}`,
    claims: [{ ...claim, model: `other-${index}` }],
  }));
  return weights.map((of) => {
    const variants = own.variants.map((one) => ({ ...one, weight: of[one.name] ?? 0 }));
    return { ...mesh, routes: [{ ...own, variants }, ...others] };
  });
}

async function inSync(server: AdsServer): Promise<void> {
  const signal = AbortSignal.timeout(IN_SYNC_TIMEOUT_MS);
  let proxy: ProxyStatus | undefined;
  for (;;) {
    [proxy] = server.proxies.list();
    if (proxy?.inSync === true) return;
    await once(server.proxies, 'change', { signal }).catch((cause: Error) => {
      throw new Error(`the proxy did not follow: ${JSON.stringify(proxy)}`, { cause });
    });
  }
}
