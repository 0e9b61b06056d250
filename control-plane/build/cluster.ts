/** What Kubernetes' own objects say, by the names that ours refer to. */
import {
  type EndpointSlice,
  type ReferenceGrant,
  SERVICE_LABEL,
  type Secret,
  type Service,
} from '../api/cluster-kinds.ts';
import type { Resource } from '../api/kinds.ts';
import { GROUP } from '../api/metadata.ts';
import { nameOf } from './names.ts';

export interface Cluster {
  /** By `namespace/name`. */
  readonly services: ReadonlyMap<string, Service>;
  /** By the Service's `namespace/name`. */
  readonly slices: ReadonlyMap<string, readonly EndpointSlice[]>;
  /** By `namespace/name`. */
  readonly secrets: ReadonlyMap<string, Secret>;
  readonly grants: readonly ReferenceGrant[];
}

export function clusterOf(resources: readonly Resource[]): Cluster {
  const services = resources.filter((one) => one.kind === 'Service');
  const slices = resources.filter((one) => one.kind === 'EndpointSlice');
  const secrets = resources.filter((one) => one.kind === 'Secret');
  return {
    secrets: new Map(secrets.map((secret) => [nameOf(secret.metadata), secret])),
    services: new Map(services.map((service) => [nameOf(service.metadata), service])),
    slices: Map.groupBy(slices, ({ metadata: { namespace, labels } }) =>
      nameOf({ namespace, name: labels[SERVICE_LABEL] ?? '' }),
    ),
    grants: resources.filter((one) => one.kind === 'ReferenceGrant'),
  };
}

export interface Reference {
  readonly kind: string;
  readonly namespace: string;
}

/** Whether the owner of `to` lets `from` refer to it: an object of its namespace says so. */
export function isGranted(
  grants: readonly ReferenceGrant[],
  from: Reference,
  to: Reference & { readonly name: string },
): boolean {
  return grants.some(
    ({ metadata, spec }) =>
      metadata.namespace === to.namespace &&
      spec.from.some(
        ({ group, kind, namespace }) =>
          group === GROUP && kind === from.kind && namespace === from.namespace,
      ) &&
      spec.to.some(
        ({ group, kind, name }) =>
          group === GROUP && kind === to.kind && (!name || name === to.name),
      ),
  );
}
