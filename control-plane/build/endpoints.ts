/** Where a backend listens: what it says itself, or what Kubernetes knows of its Service. */
import type { EndpointSlice, Service } from '../api/cluster-kinds.ts';
import type { ModelBackend } from '../api/kinds.ts';
import { type FieldPath, problem } from '../api/problem.ts';
import type { Endpoint, ServiceRef } from '../ir/mesh.ts';
import type { Cluster } from './cluster.ts';
import { nameOf } from './names.ts';
import type { ReferenceProblem } from './reference-problem.ts';

export interface BackendEndpoints {
  /** Sorted by address and port. */
  readonly endpoints: readonly Endpoint[];
  /** The Service whose endpoints these are; null: none, or none that was found. */
  readonly service: ServiceRef | null;
  readonly problems: readonly ReferenceProblem[];
}

export function endpointsOf({ metadata, spec }: ModelBackend, cluster: Cluster): BackendEndpoints {
  const { service: ref } = spec;
  if (ref === undefined) {
    const endpoints = (spec.endpoints ?? []).map(({ address, port }) => {
      return { address, port, zone: null };
    });
    return { endpoints: endpoints.toSorted(byAddress), service: null, problems: [] };
  }
  const name = nameOf({ namespace: metadata.namespace, name: ref.name });
  const service = cluster.services.get(name);
  if (service === undefined) {
    return without(
      'ServiceNotFound',
      ['name'],
      `Service ${name} does not exist: create it, or correct the name`,
    );
  }
  if (service.spec.type === 'ExternalName') {
    return without(
      'UnsupportedValue',
      ['name'],
      `Service ${name} is of type ExternalName, which has no endpoints: give endpoints`,
    );
  }
  const port = service.spec.ports.find((one) => one.port === ref.port || one.name === ref.port);
  if (port === undefined) {
    const known = service.spec.ports.map((one) => one.name ?? one.port).join(', ');
    return without(
      'PortNotFound',
      ['port'],
      `Service ${name} has no port ${ref.port}; it has ${known}`,
    );
  }
  return {
    endpoints: readyOf(cluster.slices.get(name) ?? [], port),
    service: { name, port: port.port },
    problems: [],
  };
}

interface Found {
  readonly endpoint: Endpoint;
  /** It is ending, and still answers. */
  readonly isDraining: boolean;
}

type ServicePort = Service['spec']['ports'][number];

/** Those that are ready; where none is, those that are ending and still serve, as Services do. */
function readyOf(slices: readonly EndpointSlice[], port: ServicePort): readonly Endpoint[] {
  const all = slices.flatMap((slice) => endpointsOfSlice(slice, port));
  const ready = all.filter(({ isDraining }) => !isDraining);
  const used = ready.length > 0 ? ready : all;
  const distinct = new Map(
    used.map(({ endpoint }) => [`${endpoint.address} ${endpoint.port}`, endpoint]),
  );
  return [...distinct.values()].toSorted(byAddress);
}

function endpointsOfSlice(slice: EndpointSlice, { name }: ServicePort): Found[] {
  // Names are Envoy's to look up, and it does not here.
  if (slice.addressType === 'FQDN') return [];
  const port = slice.ports.find((one) => (one.name ?? '') === (name ?? ''))?.port;
  if (port === undefined || port === null) return [];
  return slice.endpoints.flatMap(({ addresses, conditions, zone }) => {
    const isReady = conditions?.ready ?? true;
    const isDraining = !isReady && conditions?.serving === true && conditions.terminating === true;
    const [address] = addresses;
    if (address === undefined || !(isReady || isDraining)) return [];
    return [{ endpoint: { address, port, zone: zone ?? null }, isDraining }];
  });
}

function without(
  condition: ReferenceProblem['condition'],
  keys: FieldPath,
  reason: string,
): BackendEndpoints {
  const at = problem(['spec', 'service', ...keys], reason);
  return { endpoints: [], service: null, problems: [{ ...at, condition }] };
}

function byAddress(a: Endpoint, b: Endpoint): number {
  return a.address < b.address ? -1 : a.address > b.address ? 1 : a.port - b.port;
}
