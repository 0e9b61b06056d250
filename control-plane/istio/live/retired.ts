/**
 * What an EnvoyFilter is made before it is deleted. A connection keeps its listener, and the filters in it, for some
 * time after a listener has changed; its filters' configurations follow at once. So these are first made to do
 * nothing, and the routes and clusters that they need are still there meanwhile.
 */
import type { CachedObject } from '../../kube/object-cache.ts';
import type { WantedObject } from '../../kube/object-plan.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../../kube/ownership.ts';

const NO_OP = {
  '@type': 'type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation',
};

interface ConfigPatch {
  readonly applyTo?: string;
  readonly patch?: {
    readonly value?: { readonly name?: string; readonly typed_config?: object };
  };
}

/** Null: there is nothing in it that would act on a request. */
export function retired({
  apiVersion,
  kind,
  namespace,
  name,
  labels,
  annotations,
  spec,
}: CachedObject): WantedObject | null {
  if (kind !== 'EnvoyFilter') return null;
  const patches = (spec['configPatches'] ?? []) as readonly ConfigPatch[];
  if (!patches.some(({ applyTo }) => applyTo === 'EXTENSION_CONFIG')) return null;
  return {
    ...{ apiVersion, kind },
    metadata: {
      ...{ name, namespace, annotations },
      labels: { ...labels, [MANAGED_BY_LABEL]: MANAGED_BY },
    },
    spec: { ...spec, configPatches: patches.map(idle) },
  };
}

function idle(one: ConfigPatch): ConfigPatch {
  if (one.applyTo !== 'EXTENSION_CONFIG') return one;
  const value = { ...one.patch?.value, typed_config: NO_OP };
  return { ...one, patch: { ...one.patch, value } };
}
