/** The rights that the control plane needs, as `deploy/rbac.yaml` and `deploy/rbac-istio.yaml` give them. */
import { KINDS } from '../api/kinds.ts';
import { GROUP } from '../api/metadata.ts';

export interface Right {
  readonly group: string;
  /** `modelroutes` or `modelroutes/status`. */
  readonly resource: string;
  readonly verb: string;
  /** Null: in all of them. */
  readonly namespace: string | null;
  /** Null: all of them. */
  readonly name: string | null;
}

export interface RightsOptions {
  readonly leaseNamespace: string;
  readonly leaseName: string;
}

const READ = ['list', 'watch'];
const WRITE = ['list', 'watch', 'create', 'patch', 'delete'];

export function controlPlaneRights({ leaseNamespace, leaseName }: RightsOptions): Right[] {
  const plurals = KINDS.map(({ plural }) => plural);
  const lease = { group: 'coordination.k8s.io', resource: 'leases', namespace: leaseNamespace };
  return [
    ...plurals.flatMap((plural) => rights(GROUP, plural, READ)),
    ...plurals.flatMap((plural) => rights(GROUP, `${plural}/status`, ['patch'])),
    ...rights('events.k8s.io', 'events', ['create']),
    ...rights('', 'services', READ),
    ...rights('discovery.k8s.io', 'endpointslices', READ),
    ...rights('gateway.networking.k8s.io', 'referencegrants', READ),
    { ...lease, verb: 'create', name: null },
    { ...lease, verb: 'get', name: leaseName },
    { ...lease, verb: 'update', name: leaseName },
  ];
}

export function istioRights(): Right[] {
  const written = ['envoyfilters', 'virtualservices', 'destinationrules', 'serviceentries'];
  return [
    ...rights('', 'namespaces', READ),
    ...written.flatMap((plural) => rights('networking.istio.io', plural, WRITE)),
    ...rights('gateway.networking.k8s.io', 'httproutes', WRITE),
    ...rights('gateway.networking.k8s.io', 'referencegrants', WRITE),
    ...rights('networking.istio.io', 'sidecars', READ),
    ...rights('gateway.networking.k8s.io', 'gateways', READ),
  ];
}

function rights(group: string, resource: string, verbs: readonly string[]): Right[] {
  return verbs.map((verb) => ({ group, resource, verb, namespace: null, name: null }));
}
