/** Resources as bytes: each is encoded once and versioned by its content. */
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { toBinary } from '@bufbuild/protobuf';
import { ClusterSchema } from './gen/envoy/config/cluster/v3/cluster_pb.js';
import { TypedExtensionConfigSchema } from './gen/envoy/config/core/v3/extension_pb.js';
import { ClusterLoadAssignmentSchema } from './gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { ListenerSchema } from './gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from './gen/envoy/config/route/v3/route_pb.js';
import type { Resource, Snapshot } from './snapshot.ts';
import { resource, snapshot, TYPE_URLS } from './snapshot.ts';
import type { ResourceSet } from './translate.ts';

export function encodeSnapshot(set: ResourceSet): Snapshot {
  return snapshot(
    new Map([
      [TYPE_URLS.cluster, encodeAll(ClusterSchema, set.clusters, (item) => item.name)],
      [
        TYPE_URLS.endpoint,
        encodeAll(ClusterLoadAssignmentSchema, set.endpoints, (item) => item.clusterName),
      ],
      [TYPE_URLS.listener, encodeAll(ListenerSchema, set.listeners, (item) => item.name)],
      [TYPE_URLS.route, encodeAll(RouteConfigurationSchema, set.routes, (item) => item.name)],
      [
        TYPE_URLS.extension,
        encodeAll(TypedExtensionConfigSchema, set.extensions, (item) => item.name),
      ],
    ]),
  );
}

/** Maps inside messages are written in their order of insertion: whoever fills one sorts it. */
function encodeAll<Desc extends DescMessage>(
  schema: Desc,
  list: readonly MessageShape<Desc>[],
  name: (item: MessageShape<Desc>) => string,
): Resource[] {
  return list.map((item) => resource(name(item), toBinary(schema, item)));
}
