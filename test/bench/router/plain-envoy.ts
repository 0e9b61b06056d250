/**
 * An Envoy without a control plane around one list of filters: the baseline and what is compared with
 * ours. Limits, listener and cluster are those that the control plane gives, so that the filters are
 * all that differs.
 */
import { adminAt, startEnvoy, type TestEnvoy } from '../../harness/envoy.ts';

export const EXTENSIONS = 'type.googleapis.com/envoy.extensions';
const CLUSTER = 'backend';

/** Room for a held body of 1 MiB and one more chunk, a power of two. */
const BUFFER_BYTES = 2_097_152;
const MAX_REQUESTS = 1024;
const TIMEOUT = '15s';

export interface PlainFilters {
  /** Those before Envoy's own router. */
  readonly filters: readonly object[];
  /** What of a request the route asks for besides any path: what a filter found. */
  readonly match?: object;
  /** Configuration, by the filters' names, of the route that a request has until `match` is met. */
  readonly perRoute?: object;
}

export async function startPlainEnvoy(
  backendPort: number,
  filters: PlainFilters,
): Promise<TestEnvoy> {
  return await startEnvoy({
    bootstrap: {
      admin: adminAt(0),
      static_resources: { listeners: [listener(filters)], clusters: [cluster(backendPort)] },
    },
  });
}

function listener(filters: PlainFilters): object {
  const manager = {
    '@type': `${EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'models',
    use_remote_address: true,
    normalize_path: true,
    stream_idle_timeout: '30s',
    route_config: { virtual_hosts: [virtualHost(filters)] },
    http_filters: [
      ...filters.filters,
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': `${EXTENSIONS}.filters.http.router.v3.Router` },
      },
    ],
  };
  return {
    name: 'models',
    address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
    per_connection_buffer_limit_bytes: BUFFER_BYTES,
    filter_chains: [
      {
        filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }],
      },
    ],
  };
}

/** A request without what the route asks for gets a 404, which no benchmark takes. */
function virtualHost({ match, perRoute }: PlainFilters): object {
  const found = {
    match: { prefix: '/', ...match },
    route: { cluster: CLUSTER, timeout: TIMEOUT, idle_timeout: TIMEOUT },
  };
  const undecided = {
    match: { prefix: '/' },
    direct_response: { status: 404 },
    typed_per_filter_config: perRoute,
  };
  return {
    name: 'models',
    domains: ['*'],
    request_body_buffer_limit: BUFFER_BYTES,
    routes: perRoute === undefined ? [found] : [found, undecided],
  };
}

function cluster(port: number): object {
  const address = { socket_address: { address: '127.0.0.1', port_value: port } };
  return {
    name: CLUSTER,
    type: 'STATIC',
    lb_policy: 'LEAST_REQUEST',
    connect_timeout: '1s',
    per_connection_buffer_limit_bytes: BUFFER_BYTES,
    circuit_breakers: {
      thresholds: [
        {
          max_connections: MAX_REQUESTS,
          max_pending_requests: MAX_REQUESTS,
          max_requests: MAX_REQUESTS,
        },
      ],
    },
    load_assignment: {
      cluster_name: CLUSTER,
      endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }],
    },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': `${EXTENSIONS}.upstreams.http.v3.HttpProtocolOptions`,
        common_http_protocol_options: { idle_timeout: '4s' },
        explicit_http_config: { http_protocol_options: {} },
      },
    },
  };
}
