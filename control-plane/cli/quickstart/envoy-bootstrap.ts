/** The whole configuration that an Envoy needs before Modelweir's control plane gives it the rest. */
import { statsTags } from '../../inject/stats-tags.ts';

export type XdsMode = 'GRPC' | 'DELTA_GRPC';

export interface BootstrapOptions {
  readonly nodeId: string;
  readonly nodeCluster: string;
  readonly xdsPort: number;
  /** `GRPC`: state of the world; `DELTA_GRPC`: incremental. */
  readonly mode: XdsMode;
  /** 0: Envoy chooses, and writes it to its --admin-address-path. */
  readonly adminPort: number;
}

const HOST = '127.0.0.1';
const ADS_CLUSTER = 'modelweir-ads';

/** Envoy's Bootstrap message as JSON. */
export function envoyBootstrap(options: BootstrapOptions): object {
  return {
    node: { id: options.nodeId, cluster: options.nodeCluster },
    admin: adminAt(options.adminPort),
    dynamic_resources: {
      ads_config: {
        api_type: options.mode,
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: ADS_CLUSTER } }],
        set_node_on_first_message_only: true,
      },
      lds_config: { ads: {}, resource_api_version: 'V3' },
      cds_config: { ads: {}, resource_api_version: 'V3' },
    },
    static_resources: { clusters: [adsCluster(options.xdsPort)] },
    stats_config: { stats_tags: statsTags() },
  };
}

export function adminAt(port: number): object {
  return { address: { socket_address: { address: HOST, port_value: port } } };
}

function adsCluster(port: number): object {
  return {
    name: ADS_CLUSTER,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: ADS_CLUSTER,
      endpoints: [
        {
          lb_endpoints: [
            { endpoint: { address: { socket_address: { address: HOST, port_value: port } } } },
          ],
        },
      ],
    },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: {
          // Notices a control plane that went away without closing the connection.
          http2_protocol_options: { connection_keepalive: { interval: '30s', timeout: '5s' } },
        },
      },
    },
  };
}
