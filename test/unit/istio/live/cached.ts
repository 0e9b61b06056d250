/** Objects as the cache has them, for tests. */
import type { CachedObject } from '../../../../control-plane/kube/object-cache.ts';

export function cached(
  kind: string,
  path: string,
  spec: object = {},
  more: Partial<CachedObject> = {},
): CachedObject {
  const [namespace = '', name = ''] = path.split('/');
  return {
    ...{ kind, namespace, name, spec: spec as CachedObject['spec'] },
    apiVersion: 'networking.istio.io/v1',
    uid: path,
    creationTimestamp: '2026-01-01T00:00:00Z',
    labels: {},
    annotations: {},
    isOurs: false,
    ...more,
  };
}
