/** Which namespaces are opted in, and what Istio makes of them. Pure. */
import { INJECT_LABEL } from '../../api/cluster-kinds.ts';
import type { CachedObject } from '../../kube/object-cache.ts';

export interface MeshNamespace {
  readonly name: string;
  /** `sidecar`: Istio's injector takes its pods. `none`: they may ask for it one by one. */
  readonly dataPlane: 'sidecar' | 'ambient' | 'none';
  /** Of the control plane that injects it; null: the default one. */
  readonly revision: string | null;
  /** `namespace/name` of the waypoint that its traffic passes; null: none. */
  readonly waypoint: string | null;
}

/** Sorted by name. One that is on its way out gets nothing new. */
export function optedInNamespaces(namespaces: readonly CachedObject[]): MeshNamespace[] {
  return namespaces
    .filter(({ labels }) => labels[INJECT_LABEL] === 'true')
    .map(({ name, labels }) => meshNamespaceOf(name, labels));
}

export function meshNamespaceOf(
  name: string,
  labels: Readonly<Record<string, string>>,
): MeshNamespace {
  const injection = labels['istio-injection'];
  const revision = labels['istio.io/rev'] ?? null;
  // Istio's injector heeds the older label first.
  const isInjected = injection === undefined ? revision !== null : injection === 'enabled';
  const isAmbient = labels['istio.io/dataplane-mode'] === 'ambient';
  const waypoint = labels['istio.io/use-waypoint'];
  const waypointNamespace = labels['istio.io/use-waypoint-namespace'] ?? name;
  const hasWaypoint = waypoint !== undefined && waypoint !== 'none';
  return {
    name,
    dataPlane: isInjected ? 'sidecar' : isAmbient ? 'ambient' : 'none',
    revision: injection === 'enabled' ? null : revision,
    waypoint: hasWaypoint ? `${waypointNamespace}/${waypoint}` : null,
  };
}
