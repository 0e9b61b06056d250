/** Resources as bytes: each is encoded once and versioned by its content. */
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { toBinary } from '@bufbuild/protobuf';
import type { Cluster } from './gen/envoy/config/cluster/v3/cluster_pb.js';
import { ClusterSchema } from './gen/envoy/config/cluster/v3/cluster_pb.js';
import type { TypedExtensionConfig } from './gen/envoy/config/core/v3/extension_pb.js';
import { TypedExtensionConfigSchema } from './gen/envoy/config/core/v3/extension_pb.js';
import { ClusterLoadAssignmentSchema } from './gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { ListenerSchema } from './gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from './gen/envoy/config/route/v3/route_pb.js';
import { SecretSchema } from './gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import { fetchesCode, MODULES_CLUSTER, refusableFilter } from './module-code.ts';
import type { Resource, Snapshot } from './snapshot.ts';
import { resource, snapshot, TYPE_URLS } from './snapshot.ts';
import type { ResourceSet } from './translate.ts';

export function encodeSnapshot(set: ResourceSet): Snapshot {
  return snapshot(
    new Map([
      [TYPE_URLS.cluster, encodeClusters(set.clusters)],
      [
        TYPE_URLS.endpoint,
        encodeAll(ClusterLoadAssignmentSchema, set.endpoints, (item) => item.clusterName),
      ],
      [TYPE_URLS.listener, encodeAll(ListenerSchema, set.listeners, (item) => item.name)],
      [TYPE_URLS.route, encodeAll(RouteConfigurationSchema, set.routes, (item) => item.name)],
      [TYPE_URLS.secret, encodeAll(SecretSchema, set.secrets, (item) => item.name)],
      [TYPE_URLS.extension, set.extensions.map(encodeExtension)],
    ]),
  );
}

/** Translation gives the same message again where nothing of it has changed. */
const encoded = new WeakMap<object, Resource>();

/** Maps inside messages are written in their order of insertion: whoever fills one sorts it. */
function encodeAll<Desc extends DescMessage>(
  schema: Desc,
  list: readonly MessageShape<Desc>[],
  name: (item: MessageShape<Desc>) => string,
): Resource[] {
  return list.map((item) => {
    const known = encoded.get(item);
    if (known !== undefined) return known;
    const made = resource(name(item), toBinary(schema, item));
    encoded.set(item, made);
    return made;
  });
}

function encodeClusters(clusters: readonly Cluster[]): Resource[] {
  const encoded = encodeAll(ClusterSchema, clusters, (item) => item.name);
  // To look into each of them takes its time, and mostly there is nothing to find.
  if (!clusters.some(({ name }) => name === MODULES_CLUSTER)) return encoded;
  const fetching = new Set(clusters.filter(fetchesCode).map(({ name }) => name));
  return encoded.map((item) => {
    return fetching.has(item.name) ? { ...item, retry: { again: () => item } } : item;
  });
}

/** Proxies that get it at about the same time share the bytes. */
const MAX_KEPT_TAGS = 8;

function encodeExtension(extension: TypedExtensionConfig): Resource {
  const encoded = resource(extension.name, toBinary(TypedExtensionConfigSchema, extension));
  const refusable = refusableFilter(extension);
  if (refusable === null) return encoded;
  const kept = new Map<string, Resource>();
  const inForm = (tag: string): Resource => {
    return { ...encoded, bytes: toBinary(TypedExtensionConfigSchema, refusable(tag)) };
  };
  const again = (tag: string): Resource => {
    const found = kept.get(tag) ?? inForm(tag);
    kept.set(tag, found);
    const [oldest] = kept.keys();
    if (kept.size > MAX_KEPT_TAGS && oldest !== undefined) kept.delete(oldest);
    return found;
  };
  const first = { ...encoded, version: `${encoded.version}-first` };
  // Whoever knows nothing of forms must not send the first one to a proxy that serves.
  return { ...inForm(''), retry: { first, again } };
}
