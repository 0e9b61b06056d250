/**
 * One consistent, immutable state of all resources, encoded. A resource's version is a hash of its
 * bytes, so every replica and every restart agrees, and an unchanged resource is never sent again.
 */
import { createHash } from 'node:crypto';

/** One encoded resource: `bytes` is the inner message, `typeUrl` names its type. */
export interface Resource {
  readonly name: string;
  readonly version: string;
  readonly bytes: Uint8Array;
}

export interface Snapshot {
  /** Type URL to name to resource. */
  readonly resources: ReadonlyMap<string, ReadonlyMap<string, Resource>>;
  /** Version of all resources of one type, for state-of-the-world streams. */
  readonly versions: ReadonlyMap<string, string>;
}

export const TYPE_URLS = {
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  endpoint: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  route: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  extension: 'type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig',
} as const;

export function resource(name: string, bytes: Uint8Array): Resource {
  return { name, version: createHash('sha256').update(bytes).digest('hex').slice(0, 16), bytes };
}

/** Freezes resources into a snapshot; names are sorted so that versions depend on content alone. */
export function snapshot(byType: ReadonlyMap<string, readonly Resource[]>): Snapshot {
  const resources = new Map<string, ReadonlyMap<string, Resource>>();
  const versions = new Map<string, string>();
  for (const [typeUrl, list] of byType) {
    const sorted = list.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    const hash = createHash('sha256');
    for (const item of sorted) hash.update(`${item.name}\0${item.version}\0`);
    resources.set(typeUrl, new Map(sorted.map((item) => [item.name, item])));
    versions.set(typeUrl, hash.digest('hex').slice(0, 16));
  }
  return { resources, versions };
}
