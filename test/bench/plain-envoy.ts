/** The baseline: the same Envoy, one listener, one static cluster, no filter but the router. */
import { adminAt } from '../harness/envoy.ts';

const HCM =
  'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const ROUTER = 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router';
const BUFFER_BYTES = 2 << 20;

export function plainBootstrap(backendPort: number): object {
  return {
    admin: adminAt(0),
    static_resources: { listeners: [listener()], clusters: [cluster(backendPort)] },
  };
}

function socket(port: number): object {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}

function listener(): object {
  const manager = {
    '@type': HCM,
    stat_prefix: 'plain',
    route_config: {
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, route: { cluster: 'backend', timeout: '15s' } }],
        },
      ],
    },
    http_filters: [{ name: 'envoy.filters.http.router', typed_config: { '@type': ROUTER } }],
  };
  return {
    name: 'plain',
    address: socket(0),
    per_connection_buffer_limit_bytes: BUFFER_BYTES,
    filter_chains: [
      {
        filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }],
      },
    ],
  };
}

function cluster(port: number): object {
  return {
    name: 'backend',
    type: 'STATIC',
    connect_timeout: '1s',
    per_connection_buffer_limit_bytes: BUFFER_BYTES,
    load_assignment: {
      cluster_name: 'backend',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socket(port) } }] }],
    },
  };
}
