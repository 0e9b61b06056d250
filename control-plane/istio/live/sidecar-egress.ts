/**
 * Whether what the namespaces' own `Sidecar` objects let through hides backends: then a proxy has no cluster for
 * them, and requests that are sent there get 503. Pure.
 */
import type { CachedObject } from '../../kube/object-cache.ts';
import { covers } from './hosts.ts';

/** A host that callers must be able to reach. */
export interface NeededHost {
  readonly host: string;
  /** Where its Service or ServiceEntry is. */
  readonly namespace: string;
}

export interface HiddenHost extends NeededHost {
  /** `namespace/name` of the Sidecar that hides it. */
  readonly sidecar: string;
  readonly caller: string;
}

interface SidecarSpec {
  readonly workloadSelector?: object;
  readonly egress?: readonly { readonly hosts?: readonly string[] }[];
}

/** @param sidecars all of the cluster. */
export function hiddenHosts(
  caller: string,
  needed: readonly NeededHost[],
  sidecars: readonly CachedObject[],
  rootNamespace: string,
): HiddenHost[] {
  return applying(caller, sidecars, rootNamespace).flatMap(({ namespace, name, spec }) => {
    const { egress } = spec as SidecarSpec;
    // Without a list of its own it takes that of the namespace or the mesh.
    if (egress === undefined || egress.length === 0) return [];
    const patterns = egress.flatMap(({ hosts = [] }) => hosts);
    return needed
      .filter((one) => !patterns.some((pattern) => isVisible(pattern, one, caller)))
      .map((one) => ({ ...one, sidecar: `${namespace}/${name}`, caller }));
  });
}

/** Those of the namespace; that of the mesh where the namespace has none for all of its pods. */
function applying(caller: string, sidecars: readonly CachedObject[], root: string) {
  const own = sidecars.filter(({ namespace }) => namespace === caller);
  if (own.some(isForAll)) return own;
  return [...own, ...sidecars.filter((one) => one.namespace === root && isForAll(one))];
}

function isForAll({ spec }: CachedObject): boolean {
  return (spec as SidecarSpec).workloadSelector === undefined;
}

/** A pattern is `NAMESPACE/HOST`; `.` is the Sidecar's proxy's own namespace, `~` is none. */
function isVisible(pattern: string, { host, namespace }: NeededHost, caller: string): boolean {
  const slash = pattern.indexOf('/');
  const ofNamespace = slash < 0 ? '*' : pattern.slice(0, slash);
  const where = ofNamespace === '.' ? caller : ofNamespace;
  if (where !== '*' && where !== namespace) return false;
  return covers(pattern.slice(slash + 1), host);
}
