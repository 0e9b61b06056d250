/**
 * The chain in a real Envoy without a control plane: one listener, one route class, one cluster. What the
 * control plane would send is written here by hand, so that these tests are about the filter and about
 * nothing else.
 */
import 'assemblyscript/std/portable/index.js';
import { fileURLToPath } from 'node:url';
import {
  CLUSTER_HEADER,
  REQUEST_HEADERS_OF_FILTERS,
  RESERVED_PREFIX,
  ROUTE_CLASS_HEADER,
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
import { adminAt } from '../../harness/envoy.ts';

const TYPE = 'type.googleapis.com/envoy.extensions';
const RESERVED = { remove_on_match: { key_matcher: { prefix: RESERVED_PREFIX } } };
const ROUTE = 'default/route';
export const ROUTE_CLASS = 'timeout-5000';

export interface StaticMesh {
  readonly backendPort: number;
  /** Body bytes that the router may hold. */
  readonly maxHoldBytes?: number;
  /** Body bytes that it may hold of all requests together. */
  readonly maxHeldBytes?: number;
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

function routerConfig(mesh: Omit<StaticMesh, 'backendPort'>): string {
  const config = new RouterConfig();
  config.maxHoldBytes = mesh.maxHoldBytes ?? 1_048_576;
  config.maxHeldBytes = mesh.maxHeldBytes ?? 268_435_456;
  const route = new RouterRoute();
  route.name = ROUTE;
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

function splitterConfig(mesh: StaticMesh): string {
  const variant = Object.assign(new SplitterVariant(), {
    name: 'only',
    cluster: 'default/backend',
    weight: 1,
    servedModel: mesh.servedModel ?? '',
    servedVersion: mesh.servedVersion ?? '',
    protocol: 'OpenInference',
  });
  const route = Object.assign(new SplitterRoute(), { name: ROUTE, variants: [variant] });
  const config = new SplitterConfig();
  config.routes = [route];
  return encodeSplitterConfig(config);
}

/** A part of the chain as an HTTP filter. Both parts are in one virtual machine. */
function chainFilter(name: string, configuration: string, disabled = false): object {
  const filename = fileURLToPath(new URL('../../../dist/filters/chain.wasm', import.meta.url));
  return {
    name,
    disabled,
    typed_config: {
      '@type': `${TYPE}.filters.http.wasm.v3.Wasm`,
      config: {
        name,
        root_id: name,
        vm_config: {
          vm_id: 'modelweir.chain',
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
    route_config: { virtual_hosts: [virtualHost(mesh)] },
    http_filters: [
      chainFilter('modelweir.router', routerConfig(mesh)),
      chainFilter('modelweir.splitter', splitterConfig(mesh), true),
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

function virtualHost(mesh: StaticMesh): object {
  const variant = { key: VARIANT_HEADER, value: `%FILTER_STATE(wasm.${SHOWN_VARIANT}:PLAIN)%` };
  return {
    name: 'all',
    domains: ['*'],
    routes: routes(mesh),
    request_headers_to_remove: REQUEST_HEADERS_OF_FILTERS,
    response_headers_to_remove: [VARIANT_HEADER],
    response_headers_to_add: [{ header: variant, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }],
  };
}

function routes(mesh: StaticMesh): object[] {
  const retry = { retry_on: 'retriable-status-codes', retriable_status_codes: [503] };
  const known = { name: ROUTE_CLASS_HEADER, string_match: { exact: ROUTE_CLASS } };
  return [
    {
      match: { prefix: '/', headers: [known] },
      route: {
        cluster_header: CLUSTER_HEADER,
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
    name: 'default/backend',
    type: 'STATIC',
    connect_timeout: '1s',
    per_connection_buffer_limit_bytes: mesh.bufferBytes ?? 4_194_304,
    // One connection: a wrong length in one request is seen by the next.
    circuit_breakers: { thresholds: [{ max_connections: 1 }] },
    load_assignment: {
      cluster_name: 'default/backend',
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
      },
    },
  };
}
