/** Our ADS server and a real Envoy on it, for tests that publish meshes or resources by hand. */
import { once } from 'node:events';
import { join } from 'node:path';
import { pino } from 'pino';
import { filterModules } from '../../../control-plane/cli/filter-modules.ts';
import { repositoryRoot } from '../../../control-plane/cli/quickstart/places.ts';
import type * as ir from '../../../control-plane/ir/mesh.ts';
import type { ProxyStatus, TypeStatus } from '../../../control-plane/serve/ads-server.ts';
import { AdsServer } from '../../../control-plane/serve/ads-server.ts';
import { checkConsistency } from '../../../control-plane/xds/consistency.ts';
import { encodeSnapshot } from '../../../control-plane/xds/encode.ts';
import { ShardRevisions } from '../../../control-plane/xds/revisions.ts';
import type { Snapshot } from '../../../control-plane/xds/snapshot.ts';
import { TYPE_URLS } from '../../../control-plane/xds/snapshot.ts';
import type {
  Limits,
  Module,
  ModuleName,
  ResourceSet,
} from '../../../control-plane/xds/translate.ts';
import { DEFAULT_LIMITS, translate } from '../../../control-plane/xds/translate.ts';
import type { TestEnvoy, XdsMode } from '../../harness/envoy.ts';
import { freePort, startEnvoy } from '../../harness/envoy.ts';

export const MODES: readonly XdsMode[] = ['GRPC', 'DELTA_GRPC'];

export interface ServedMesh {
  readonly envoy: TestEnvoy;
  /** Of the listener `default`. */
  readonly url: string;
  /** Translates, and publishes what `change` makes of it. */
  publish(mesh: ir.Mesh, change?: (set: ResourceSet) => ResourceSet): void;
  /** From the next `publish` on: other modules than those that it was started with. */
  useStandIns(standIns: StandIns): void;
  /** Settles with the only proxy's status when `accept` is true of it. */
  proxyWhen(accept: (proxy: ProxyStatus) => boolean): Promise<ProxyStatus>;
  /** Ends the server; a new one on the same port publishes the same. */
  restartServer(): Promise<void>;
  stop(): Promise<void>;
}

/** Names of modules in `dist/test-modules` that stand in for the built ones. */
export type StandIns = Readonly<Partial<Record<ModuleName, string>>>;

export interface ServedMeshOptions {
  readonly mode: XdsMode;
  readonly mesh: ir.Mesh;
  readonly standIns?: StandIns;
  /** Worker threads of Envoy. Default 1. */
  readonly concurrency?: number;
  /** Where they are not the default ones. */
  readonly limits?: Partial<Limits>;
  /** File for the access log. Default: none. */
  readonly accessLog?: string;
  /** Whether Envoy counts outcomes. Default: no. */
  readonly outcomeMetrics?: boolean;
}

export async function serveMesh(options: ServedMeshOptions): Promise<ServedMesh> {
  const built = await filterModules(join(repositoryRoot, 'dist/filters'));
  const withStandIns = ({ chain, batcher, rewriter }: StandIns) => ({
    chain: chain === undefined ? built.chain : testModule(chain),
    batcher: batcher === undefined ? built.batcher : testModule(batcher),
    rewriter: rewriter === undefined ? built.rewriter : testModule(rewriter),
  });
  let modules = withStandIns(options.standIns ?? {});
  const accessLog = options.accessLog === undefined ? null : { path: options.accessLog };
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const newServer = () => new AdsServer({ logger: pino({ enabled: false }) });
  let server = newServer();
  let last: Snapshot;
  const splitterRevisions = new ShardRevisions();
  const publish: ServedMesh['publish'] = (mesh, change = (set) => set) => {
    const translation = {
      modules,
      limits,
      modelHeader: null,
      accessLog,
      outcomeMetrics: options.outcomeMetrics ?? false,
      splitterRevisions,
    };
    const set = translate(mesh, translation);
    const problems = checkConsistency(set);
    if (problems.length > 0) throw new Error(problems.join('; '));
    last = encodeSnapshot(change(set));
    server.publish(last);
  };
  publish(options.mesh);
  const xdsPort = await server.listen('127.0.0.1', 0);
  try {
    const { mode, concurrency = 1 } = options;
    const envoy = await startEnvoy({ xdsPort, mode, concurrency });
    return {
      envoy,
      url: `http://${(await envoy.listeners()).get('default')}`,
      publish,
      useStandIns: (standIns) => {
        modules = withStandIns(standIns);
      },
      proxyWhen: (accept) => proxyWhen(server, accept),
      restartServer: async () => {
        await server.close(1000);
        server = newServer();
        server.publish(last);
        await server.listen('127.0.0.1', xdsPort);
      },
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

export function testModule(name: string): Module {
  const path = join(repositoryRoot, `dist/test-modules/${name}.wasm`);
  return { path, sha256: '0'.repeat(64) };
}

async function proxyWhen(
  server: AdsServer,
  accept: (proxy: ProxyStatus) => boolean,
): Promise<ProxyStatus> {
  const signal = AbortSignal.timeout(20_000);
  for (;;) {
    const [proxy] = server.proxies.list();
    if (proxy !== undefined && accept(proxy)) return proxy;
    await once(server.proxies, 'change', { signal }).catch((cause: Error) => {
      throw new Error(`no such status came: ${JSON.stringify(proxy)}`, { cause });
    });
  }
}

export function typeStatus(proxy: ProxyStatus, type: keyof typeof TYPE_URLS): TypeStatus {
  const status = proxy.types.find((item) => item.typeUrl === TYPE_URLS[type]);
  if (status === undefined) throw new Error(`the proxy has not asked for ${type}`);
  return status;
}

/** A mesh on a free port with one route, `default/m`, to these backends of equal weight. */
export async function oneRouteMesh(
  backends: readonly { readonly name: string; readonly port: number }[],
  change: Partial<ir.Route> = {},
): Promise<ir.Mesh> {
  const target = ({ name, port }: { name: string; port: number }): ir.Target => ({
    name: `default/${name}`,
    protocol: 'OpenInference',
    endpoints: [{ address: '127.0.0.1', port, zone: null }],
    service: null,
    tls: null,
    servedModel: null,
    servedVersion: null,
    connectTimeoutMs: 1000,
    maxConnections: 1024,
    maxRequests: 1024,
    healthCheck: null,
    outlierDetection: null,
    loadBalancing: { policy: 'LeastRequest', hashHeader: null },
  });
  return {
    listeners: [{ name: 'default', address: '127.0.0.1', port: await freePort() }],
    routes: [
      {
        name: 'default/m',
        claims: [
          { hostname: '*', model: 'm', prefix: false, version: null, protocol: null, headers: [] },
        ],
        modelScan: 'strict',
        variants: backends.map(({ name }) => ({ name, target: `default/${name}`, weight: 1 })),
        stickyHeader: null,
        stickyField: null,
        matches: [],
        retry: null,
        fallback: [],
        shadow: null,
        responses: {
          publicModel: false,
          countTokens: false,
          attemptsHeader: false,
          decisionHeader: 'never',
        },
        variantHeader: true,
        timeoutMs: 15_000,
        batching: null,
        ...change,
      },
    ],
    targets: backends.map(target),
    services: [],
    secrets: [],
  };
}
