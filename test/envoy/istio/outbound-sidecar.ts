/**
 * A caller's sidecar as Istio configures it: one listener of a port, a virtual host for each service, and in that
 * of models a route for each variant by the header that our filter sets. The last route of each host is what it was
 * without us. Filters of ours are off, but where a virtual host turns them on.
 */
import 'assemblyscript/std/portable/index.js';
import {
  CLUSTER_HEADER,
  REQUEST_HEADERS_OF_FILTERS,
  SHOWN_VARIANT,
  VARIANT_HEADER,
} from '../../../filters/contract/headers.ts';
import {
  encodeRouterConfig,
  RouterConfig,
  RouterHost,
  RouterModel,
  RouterRoute,
} from '../../../filters/contract/router-config.ts';
import {
  encodeSplitterConfig,
  SplitterConfig,
  SplitterRoute,
  SplitterVariant,
} from '../../../filters/contract/splitter-config.ts';
import { adminAt, startEnvoy, type TestEnvoy } from '../../harness/envoy.ts';
import { until } from '../../harness/until.ts';
import {
  connectionManager,
  discoveredFilter,
  earlyMutations,
  extensionFile,
  HTTP2,
  headerMutation,
  routerFilter,
  STRIP,
  staticCluster,
  type WasmModule,
  wasmFilter,
} from './sidecar-parts.ts';

/** What callers ask for models, and somebody else on the same port. */
export const MODELS = 'models.shop.svc.cluster.local';
export const ORDERS = 'orders.shop.svc.cluster.local';
export const ROUTE = 'shop/digits';

export interface OutboundOptions {
  /** Of the service `models` itself, of its two variants, and of another service. */
  readonly ports: {
    readonly models: number;
    readonly stable: number;
    readonly canary: number;
    readonly orders: number;
  };
  readonly weights?: Readonly<Record<'stable' | 'canary', number>>;
  /** Where the filters' configurations come from: a file, or a server that never answers. */
  readonly source?: 'file' | 'nowhere';
  readonly failurePolicy?: WasmModule['failurePolicy'];
  /** Of the router; default the one that ships. */
  readonly module?: string;
  /** In place of the router's filter. */
  readonly router?: object;
  /** Whether the filters are in the listener at all. Default true. */
  readonly filters?: boolean;
  /** Of requests to the host of models that have no variant yet. Default: none. */
  readonly idleTimeoutMs?: number;
  /** Worker threads; default 1. */
  readonly concurrency?: number;
}

export interface OutboundSidecar {
  readonly envoy: TestEnvoy;
  /** Of the listener: `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly port: number;
  /** Gives the router's filter this configuration, as a control plane would. */
  setRouter(typedConfig: object | null): void;
  /** Requests that the router's filter has seen, whatever it did with them. */
  seen(): Promise<number>;
  stop(): Promise<void>;
}

export async function startOutbound(options: OutboundOptions): Promise<OutboundSidecar> {
  const router = extensionFile('modelweir.router');
  const splitter = extensionFile('modelweir.splitter');
  const remove = (): void => {
    router.remove();
    splitter.remove();
  };
  try {
    router.write(options.router ?? chainFilter('modelweir.router', routerConfig(), options));
    splitter.write(chainFilter('modelweir.splitter', splitterConfig(options), options));
    const nowhere = options.source === 'nowhere' ? NOWHERE : null;
    const envoy = await startEnvoy({
      concurrency: options.concurrency ?? 1,
      bootstrap: bootstrap(options, {
        router: nowhere ?? router.configSource,
        splitter: nowhere ?? splitter.configSource,
      }),
    });
    if (nowhere === null && options.filters !== false) await whenTaken(envoy);
    const address = (await envoy.listeners()).get('0.0.0.0_80') ?? '';
    return {
      envoy,
      url: `http://${address}`,
      port: Number(address.slice(address.lastIndexOf(':') + 1)),
      setRouter: router.write,
      seen: async () => {
        const stats = await envoy.stats(/modelweir_(router_requests|splitter_requests)_total/);
        return [...stats.values()].reduce((sum, value) => sum + value, 0);
      },
      stop: async () => {
        await envoy.stop();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

function whenTaken(envoy: TestEnvoy): Promise<void> {
  return until('Envoy has decided on both configurations', async () => {
    const stats = await envoy.stats(/extension_config_discovery\..*\.update_(success|rejected)$/);
    return [...stats.values()].filter((count) => count > 0).length === 2;
  });
}

function chainFilter(name: string, configuration: string, options: OutboundOptions): object {
  const { module = 'filters/chain', failurePolicy } = options;
  return wasmFilter({ name, module, configuration, ...(failurePolicy && { failurePolicy }) });
}

function routerConfig(): string {
  const route = Object.assign(new RouterRoute(), { name: ROUTE, strict: true });
  const model = Object.assign(new RouterModel(), { model: 'digits' });
  const host = Object.assign(new RouterHost(), { hostname: MODELS, models: [model] });
  const config = new RouterConfig();
  config.maxHoldBytes = 1_048_576;
  config.maxHeldBytes = 67_108_864;
  config.metadataTimeoutMs = 2_000;
  config.routes = [route];
  config.hosts = [host];
  return encodeRouterConfig(config);
}

function splitterConfig({ weights = { stable: 50, canary: 50 } }: OutboundOptions): string {
  const variants = Object.entries(weights).map(([name, weight]) =>
    Object.assign(new SplitterVariant(), {
      name,
      cluster: `${ROUTE}/${name}`,
      askCluster: clusterName(name),
      weight,
      servedModel: name === 'canary' ? 'digits-v2' : '',
      protocol: 'OpenInference',
    }),
  );
  const route = Object.assign(new SplitterRoute(), {
    name: ROUTE,
    stickyHeader: 'x-user',
    variants,
  });
  const config = new SplitterConfig();
  config.routes = [route];
  return encodeSplitterConfig(config);
}

const NOWHERE = {
  api_config_source: {
    api_type: 'GRPC',
    transport_api_version: 'V3',
    grpc_services: [{ envoy_grpc: { cluster_name: 'nowhere' } }],
  },
};

function bootstrap(
  options: OutboundOptions,
  sources: { readonly router: object; readonly splitter: object },
): object {
  const { ports } = options;
  return {
    node: { id: 'sidecar~192.0.2.2~web-0.shop~shop.svc.cluster.local', cluster: 'web.shop' },
    admin: adminAt(0),
    static_resources: {
      listeners: [listener(options, sources)],
      clusters: [
        staticCluster(clusterName('models'), ports.models),
        staticCluster(clusterName('stable'), ports.stable),
        staticCluster(clusterName('canary'), ports.canary),
        staticCluster(clusterName('orders'), ports.orders),
        // A port that nobody listens on.
        staticCluster('nowhere', 1, HTTP2),
      ],
    },
  };
}

function clusterName(service: string): string {
  return `outbound|80||${service}.shop.svc.cluster.local`;
}

function listener(
  options: OutboundOptions,
  sources: { readonly router: object; readonly splitter: object },
): object {
  const trailers = headerMutation({
    request_trailers_mutations: [STRIP],
    response_trailers_mutations: [STRIP],
  });
  const ours = [
    discoveredFilter({ name: 'modelweir.router', configSource: sources.router, disabled: true }),
    discoveredFilter({
      name: 'modelweir.splitter',
      configSource: sources.splitter,
      disabled: true,
    }),
    { name: 'modelweir.trailers', disabled: true, typed_config: trailers },
  ];
  const isOn = options.filters !== false;
  const manager = connectionManager({
    stat_prefix: 'outbound_0.0.0.0_80;',
    ...(isOn && { early_header_mutation_extensions: earlyMutations([STRIP]) }),
    route_config: { name: '80', virtual_hosts: virtualHosts(options, isOn) },
    http_filters: [...(isOn ? ours : []), routerFilter()],
  });
  return {
    name: '0.0.0.0_80',
    traffic_direction: 'OUTBOUND',
    address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
    filter_chains: [{ filters: [manager] }],
  };
}

function virtualHosts(options: OutboundOptions, isOn: boolean): object[] {
  const variant = { key: VARIANT_HEADER, value: `%FILTER_STATE(wasm.${SHOWN_VARIANT}:PLAIN)%` };
  const on = { '@type': 'type.googleapis.com/envoy.config.route.v3.FilterConfig', config: {} };
  const ours = {
    typed_per_filter_config: { 'modelweir.router': on, 'modelweir.trailers': on },
    request_body_buffer_limit: 4_194_304,
    response_headers_to_remove: [VARIANT_HEADER],
    response_headers_to_add: [{ header: variant, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }],
  };
  return [
    {
      name: `${MODELS}:80`,
      domains: [MODELS, 'models.shop', 'models'],
      ...(isOn && ours),
      routes: [
        ...(isOn ? [forVariant('stable'), forVariant('canary')] : []),
        forHost('models', options.idleTimeoutMs),
      ],
    },
    {
      name: `${ORDERS}:80`,
      domains: [ORDERS, 'orders.shop', 'orders'],
      routes: [forHost('orders')],
    },
  ];
}

function forVariant(name: string): object {
  const exact = `${ROUTE}/${name}`;
  return {
    match: { prefix: '/', headers: [{ name: CLUSTER_HEADER, string_match: { exact } }] },
    request_headers_to_remove: REQUEST_HEADERS_OF_FILTERS,
    route: { cluster: clusterName(name), timeout: '10s' },
  };
}

function forHost(service: string, idleTimeoutMs?: number): object {
  const idle = idleTimeoutMs === undefined ? {} : { idle_timeout: `${idleTimeoutMs / 1000}s` };
  return {
    name: 'default',
    match: { prefix: '/' },
    route: { cluster: clusterName(service), timeout: '0s', ...idle },
  };
}
