/** What the installed Istio and Gateway API can be told, as the API server's own discovery says it. */
import { type KubeApi, KubeError } from '../../kube/api.ts';
import { WRITTEN_KINDS } from './kinds.ts';

export interface Capabilities {
  /** Kinds that are served in the version that we write. */
  readonly kinds: ReadonlySet<string>;
  /** Whether an EnvoyFilter can be for a waypoint: from Istio 1.29. */
  readonly waypointFilters: boolean;
  /** What Istio itself offers for modules: `TrafficExtension` from 1.30, `WasmPlugin` before; null: neither. */
  readonly extensionKind: 'TrafficExtension' | 'WasmPlugin' | null;
}

export const NO_CAPABILITIES: Capabilities = {
  kinds: new Set(),
  waypointFilters: false,
  extensionKind: null,
};

interface ResourceList {
  readonly resources?: readonly { readonly kind: string; readonly name: string }[];
}

const FILTERS = 'networking.istio.io/v1alpha3';
const GROUP_VERSIONS = [...new Set(WRITTEN_KINDS.map(({ apiVersion }) => apiVersion))];
const EXTENSIONS = 'extensions.istio.io/v1alpha1';

/** @throws {Error} when the API server cannot be asked. */
export async function discoverCapabilities(api: KubeApi): Promise<Capabilities> {
  const [kinds, extensions, waypointFilters] = await Promise.all([
    Promise.all(GROUP_VERSIONS.map((version) => kindsOf(api, version))),
    kindsOf(api, EXTENSIONS),
    knowsWaypoints(api),
  ]);
  const extensionKind = (['TrafficExtension', 'WasmPlugin'] as const).find((kind) =>
    extensions.includes(kind),
  );
  const known = new Set(WRITTEN_KINDS.map(({ kind }) => kind));
  return {
    kinds: new Set(kinds.flat().filter((kind) => known.has(kind))),
    waypointFilters,
    extensionKind: extensionKind ?? null,
  };
}

async function kindsOf(api: KubeApi, groupVersion: string): Promise<string[]> {
  const list = await orNull(api.send<ResourceList>({ path: `/apis/${groupVersion}` }));
  const resources = list?.resources ?? [];
  return resources.filter(({ name }) => !name.includes('/')).map(({ kind }) => kind);
}

/** The version of Istio does not say it, but the schema of its kind does. */
async function knowsWaypoints(api: KubeApi): Promise<boolean> {
  const schema = await orNull(api.send({ path: `/openapi/v3/apis/${FILTERS}` }));
  return schema !== null && JSON.stringify(schema).includes('"WAYPOINT"');
}

async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return null;
    throw error;
  }
}
