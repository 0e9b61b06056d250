/** The kinds of Istio, Kubernetes and the Gateway API that a mesh is told by, and those that say how it is. */

import type { WantedObject } from '../../kube/object-plan.ts';
import type { WrittenFamily } from '../../kube/object-writer.ts';
import type { FollowedResource } from '../../kube/reflector.ts';
import { retired } from './retired.ts';

interface MeshKind {
  readonly kind: string;
  readonly apiVersion: string;
  readonly plural: string;
}

const NETWORKING = 'networking.istio.io/v1';
const GATEWAY_GROUP = 'gateway.networking.k8s.io';
const GATEWAY = `${GATEWAY_GROUP}/v1`;

/**
 * In the order in which they are written. Routes come before the filters that name them, and go after them:
 * a header that no route knows is of no effect, and a route that no header asks for neither.
 */
export const WRITTEN_KINDS: readonly MeshKind[] = [
  { kind: 'ServiceEntry', apiVersion: NETWORKING, plural: 'serviceentries' },
  { kind: 'DestinationRule', apiVersion: NETWORKING, plural: 'destinationrules' },
  { kind: 'ReferenceGrant', apiVersion: `${GATEWAY_GROUP}/v1beta1`, plural: 'referencegrants' },
  { kind: 'VirtualService', apiVersion: NETWORKING, plural: 'virtualservices' },
  { kind: 'HTTPRoute', apiVersion: GATEWAY, plural: 'httproutes' },
  { kind: 'EnvoyFilter', apiVersion: 'networking.istio.io/v1alpha3', plural: 'envoyfilters' },
];

const READ_KINDS: readonly MeshKind[] = [
  { kind: 'Sidecar', apiVersion: NETWORKING, plural: 'sidecars' },
  { kind: 'Gateway', apiVersion: GATEWAY, plural: 'gateways' },
];

const NAMESPACES: FollowedResource = {
  path: '/api/v1/namespaces',
  apiVersion: 'v1',
  kind: 'Namespace',
};

/** All that is followed. A kind that is not installed counts as one of which there is nothing. */
export function followedKinds(): readonly FollowedResource[] {
  const ofMesh = [...WRITTEN_KINDS, ...READ_KINDS].map(({ apiVersion, kind, plural }) => ({
    ...{ apiVersion, kind },
    path: `/apis/${apiVersion}/${plural}`,
    isOptional: true,
  }));
  return [NAMESPACES, ...ofMesh];
}

export const ISTIO_FAMILY: WrittenFamily = {
  kinds: WRITTEN_KINDS.map(({ kind }) => kind),
  pathOf: ({ apiVersion, kind, namespace, name }) => {
    const plural = WRITTEN_KINDS.find((one) => one.kind === kind)?.plural ?? '';
    return `/apis/${apiVersion}/namespaces/${namespace}/${plural}/${name}`;
  },
  stageOf: ({ kind, spec }) => {
    const index = WRITTEN_KINDS.findIndex((one) => one.kind === kind);
    return isClientFilter({ kind, spec }) ? index + 1 : index;
  },
  retired,
};

/** The filters of callers are for all of a namespace, and those of backends for their own pods. */
export function isClientFilter({ kind, spec }: Pick<WantedObject, 'kind' | 'spec'>): boolean {
  return kind === 'EnvoyFilter' && !('workloadSelector' in spec);
}
