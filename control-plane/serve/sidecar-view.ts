/**
 * Istio's sidecars: they say by their id whose they are, and each namespace's has a view of its own. They ask for
 * what Istio's objects hook into them, and nothing of a proxy of ours.
 */
import type { Call } from './connection.ts';
import { AccessError, type Node } from './discovery.ts';
import type { AccessRule } from './identity.ts';
import { proxyNamespaces } from './proxy-namespaces.ts';

/** No key of another view has a slash. */
const PREFIX = 'istio/';
/** `sidecar~10.0.0.7~web-1.shop~shop.svc.cluster.local`. */
const ID = /^sidecar~[^~]*~[^~]+\.(?<namespace>[a-z0-9-]+)~[^~]*$/;

/**
 * Null: it is no sidecar of Istio's.
 * @throws AccessError where its certificate is not of the namespace that it names.
 */
export function sidecarView(
  node: Node,
  call: Call,
  rules: readonly AccessRule[] | null,
): string | null {
  const namespace = ID.exec(node.id)?.groups?.['namespace'];
  if (namespace === undefined) return null;
  const visible = proxyNamespaces(node, call, rules);
  if (rules !== null && visible !== null && !visible.has(namespace)) {
    throw new AccessError(`its certificate is not for the namespace ${namespace}`);
  }
  return PREFIX + namespace;
}

/** Null: it is another view. */
export function namespaceOfSidecars(view: string): string | null {
  return view.startsWith(PREFIX) ? view.slice(PREFIX.length) : null;
}
