/** What a proxy would stumble over: names that are used and not there. Such a set is not published. */
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { chosenClusters, memberClusters, secretsOf, type Use } from './cluster-uses.ts';
import { Cluster_DiscoveryType } from './gen/envoy/config/cluster/v3/cluster_pb.js';
import type { Listener } from './gen/envoy/config/listener/v3/listener_pb.js';
import type { HttpConnectionManager } from './gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { HttpConnectionManagerSchema } from './gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { ResourceSet } from './translate.ts';

/** One sentence for each problem; none where every name leads somewhere. */
export function checkConsistency(set: ResourceSet): string[] {
  const clusters = set.clusters.map((item) => item.name);
  const managers = set.listeners.flatMap((listener) =>
    connectionManagers(listener).map((manager) => ({ listener: listener.name, manager })),
  );
  return [
    ...duplicates(set),
    ...missing(
      set.clusters.filter(isEds).map((item) => [`cluster ${item.name}`, item.name]),
      set.endpoints.map((item) => item.clusterName),
      'endpoints',
    ),
    ...missing(
      set.endpoints.map((item) => [`endpoints ${item.clusterName}`, item.clusterName]),
      clusters,
      'cluster',
    ),
    ...missing(
      managers.flatMap(({ listener, manager }) => routeName(listener, manager)),
      set.routes.map((item) => item.name),
      'route configuration',
    ),
    ...missing(
      managers.flatMap(({ listener, manager }) => extensionNames(listener, manager)),
      set.extensions.map((item) => item.name),
      'extension configuration',
    ),
    ...missing(
      set.clusters.flatMap(secretsOf),
      set.secrets.map((item) => item.name),
      'secret',
    ),
    ...missing(
      [...set.clusters.flatMap(memberClusters), ...set.extensions.flatMap(chosenClusters)],
      clusters,
      'cluster',
    ),
  ];
}

function missing(uses: readonly Use[], there: readonly string[], what: string): string[] {
  const names = new Set(there);
  return uses
    .filter(([, name]) => !names.has(name))
    .map(([user, name]) => `${user}: ${what} ${name} is missing`);
}

function duplicates(set: ResourceSet): string[] {
  return [
    ...twice(
      'cluster',
      set.clusters.map((item) => item.name),
    ),
    ...twice(
      'endpoints',
      set.endpoints.map((item) => item.clusterName),
    ),
    ...twice(
      'listener',
      set.listeners.map((item) => item.name),
    ),
    ...twice(
      'route configuration',
      set.routes.map((item) => item.name),
    ),
    ...twice(
      'extension configuration',
      set.extensions.map((item) => item.name),
    ),
  ];
}

function twice(what: string, names: readonly string[]): string[] {
  const seen = new Set<string>();
  const again = names.filter((name) => seen.size === seen.add(name).size);
  return again.map((name) => `${what} ${name}: the name is there twice`);
}

function isEds(cluster: ResourceSet['clusters'][number]): boolean {
  const type = cluster.clusterDiscoveryType;
  return type.case === 'type' && type.value === Cluster_DiscoveryType.EDS;
}

function connectionManagers(listener: Listener): HttpConnectionManager[] {
  return listener.filterChains
    .flatMap((chain) => chain.filters)
    .map((filter) => filter.configType)
    .flatMap((type) => (type.case === 'typedConfig' ? [type.value] : []))
    .map((value) => anyUnpack(value, HttpConnectionManagerSchema))
    .filter((manager) => manager !== undefined);
}

function routeName(listener: string, manager: HttpConnectionManager): Use[] {
  const specifier = manager.routeSpecifier;
  if (specifier.case !== 'rds') return [];
  return [[`listener ${listener}`, specifier.value.routeConfigName]];
}

function extensionNames(listener: string, manager: HttpConnectionManager): Use[] {
  return manager.httpFilters
    .filter((filter) => filter.configType.case === 'configDiscovery')
    .map((filter) => [`listener ${listener}`, filter.name]);
}
