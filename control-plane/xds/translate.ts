/**
 * Says the mesh in Envoy's words: messages of its API, whole and sorted, from the mesh and nothing
 * else. It knows neither resources, Kubernetes, nor who is connected.
 */
import type * as ir from '../ir/mesh.ts';
import { attemptClusters } from './attempt-clusters.ts';
import { targetClusters } from './clusters.ts';
import { targetEndpoints } from './endpoints.ts';
import type { Cluster } from './gen/envoy/config/cluster/v3/cluster_pb.js';
import type { TypedExtensionConfig } from './gen/envoy/config/core/v3/extension_pb.js';
import type { ClusterLoadAssignment } from './gen/envoy/config/endpoint/v3/endpoint_pb.js';
import type { Listener } from './gen/envoy/config/listener/v3/listener_pb.js';
import type { RouteConfiguration } from './gen/envoy/config/route/v3/route_pb.js';
import type { Secret } from './gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import { filterExtensions } from './http-filters.ts';
import { listeners } from './listener.ts';
import { moduleClusters } from './module-code.ts';
import type { TranslateOptions } from './options.ts';
import { routeConfigurations } from './route-table.ts';
import { secrets } from './secrets.ts';
import { shadowClusters, shadowEndpoints } from './shadow-clusters.ts';
import { shardsListener } from './shards-listener.ts';
import { shardCount } from './splitter-shards.ts';

export type {
  AccessLogTarget,
  Limits,
  Module,
  ModuleName,
  ModuleServer,
  TranslateOptions,
} from './options.ts';
export { DEFAULT_LIMITS } from './options.ts';

export interface ResourceSet {
  readonly clusters: readonly Cluster[];
  readonly endpoints: readonly ClusterLoadAssignment[];
  readonly listeners: readonly Listener[];
  readonly routes: readonly RouteConfiguration[];
  readonly extensions: readonly TypedExtensionConfig[];
  readonly secrets: readonly Secret[];
}

export function translate(mesh: ir.Mesh, options: TranslateOptions): ResourceSet {
  return {
    clusters: [
      ...moduleClusters(options),
      ...targetClusters(mesh, options),
      ...attemptClusters(mesh, options),
      ...shadowClusters(mesh, options),
    ],
    endpoints: [...targetEndpoints(mesh), ...shadowEndpoints(mesh)],
    listeners: [...listeners(mesh, options), shardsListener(shardCount(mesh.routes.length))],
    routes: routeConfigurations(mesh, options),
    extensions: filterExtensions(mesh, options),
    secrets: secrets(mesh),
  };
}
