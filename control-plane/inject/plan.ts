/** What a pod gets: by what Istio does with it, as little as is needed. */
import { BOOTSTRAP_OVERRIDE } from './bootstrap-override.ts';
import type { IstioPart } from './istio-pods.ts';
import { BOOTSTRAP_CONFIG_MAP } from './names.ts';
import { annotationOf, type Pod } from './pod.ts';
import type { ProxyOptions } from './proxy-options.ts';
import type { Additions } from './record.ts';
import { sidecar } from './sidecar.ts';

/** How Istio's sidecars get our filters: not at all, from istiod, or from our own ADS. */
export type IstioMode = 'off' | 'native' | 'direct';

export interface PlanOptions {
  readonly istio: IstioMode;
  readonly proxy: ProxyOptions;
}

export interface Plan {
  readonly additions: Additions;
  /** What was asked for and is not done, for people. */
  readonly warnings: readonly string[];
}

const NOTHING: Additions = { annotations: {}, initContainers: [], volumes: [] };

/**
 * @param hasBootstrap whether its namespace has the ConfigMap of Istio's sidecars: without it a pod that
 *   names it would never start.
 * @throws {Error} where the pod says something about it that cannot be done.
 */
export function plan(
  pod: Pod,
  part: IstioPart,
  { istio, proxy }: PlanOptions,
  hasBootstrap: boolean,
): Plan {
  if (part === 'none') return sidecar(pod, proxy);
  // A waypoint carries what it sends, and is told by istiod.
  if (part === 'ambient' || istio === 'native') return { additions: NOTHING, warnings: [] };
  if (istio === 'off')
    return refused('it has the sidecar of Istio, which this control plane leaves');
  const named = annotationOf(pod, BOOTSTRAP_OVERRIDE);
  if (named === BOOTSTRAP_CONFIG_MAP) return { additions: NOTHING, warnings: [] };
  if (named !== undefined) return refused(`it has a ${BOOTSTRAP_OVERRIDE} of its own, ${named}`);
  if (!hasBootstrap) return refused(`its namespace has no ConfigMap ${BOOTSTRAP_CONFIG_MAP} yet`);
  const annotations = { [BOOTSTRAP_OVERRIDE]: BOOTSTRAP_CONFIG_MAP };
  return { additions: { ...NOTHING, annotations }, warnings: [] };
}

function refused(warning: string): Plan {
  return { additions: NOTHING, warnings: [warning] };
}
