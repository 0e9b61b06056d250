/** What the control plane reads of a cluster. The roles in `deploy/` allow just this. */
import { KINDS } from '../api/kinds.ts';
import { API_VERSION, GROUP } from '../api/metadata.ts';
import type { FollowedResource } from './reflector.ts';

const VERSION = API_VERSION.slice(GROUP.length + 1);

/** `namespace` null: all of them. */
export function followedResources(namespace: string | null): readonly FollowedResource[] {
  const path = (root: string, plural: string) =>
    namespace === null ? `${root}/${plural}` : `${root}/namespaces/${namespace}/${plural}`;
  const ours = KINDS.map(({ kind, plural }) => ({
    path: path(`/apis/${GROUP}/${VERSION}`, plural),
    apiVersion: API_VERSION,
    kind,
  }));
  return [
    ...ours,
    { path: path('/api/v1', 'services'), apiVersion: 'v1', kind: 'Service' },
    {
      path: path('/apis/discovery.k8s.io/v1', 'endpointslices'),
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
    },
    {
      path: path('/apis/gateway.networking.k8s.io/v1beta1', 'referencegrants'),
      apiVersion: 'gateway.networking.k8s.io/v1beta1',
      kind: 'ReferenceGrant',
      isOptional: true,
    },
  ];
}

/** `name`: `namespace/name`. */
export function namedSecret(name: string): FollowedResource {
  const [namespace = '', secret = ''] = name.split('/');
  const path = `/api/v1/namespaces/${namespace}/secrets`;
  return { path, apiVersion: 'v1', kind: 'Secret', name: secret };
}

/** The URL of an object of ours. */
export function objectPath(kind: string, namespace: string, name: string): string {
  const plural = KINDS.find((one) => one.kind === kind)?.plural ?? '';
  return `/apis/${GROUP}/${VERSION}/namespaces/${namespace}/${plural}/${name}`;
}
