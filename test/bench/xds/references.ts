/** Which resources a cluster or a listener makes a proxy ask for, as Envoy would. */
import { fromBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import {
  Cluster_DiscoveryType,
  ClusterSchema,
} from '../../../control-plane/xds/gen/envoy/config/cluster/v3/cluster_pb.js';
import { ListenerSchema } from '../../../control-plane/xds/gen/envoy/config/listener/v3/listener_pb.js';
import { HttpConnectionManagerSchema } from '../../../control-plane/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { TYPE_URLS } from '../../../control-plane/xds/snapshot.ts';
import type { ReceivedResource } from './discovery-messages.ts';

export interface Reference {
  readonly typeUrl: string;
  readonly name: string;
}

const NONE: readonly Reference[] = [];
/** A thousand proxies get the same resources: each is looked into once. */
const known = new Map<string, readonly Reference[]>();

export function referencesOf(typeUrl: string, item: ReceivedResource): readonly Reference[] {
  if (typeUrl !== TYPE_URLS.cluster && typeUrl !== TYPE_URLS.listener) return NONE;
  const key = `${typeUrl} ${item.name} ${item.version}`;
  let found = known.get(key);
  if (found === undefined) {
    found = typeUrl === TYPE_URLS.cluster ? ofCluster(item.value) : ofListener(item.value);
    known.set(key, found);
  }
  return found;
}

function ofCluster(bytes: Uint8Array): Reference[] {
  const { name, clusterDiscoveryType: type, edsClusterConfig } = fromBinary(ClusterSchema, bytes);
  if (type.case !== 'type' || type.value !== Cluster_DiscoveryType.EDS) return [];
  return [{ typeUrl: TYPE_URLS.endpoint, name: edsClusterConfig?.serviceName || name }];
}

function ofListener(bytes: Uint8Array): Reference[] {
  const listener = fromBinary(ListenerSchema, bytes);
  const filters = listener.filterChains.flatMap((chain) => chain.filters);
  return filters.flatMap(({ configType }) => {
    if (configType.case !== 'typedConfig') return [];
    const manager = anyUnpack(configType.value, HttpConnectionManagerSchema);
    if (manager === undefined) return [];
    const { routeSpecifier: routes, httpFilters } = manager;
    const extensions = httpFilters.filter((one) => one.configType.case === 'configDiscovery');
    return [
      ...(routes.case === 'rds'
        ? [{ typeUrl: TYPE_URLS.route, name: routes.value.routeConfigName }]
        : []),
      ...extensions.map(({ name }) => ({ typeUrl: TYPE_URLS.extension, name })),
    ];
  });
}
