/**
 * A model server's sidecar as Istio configures it: mTLS with the mesh's identities ends here, all goes to the
 * port that it was sent to (a cluster of the type ORIGINAL_DST), and our batcher stands before Envoy's router. No
 * router and no splitter runs here.
 */
import 'assemblyscript/std/portable/index.js';
import {
  BatcherConfig,
  BatcherRoute,
  encodeBatcherConfig,
} from '../../../filters/contract/batcher-config.ts';
import {
  BATCH_ROWS_HEADER,
  BATCH_SIZE_HEADER,
  BATCH_WAIT_HEADER,
  CLUSTER_HEADER,
  ROUTE_HEADER,
} from '../../../filters/contract/headers.ts';
import { type Authority, makeAuthority } from '../../harness/certificates.ts';
import { adminAt, startEnvoy, type TestEnvoy } from '../../harness/envoy.ts';
import { until } from '../../harness/until.ts';
import {
  connectionManager,
  discoveredFilter,
  type ExtensionFile,
  earlyMutations,
  extensionFile,
  headerMutation,
  routerFilter,
  SAME_PROTOCOL,
  STRIP,
  staticCluster,
  TYPE,
  wasmFilter,
} from './sidecar-parts.ts';

export const ROUTE = 'ml/digits';
/** In the server's certificate. */
export const HOST = 'digits.ml.svc.cluster.local';

export interface InboundOptions {
  readonly applicationPort: number;
  readonly batching?: Partial<Omit<BatcherRoute, 'name'>>;
  /** Default: one of its own, that is static. */
  readonly callCluster?: string;
  /** Whether the batcher's configuration ever comes. Default true. */
  readonly hasBatcher?: boolean;
}

export interface InboundSidecar {
  readonly envoy: TestEnvoy;
  readonly port: number;
  readonly authority: Authority;
  /** Of the batcher's counter of requests. */
  count(outcome: string): Promise<number>;
  stop(): Promise<void>;
}

export async function startInbound(options: InboundOptions): Promise<InboundSidecar> {
  const authority = await makeAuthority('Root of a mesh');
  const file = extensionFile('modelweir.batcher');
  try {
    if (options.hasBatcher !== false) file.write(batcher(options));
    const envoy = await startEnvoy({ bootstrap: await bootstrap(options, authority, file) });
    if (options.hasBatcher !== false) await whenTaken(envoy);
    const address = (await envoy.listeners()).get('virtualInbound') ?? '';
    return {
      envoy,
      port: Number(address.slice(address.lastIndexOf(':') + 1)),
      authority,
      count: async (outcome) => {
        const name = `wasmcustom.modelweir_batcher_requests_total;route=${ROUTE};outcome=${outcome}`;
        return (await envoy.stats()).get(name) ?? 0;
      },
      stop: async () => {
        await envoy.stop();
        file.remove();
      },
    };
  } catch (error) {
    file.remove();
    throw error;
  }
}

function whenTaken(envoy: TestEnvoy): Promise<void> {
  return until('Envoy has the batcher', async () => {
    const stats = await envoy.stats(/extension_config_discovery\..*\.config_reload$/);
    return [...stats.values()].some((count) => count > 0);
  });
}

function batcher({ batching }: InboundOptions): object {
  const route = Object.assign(new BatcherRoute(), {
    name: ROUTE,
    maxRows: 32,
    maxBytes: 1_048_576,
    maxDelayMs: 500,
    maxInFlight: 1,
    timeoutMs: 5_000,
    identityHeaders: ['authorization'],
    peerIdentity: true,
    sizeHeaders: true,
    ...batching,
  });
  const config = Object.assign(new BatcherConfig(), { maxHeldBytes: 67_108_864, routes: [route] });
  const configuration = encodeBatcherConfig(config);
  return wasmFilter({ name: 'modelweir.batcher', module: 'filters/batcher', configuration });
}

async function bootstrap(
  options: InboundOptions,
  authority: Authority,
  file: ExtensionFile,
): Promise<object> {
  const { applicationPort } = options;
  return {
    node: { id: 'sidecar~192.0.2.1~digits-0.ml~ml.svc.cluster.local', cluster: 'digits.ml' },
    admin: adminAt(0),
    static_resources: {
      listeners: [await listener(options, authority, file)],
      clusters: [
        {
          name: inboundName(options),
          type: 'ORIGINAL_DST',
          lb_policy: 'CLUSTER_PROVIDED',
          connect_timeout: '1s',
          ...SAME_PROTOCOL,
        },
        staticCluster(callClusterName(options), applicationPort),
      ],
    },
  };
}

function inboundName({ applicationPort }: InboundOptions): string {
  return `inbound|${applicationPort}||`;
}

function callClusterName({ applicationPort }: InboundOptions): string {
  return `modelweir.inbound.${applicationPort}`;
}

async function listener(
  options: InboundOptions,
  authority: Authority,
  file: ExtensionFile,
): Promise<object> {
  const append = (key: string, value: string) => ({ append: { header: { key, value } } });
  const callCluster = options.callCluster ?? callClusterName(options);
  const manager = connectionManager({
    stat_prefix: 'inbound_0.0.0.0_8080;',
    forward_client_cert_details: 'APPEND_FORWARD',
    set_current_client_cert_details: { subject: true, dns: true, uri: true },
    early_header_mutation_extensions: earlyMutations([
      STRIP,
      append(ROUTE_HEADER, ROUTE),
      append(CLUSTER_HEADER, callCluster),
    ]),
    route_config: { name: inboundName(options), virtual_hosts: [virtualHost(options)] },
    http_filters: [
      discoveredFilter({ name: 'modelweir.batcher', configSource: file.configSource }),
      {
        name: 'modelweir.inbound',
        typed_config: headerMutation({
          request_mutations: [STRIP],
          request_trailers_mutations: [STRIP],
        }),
      },
      routerFilter(),
    ],
  });
  return {
    name: 'virtualInbound',
    traffic_direction: 'INBOUND',
    address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
    filter_chains: [
      {
        filters: [redirected(options.applicationPort), manager],
        transport_socket: await meshTls(authority),
      },
    ],
  };
}

/** Where the connection was meant to go, which in a pod the kernel tells. */
function redirected(port: number): object {
  return {
    name: 'envoy.filters.network.set_filter_state',
    typed_config: {
      '@type': `${TYPE}.filters.network.set_filter_state.v3.Config`,
      on_new_connection: [
        {
          object_key: 'envoy.network.transport_socket.original_dst_address',
          format_string: { text_format_source: { inline_string: `127.0.0.1:${port}` } },
        },
      ],
    },
  };
}

function virtualHost(options: InboundOptions): object {
  return {
    name: `inbound|http|${options.applicationPort}`,
    domains: ['*'],
    request_body_buffer_limit: 4_194_304,
    response_headers_to_remove: [BATCH_SIZE_HEADER, BATCH_ROWS_HEADER, BATCH_WAIT_HEADER],
    routes: [
      {
        name: 'default',
        match: { prefix: '/' },
        route: { cluster: inboundName(options), timeout: '0s', max_stream_duration: {} },
      },
    ],
  };
}

async function meshTls(authority: Authority): Promise<object> {
  const { certificate, key } = await authority.issue([
    'spiffe://cluster.local/ns/ml/sa/digits',
    HOST,
  ]);
  const inline = (text: string) => ({ inline_string: text });
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': `${TYPE}.transport_sockets.tls.v3.DownstreamTlsContext`,
      require_client_certificate: true,
      common_tls_context: {
        alpn_protocols: ['h2', 'http/1.1'],
        tls_certificates: [{ certificate_chain: inline(certificate), private_key: inline(key) }],
        validation_context: {
          trusted_ca: inline(authority.certificate),
          match_typed_subject_alt_names: [
            { san_type: 'URI', matcher: { prefix: 'spiffe://cluster.local/' } },
          ],
        },
      },
    },
  };
}
