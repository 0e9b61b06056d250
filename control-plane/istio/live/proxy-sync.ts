/** How far a sidecar has what istiod gives it, from istiod's own words. Pure. */
import type { SyncStatus } from './istiod.ts';

export interface ProxyTypeSync {
  /** `Listener`. */
  readonly type: string;
  readonly inSync: boolean;
  /** What the proxy said when it last refused something of this type; null: it did not. */
  readonly error: string | null;
}

export interface ProxySync {
  /** `pod.namespace`. */
  readonly id: string;
  readonly namespace: string;
  readonly version: string;
  readonly types: readonly ProxyTypeSync[];
  /** `refused`: it keeps what it had. */
  readonly state: 'synced' | 'waiting' | 'refused';
}

/** The types that our objects become. */
const TYPES = new Set(['Cluster', 'Listener', 'RouteConfiguration', 'TypedExtensionConfig']);
const EXTENSION = 'type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig';

/** Without what has not been proved yet: whether the newest configuration is what it has. */
export function proxySync({
  proxy = '',
  istio_version = '',
  resources = {},
}: SyncStatus): ProxySync {
  const types = Object.entries(resources)
    .map(([url, { sent = '', acked = '', lastError = '' }]) => ({
      type: url.slice(url.lastIndexOf('.') + 1),
      inSync: sent === acked,
      error: lastError === '' ? null : lastError,
    }))
    .filter(({ type }) => TYPES.has(type))
    .toSorted((a, b) => (a.type < b.type ? -1 : 1));
  const isRefused = types.some(({ error }) => error !== null);
  const state = isRefused ? 'refused' : types.every(({ inSync }) => inSync) ? 'synced' : 'waiting';
  return {
    ...{ id: proxy, version: istio_version, types, state },
    namespace: proxy.slice(proxy.lastIndexOf('.') + 1),
  };
}

/** Another one says that the extension configurations were sent anew. Empty: it has asked for none. */
export function extensionNonce({ resources = {} }: SyncStatus): string {
  return resources[EXTENSION]?.sent ?? '';
}
