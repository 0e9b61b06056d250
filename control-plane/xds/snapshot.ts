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
  /** Given where a proxy may refuse it only because it has not yet fetched what it needs. */
  readonly retry?: RetryForms;
}

/** What a client is sent in the place of the resource itself. */
export interface RetryForms {
  /**
   * For a client that holds nothing of this name, where it takes something else at first. It has a version
   * of its own, because the client takes it before it has proved to work: what is to count as held follows.
   */
  readonly first?: Resource;
  /**
   * For all others, and again for those that have refused it. The version is that of the resource; the bytes
   * may differ for each `tag`, where a client would not look at the same ones again. The same tag is the
   * same object, for a while.
   */
  again(tag: string): Resource;
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
  secret: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
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
