/** Who a proxy is by its certificate, and which namespaces' objects it may see for that. */
import type { PeerCertificate } from 'node:tls';

/** Names in a certificate, as `URI:spiffe://cluster.local/ns/shop/sa/web` and `DNS:gateway.example.com`. */
export interface Identity {
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
}

/** Everything, or the objects of these namespaces. */
export type Visibility = 'all' | ReadonlySet<string>;

export interface AccessRule {
  /**
   * A SPIFFE URI or a DNS name; `*` stands for any text without a slash, and `{namespace}` for a namespace
   * whose objects the proxy then sees.
   */
  readonly identity: string;
  /** Instead of the one in the identity; `*` is all. */
  readonly namespaces?: readonly string[] | undefined;
}

/** Of a certificate that has been verified. */
export function identityOf(certificate: PeerCertificate): Identity {
  const names = splitNames(certificate.subjectaltname ?? '');
  const of = (type: string) =>
    names.filter((name) => name.startsWith(`${type}:`)).map((name) => name.slice(type.length + 1));
  return { uris: of('URI'), dnsNames: of('DNS') };
}

/** Null: no rule is about this proxy, and it may see nothing. */
export function visibilityOf(identity: Identity, rules: readonly AccessRule[]): Visibility | null {
  const seen = new Set<string>();
  let isKnown = false;
  for (const rule of rules) {
    for (const name of [...identity.uris, ...identity.dnsNames]) {
      const match = patternOf(rule.identity).exec(name);
      if (match === null) continue;
      isKnown = true;
      const namespaces = rule.namespaces ?? [match.groups?.['namespace'] ?? ''];
      if (namespaces.includes('*')) return 'all';
      for (const namespace of namespaces) if (namespace !== '') seen.add(namespace);
    }
  }
  return isKnown ? seen : null;
}

function patternOf(identity: string): RegExp {
  const parts = identity.split(/(\*|\{namespace\})/);
  const source = parts.map((part) => {
    if (part === '*') return '[^/]*';
    if (part === '{namespace}') return '(?<namespace>[a-z0-9]([a-z0-9-]*[a-z0-9])?)';
    return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${source.join('')}$`);
}

/** Node quotes a name that holds a comma or a quote, as JSON does. */
function splitNames(text: string): string[] {
  const names: string[] = [];
  for (const [, type = '', quoted, plain = ''] of text.matchAll(
    /(?:^|, )([A-Za-z ]+):(?:"((?:[^"\\]|\\.)*)"|([^,]*))/g,
  )) {
    names.push(`${type}:${quoted === undefined ? plain : JSON.parse(`"${quoted}"`)}`);
  }
  return names;
}
