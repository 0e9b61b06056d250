/**
 * The bootstrap of an injected Envoy. `$(NAME)` in it stands for an environment variable of the container:
 * Kubernetes puts its value into the arguments.
 */
import { NAMESPACES_KEY } from '../serve/node-namespaces.ts';
import type { StringMap } from './pod.ts';
import {
  ADMIN_PORT,
  CERTIFICATES_FOLDER,
  HEALTH_PORT,
  type ProxyOptions,
  SECRETS_FOLDER,
} from './proxy-options.ts';
import { statsTags } from './stats-tags.ts';
import { socketAddress, staticCluster, tlsSocket, xdsCluster } from './xds-cluster.ts';

export interface SidecarNode {
  readonly labels: StringMap;
  /** Null: it asks for the routes of all that it may see. */
  readonly namespaces: readonly string[] | null;
}

/** The pod's own namespace, whatever it is. */
export const OWN_NAMESPACE = '$(POD_NAMESPACE)';
export const CERTIFICATE_FILE = 'certificate.json';
export const AUTHORITY_FILE = 'authority.json';

const ADS_CLUSTER = 'modelweir-ads';
const ADMIN_CLUSTER = 'modelweir-admin';
const HEALTH = 'modelweir-health';
/** With the control plane away a pod starts all the same, after twice this time, without model traffic. */
const INITIAL_FETCH_TIMEOUT = '5s';

/** Envoy's Bootstrap message as JSON. */
export function sidecarBootstrap(options: ProxyOptions, node: SidecarNode): object {
  const source = {
    ads: {},
    resource_api_version: 'V3',
    initial_fetch_timeout: INITIAL_FETCH_TIMEOUT,
  };
  return {
    node: {
      id: `$(POD_NAME).${OWN_NAMESPACE}`,
      cluster: OWN_NAMESPACE,
      metadata: {
        namespace: OWN_NAMESPACE,
        labels: node.labels,
        ...(node.namespaces !== null && { [NAMESPACES_KEY]: node.namespaces }),
      },
    },
    admin: { address: socketAddress('127.0.0.1', ADMIN_PORT) },
    dynamic_resources: {
      ads_config: {
        // Incremental: after a restart of the control plane it says what it has, and loses no request.
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: ADS_CLUSTER } }],
        set_node_on_first_message_only: true,
      },
      lds_config: source,
      cds_config: source,
    },
    static_resources: {
      clusters: [
        xdsCluster({
          name: ADS_CLUSTER,
          address: options.xds,
          transportSocket: transportSocket(options),
        }),
        staticCluster(ADMIN_CLUSTER, { host: '127.0.0.1', port: ADMIN_PORT }),
      ],
      listeners: [healthListener()],
    },
    stats_config: { stats_tags: statsTags() },
  };
}

function transportSocket({ certificates, serverName }: ProxyOptions): object | null {
  if (certificates.from === 'none') return null;
  return tlsSocket({
    serverName,
    subjects: [serverName],
    certificate: secretFile('certificate', CERTIFICATE_FILE),
    authority: { sds: secretFile('authority', AUTHORITY_FILE) },
  });
}

/** From a file, so that Envoy follows rotations of what the file names. */
function secretFile(name: string, file: string): object {
  const path = `${SECRETS_FOLDER}/${file}`;
  return { name, sds_config: { path_config_source: { path }, resource_api_version: 'V3' } };
}

/** By file name: what Envoy reads there to know where certificates are. Each file may hold just one. */
export function secretFiles(folder = CERTIFICATES_FOLDER): Readonly<Record<string, object>> {
  const watched_directory = { path: folder };
  const file = (name: string) => ({ filename: `${folder}/${name}` });
  return {
    [CERTIFICATE_FILE]: secret('certificate', {
      tls_certificate: {
        certificate_chain: file('tls.crt'),
        private_key: file('tls.key'),
        watched_directory,
      },
    }),
    [AUTHORITY_FILE]: secret('authority', {
      validation_context: { trusted_ca: file('ca.crt'), watched_directory },
    }),
  };
}

function secret(name: string, content: object): object {
  const type = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';
  return { resources: [{ '@type': type, name, ...content }] };
}

/** For the kubelet and Prometheus, who come from outside: the admin itself can end the proxy. */
function healthListener(): object {
  const routes = ['/ready', '/stats/prometheus'].map((path) => ({
    match: { path, headers: [{ name: ':method', string_match: { exact: 'GET' } }] },
    route: { cluster: ADMIN_CLUSTER },
  }));
  const typed_config = {
    '@type':
      'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: HEALTH,
    route_config: { virtual_hosts: [{ name: HEALTH, domains: ['*'], routes }] },
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
        },
      },
    ],
  };
  const filters = [{ name: 'envoy.filters.network.http_connection_manager', typed_config }];
  return {
    name: HEALTH,
    address: socketAddress('$(POD_IP)', HEALTH_PORT),
    filter_chains: [{ filters }],
  };
}
