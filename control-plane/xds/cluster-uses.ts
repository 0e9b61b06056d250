/** Who names a cluster, other clusters and the configurations of filters, and what a cluster names. */
import type { Any } from '@bufbuild/protobuf/wkt';
import { anyUnpack, StringValueSchema } from '@bufbuild/protobuf/wkt';
import type { Cluster } from './gen/envoy/config/cluster/v3/cluster_pb.js';
import type { TypedExtensionConfig } from './gen/envoy/config/core/v3/extension_pb.js';
import { ClusterConfigSchema } from './gen/envoy/extensions/clusters/aggregate/v3/cluster_pb.js';
import { WasmSchema } from './gen/envoy/extensions/filters/http/wasm/v3/wasm_pb.js';
import { UpstreamTlsContextSchema } from './gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';

/** A name, and whose sentence it is in. */
export type Use = [user: string, name: string];

/** Of a cluster over others: those. */
export function memberClusters({ name, clusterDiscoveryType }: Cluster): Use[] {
  if (clusterDiscoveryType.case !== 'clusterType') return [];
  const { typedConfig } = clusterDiscoveryType.value;
  const aggregate = typedConfig && anyUnpack(typedConfig, ClusterConfigSchema);
  return (aggregate?.clusters ?? []).map((member) => [`cluster ${name}`, member]);
}

/** Of a cluster that is reached over TLS: its secrets. */
export function secretsOf({ name, transportSocket }: Cluster): Use[] {
  const { configType } = transportSocket ?? {};
  if (configType?.case !== 'typedConfig') return [];
  const common = anyUnpack(configType.value, UpstreamTlsContextSchema)?.commonTlsContext;
  const validation = common?.validationContextType;
  const authorities =
    validation?.case === 'combinedValidationContext'
      ? validation.value.validationContextSdsSecretConfig
      : undefined;
  return [
    ...(common?.tlsCertificateSdsSecretConfigs ?? []),
    ...(authorities ? [authorities] : []),
  ].map((secret): Use => [`cluster ${name}`, secret.name]);
}

/** Of a filter's configuration: those of the splitter's variants and copies. */
export function chosenClusters({ name, typedConfig }: TypedExtensionConfig): Use[] {
  const text = typedConfig && configurationOf(typedConfig);
  if (text === undefined) return [];
  const { routes = [] }: SplitterShape = JSON.parse(text);
  return routes.flatMap((route) =>
    [...(route.variants ?? []), ...(route.shadows ?? [])].map(
      ({ cluster }): Use => [`${name}, route ${route.name}`, cluster],
    ),
  );
}

function configurationOf(typedConfig: Any): string | undefined {
  const value = anyUnpack(typedConfig, WasmSchema)?.config?.configuration;
  return value && anyUnpack(value, StringValueSchema)?.value;
}

interface SplitterShape {
  readonly routes?: readonly {
    readonly name: string;
    readonly variants?: readonly { readonly cluster: string }[];
    readonly shadows?: readonly { readonly cluster: string }[];
  }[];
}
