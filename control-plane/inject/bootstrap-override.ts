/**
 * The hook of direct mode into Istio's sidecars: what is merged into their bootstrap, by the annotation
 * `sidecar.istio.io/bootstrapOverride`. A cluster that filters get their configuration from must be in the
 * bootstrap: Envoy refuses a whole listener that names one which came later.
 */
import { NAMESPACES_KEY } from '../serve/node-namespaces.ts';
import { BOOTSTRAP_CONFIG_MAP } from './names.ts';
import type { Address } from './proxy-options.ts';
import { statsTags } from './stats-tags.ts';
import { staticCluster, tlsSocket, xdsCluster } from './xds-cluster.ts';

/** Named by `envoy_grpc` of filters whose configuration comes from us. */
export const DIRECT_XDS_CLUSTER = 'modelweir-xds';
/**
 * What a sidecar with our bootstrap says of itself to istiod, too: only such ones may be given a listener that
 * names the cluster.
 */
export const DIRECT_METADATA = { MODELWEIR_DIRECT: 'true' } as const;
/** The annotation of a pod whose value is the ConfigMap. */
export const BOOTSTRAP_OVERRIDE = 'sidecar.istio.io/bootstrapOverride';
/** Istio's agent looks for it under this name. */
const KEY = 'custom_bootstrap.json';

export interface OverrideOptions {
  readonly xds: Address;
  /**
   * Null: plain text. Else the sidecar shows the certificate that the mesh gave it, and trusts the
   * mesh's authority, or the one given (PEM).
   */
  readonly tls: null | {
    readonly serverName: string;
    /** What the control plane's certificate must have: a DNS name, or a SPIFFE URI. */
    readonly subjects: readonly string[];
    readonly authority: 'mesh' | { readonly pem: string };
  };
  /** Where proxies fetch modules that the control plane gives, in plain text; null: from nowhere. */
  readonly modules: { readonly cluster: string; readonly address: Address } | null;
  /** Whose routes the proxies ask for; null: of all namespaces that they may see. */
  readonly namespaces: readonly string[] | null;
}

/** Part of a Bootstrap message as JSON. Lists in it are added to those of Istio's own. */
export function bootstrapOverride(options: OverrideOptions): object {
  const { xds, modules, namespaces } = options;
  const transportSocket = meshSocket(options);
  return {
    node: {
      metadata: {
        ...DIRECT_METADATA,
        ...(namespaces !== null && { [NAMESPACES_KEY]: namespaces }),
      },
    },
    static_resources: {
      clusters: [
        xdsCluster({ name: DIRECT_XDS_CLUSTER, address: xds, transportSocket }),
        ...(modules === null ? [] : [staticCluster(modules.cluster, modules.address)]),
      ],
    },
    stats_config: { stats_tags: statsTags() },
  };
}

/** For one namespace, without the marks of whoever writes it. */
export function bootstrapConfigMap(namespace: string, options: OverrideOptions) {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: BOOTSTRAP_CONFIG_MAP, namespace },
    data: { [KEY]: `${JSON.stringify(bootstrapOverride(options), null, 2)}\n` },
  } as const;
}

function meshSocket({ tls }: OverrideOptions): object | null {
  if (tls === null) return null;
  const { serverName, subjects, authority } = tls;
  return tlsSocket({
    serverName,
    subjects,
    certificate: meshSecret('default'),
    authority: authority === 'mesh' ? { sds: meshSecret('ROOTCA') } : authority,
  });
}

/** Istio's agent gives these, over a cluster of its own bootstrap. */
function meshSecret(name: string): object {
  return {
    name,
    sds_config: {
      api_config_source: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: 'sds-grpc' } }],
      },
      resource_api_version: 'V3',
      initial_fetch_timeout: '0s',
    },
  };
}
