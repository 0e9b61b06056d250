/** Names of hosts as Istio's objects have them: short ones, whole ones and wildcards. Pure. */

/** The whole name of what an object of a namespace calls so. */
export function wholeHost(host: string, namespace: string, clusterDomain: string): string {
  // Istio takes a name without dots for a Service of the object's namespace, and no other.
  return host.includes('.') || host === '*' ? host : `${host}.${namespace}.svc.${clusterDomain}`;
}

/** Whether a pattern, `*`, `*.suffix` or a name, is about a host. */
export function covers(pattern: string, host: string): boolean {
  if (pattern === '*') return true;
  if (pattern.startsWith('*')) return host.endsWith(pattern.slice(1));
  return pattern === host;
}
