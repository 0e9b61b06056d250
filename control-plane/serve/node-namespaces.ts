/**
 * Which namespaces a client says that it serves, in the metadata of its node. That narrows what it gets; what it
 * may get at most is for whoever knows its identity to say.
 */
import type { Node } from './discovery.ts';

/** A list of names: `["shop", "search"]`. */
export const NAMESPACES_KEY = 'modelweir.namespaces';
const MAX_NAMESPACES = 100;
/** What Kubernetes takes for one. */
const NAMESPACE = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Null: it does not say.
 * @throws where it says something that is no list of namespaces.
 */
export function namespacesOf(node: Node): ReadonlySet<string> | null {
  const value = node.metadata[NAMESPACES_KEY];
  if (value === undefined || value === null) return null;
  const field = `node.metadata["${NAMESPACES_KEY}"]`;
  if (!Array.isArray(value)) throw new Error(`${field}: is not a list of namespaces`);
  if (value.length > MAX_NAMESPACES) {
    throw new Error(`${field}: more than ${MAX_NAMESPACES} namespaces; leave it out for all`);
  }
  for (const name of value) {
    if (typeof name === 'string' && NAMESPACE.test(name)) continue;
    throw new Error(`${field}: ${JSON.stringify(name)} is not a namespace`);
  }
  return new Set(value);
}
