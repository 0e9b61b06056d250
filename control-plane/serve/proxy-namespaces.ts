/**
 * The namespaces whose objects a client gets: those that it asks for, of those that its certificate entitles
 * it to.
 */
import type { Call } from './connection.ts';
import { AccessError, type Node } from './discovery.ts';
import { type AccessRule, identityOf, visibilityOf } from './identity.ts';
import { namespacesOf } from './node-namespaces.ts';

/**
 * Null: all. With `rules` null every client may see everything.
 * @throws AccessError where no rule is about the client.
 */
export function proxyNamespaces(
  node: Node,
  call: Call,
  rules: readonly AccessRule[] | null,
): ReadonlySet<string> | null {
  const asked = namespacesOf(node);
  if (rules === null) return asked;
  const certificate = call.getAuthContext().sslPeerCertificate;
  const visible = certificate && visibilityOf(identityOf(certificate), rules);
  if (!visible) throw new AccessError('no rule of --proxy-access is about this certificate');
  if (visible === 'all') return asked;
  return asked === null ? visible : new Set([...asked].filter((name) => visible.has(name)));
}
