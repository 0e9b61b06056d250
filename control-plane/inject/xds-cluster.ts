/** The static cluster by which a proxy reaches the control plane, as JSON of its bootstrap. */
import { isIP } from 'node:net';
import type { Address } from './proxy-options.ts';

export interface XdsClusterOptions {
  readonly name: string;
  readonly address: Address;
  /** Envoy's transport socket; null: plain text. */
  readonly transportSocket: object | null;
}

/** A control plane that is away is asked for every so often: its name may mean another address then. */
const DNS_REFRESH = '10s';

/** HTTP/2, and watched for life. */
export function xdsCluster({ name, address, transportSocket }: XdsClusterOptions): object {
  return {
    ...staticCluster(name, address),
    ...(transportSocket !== null && { transport_socket: transportSocket }),
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

/** HTTP/1.1 in plain text. */
export function staticCluster(name: string, { host, port }: Address): object {
  const isName = isIP(host) === 0;
  return {
    name,
    type: isName ? 'STRICT_DNS' : 'STATIC',
    // Of both families, whichever answers: one may be refused.
    ...(isName && { dns_lookup_family: 'ALL', dns_refresh_rate: DNS_REFRESH }),
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(host, port) } }] }],
    },
  };
}

export function socketAddress(address: string, port: number): object {
  return { socket_address: { address, port_value: port } };
}

export interface TlsOptions {
  readonly serverName: string;
  /** Names of what the server's certificate must have: DNS names, or SPIFFE URIs. */
  readonly subjects: readonly string[];
  /** SdsSecretConfig of certificate and key. */
  readonly certificate: object;
  /** SdsSecretConfig, or a trusted authority, as fields of a CombinedValidationContext. */
  readonly authority: { readonly sds: object } | { readonly pem: string };
}

/** TLS on both sides. */
export function tlsSocket({ serverName, subjects, certificate, authority }: TlsOptions): object {
  const match_typed_subject_alt_names = subjects.map((exact) => ({
    san_type: exact.includes('://') ? 'URI' : 'DNS',
    matcher: { exact },
  }));
  const validation =
    'pem' in authority
      ? {
          validation_context: {
            trusted_ca: { inline_string: authority.pem },
            match_typed_subject_alt_names,
          },
        }
      : {
          combined_validation_context: {
            default_validation_context: { match_typed_subject_alt_names },
            validation_context_sds_secret_config: authority.sds,
          },
        };
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
      sni: serverName,
      common_tls_context: {
        alpn_protocols: ['h2'],
        tls_params: { tls_minimum_protocol_version: 'TLSv1_2' },
        tls_certificate_sds_secret_configs: [certificate],
        ...validation,
      },
    },
  };
}
