/**
 * Router and rewriter in a real Envoy without a control plane: one listener, one route class, one
 * cluster. What the control plane would send is written here by hand, so that these tests are about the
 * filters and about nothing else.
 */
import 'assemblyscript/std/portable/index.js';
import { fileURLToPath } from 'node:url';
import { encodeRewriterConfig, RewriterConfig } from '../../../filters/contract/rewriter-config.ts';
import {
  encodeRouterConfig,
  RouterConfig,
  RouterHost,
  RouterModel,
  RouterRoute,
} from '../../../filters/contract/router-config.ts';
import { adminAt } from '../../harness/envoy.ts';

const TYPE = 'type.googleapis.com/envoy.extensions';
const RESERVED = { remove_on_match: { key_matcher: { prefix: 'x-modelweir-' } } };
export const ROUTE_CLASS = 'timeout-5000';

export interface StaticMesh {
  readonly backendPort: number;
  /** Body bytes that the router may hold. */
  readonly maxHoldBytes?: number;
  readonly strict?: boolean;
  readonly models?: readonly string[];
  readonly servedModel?: string;
  readonly servedVersion?: string;
  /** Attempts beyond the first, on a 503. */
  readonly retries?: number;
  readonly bufferBytes?: number;
}

export function staticBootstrap(mesh: StaticMesh): object {
  return {
    admin: adminAt(0),
    static_resources: { listeners: [listener(mesh)], clusters: [cluster(mesh)] },
  };
}

export function routerConfig(mesh: Omit<StaticMesh, 'backendPort'>): string {
  const config = new RouterConfig();
  config.maxHoldBytes = mesh.maxHoldBytes ?? 1_048_576;
  const route = new RouterRoute();
  route.name = 'default/route';
  route.routeClass = ROUTE_CLASS;
  route.strict = mesh.strict ?? true;
  config.routes = [route];
  const host = new RouterHost();
  host.hostname = '*';
  host.models = (mesh.models ?? ['public']).map((name) => {
    const model = new RouterModel();
    model.model = name;
    return model;
  });
  config.hosts = [host];
  return encodeRouterConfig(config);
}

export function rewriterConfig(servedModel = '', servedVersion = ''): string {
  const config = new RewriterConfig();
  config.servedModel = servedModel;
  config.servedVersion = servedVersion;
  return encodeRewriterConfig(config);
}

/** One of our built modules as an HTTP filter. */
function wasm(module: string, configuration: string): object {
  const filename = fileURLToPath(new URL(`../../../dist/filters/${module}.wasm`, import.meta.url));
  return {
    name: `modelweir.${module}`,
    typed_config: {
      '@type': `${TYPE}.filters.http.wasm.v3.Wasm`,
      config: {
        name: `modelweir.${module}`,
        root_id: `modelweir.${module}`,
        vm_config: {
          vm_id: `modelweir.${module}`,
          runtime: 'envoy.wasm.runtime.v8',
          code: { local: { filename } },
        },
        configuration: {
          '@type': 'type.googleapis.com/google.protobuf.StringValue',
          value: configuration,
        },
        failure_policy: 'FAIL_RELOAD',
        allow_on_headers_stop_iteration: true,
      },
    },
  };
}

function listener(mesh: StaticMesh): object {
  const bytes = mesh.bufferBytes ?? 4_194_304;
  const manager = {
    '@type': `${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'test',
    normalize_path: true,
    early_header_mutation_extensions: [
      {
        name: 'envoy.http.early_header_mutation.header_mutation',
        typed_config: {
          '@type': `${TYPE}.http.early_header_mutation.header_mutation.v3.HeaderMutation`,
          mutations: [RESERVED],
        },
      },
    ],
    stream_idle_timeout: '10s',
    http2_protocol_options: {
      initial_stream_window_size: bytes,
      initial_connection_window_size: bytes,
    },
    route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes: routes(mesh) }] },
    http_filters: [
      wasm('router', routerConfig(mesh)),
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': `${TYPE}.filters.http.router.v3.Router` },
      },
    ],
  };
  return {
    name: 'test',
    address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
    per_connection_buffer_limit_bytes: bytes,
    filter_chains: [
      {
        filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }],
      },
    ],
  };
}

function routes(mesh: StaticMesh): object[] {
  const retry = { retry_on: 'retriable-status-codes', retriable_status_codes: [503] };
  const known = { name: 'x-modelweir-route-class', string_match: { exact: ROUTE_CLASS } };
  return [
    {
      match: { prefix: '/', headers: [known] },
      route: {
        cluster: 'backend',
        timeout: '5s',
        ...(mesh.retries ? { retry_policy: { ...retry, num_retries: mesh.retries } } : {}),
      },
    },
    {
      match: { prefix: '/' },
      direct_response: { status: 404, body: { inline_string: 'no route' } },
    },
  ];
}

function cluster(mesh: StaticMesh): object {
  return {
    name: 'backend',
    type: 'STATIC',
    connect_timeout: '1s',
    per_connection_buffer_limit_bytes: mesh.bufferBytes ?? 4_194_304,
    // One connection: a wrong length in one request is seen by the next.
    circuit_breakers: { thresholds: [{ max_connections: 1 }] },
    load_assignment: {
      cluster_name: 'backend',
      endpoints: [
        {
          lb_endpoints: [
            {
              endpoint: {
                address: { socket_address: { address: '127.0.0.1', port_value: mesh.backendPort } },
              },
            },
          ],
        },
      ],
    },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': `${TYPE}.upstreams.http.v3.HttpProtocolOptions`,
        explicit_http_config: { http_protocol_options: {} },
        http_filters: [
          wasm('rewriter', rewriterConfig(mesh.servedModel, mesh.servedVersion)),
          {
            name: 'envoy.filters.http.header_mutation',
            typed_config: {
              '@type': `${TYPE}.filters.http.header_mutation.v3.HeaderMutation`,
              mutations: { request_mutations: [RESERVED] },
            },
          },
          {
            name: 'envoy.filters.http.upstream_codec',
            typed_config: { '@type': `${TYPE}.filters.http.upstream_codec.v3.UpstreamCodec` },
          },
        ],
      },
    },
  };
}
