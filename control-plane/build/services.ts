/** Services of the cluster that the mesh must know: those of backends, and those that hostnames mean. */
import type { EndpointSlice, Service } from '../api/cluster-kinds.ts';
import type * as ir from '../ir/mesh.ts';
import type { Cluster } from './cluster.ts';
import { nameOf } from './names.ts';

/** Sorted by name. */
export function servicesOf(
  routes: readonly ir.Route[],
  targets: readonly ir.Target[],
  cluster: Cluster,
): ir.Service[] {
  const isMeant = meantBy(routes, targets);
  return [...cluster.services]
    .filter(([name, { spec }]) => spec.type !== 'ExternalName' && isMeant(name))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, service]) => serviceOf(service, cluster.slices.get(name) ?? []));
}

function meantBy(
  routes: readonly ir.Route[],
  targets: readonly ir.Target[],
): (name: string) => boolean {
  const names = new Set(targets.flatMap(({ service }) => service?.name ?? []));
  const suffixes = new Set<string>();
  for (const { name: route, claims } of routes) {
    for (const { hostname } of claims) {
      if (hostname.startsWith('*.')) suffixes.add(withoutDomain(hostname.slice(1)));
      else names.add(serviceName(hostname, route.slice(0, route.indexOf('/'))));
    }
  }
  return (name) => {
    if (names.has(name)) return true;
    const [namespace, service] = name.split('/');
    const host = `${service}.${namespace}`;
    return [...suffixes].some((suffix) => host.endsWith(suffix) || `${host}.svc`.endsWith(suffix));
  };
}

/** Of the Service that a full hostname would mean, if there is one. Within a namespace its first label is enough. */
function serviceName(hostname: string, namespace: string): string {
  const labels = withoutDomain(hostname).split('.');
  const [name = '', given = namespace, svc = 'svc'] = labels;
  return labels.length <= 3 && svc === 'svc' ? nameOf({ namespace: given, name }) : '';
}

/** Ends at the label `svc`: what follows is the name that the cluster was given. */
function withoutDomain(hostname: string): string {
  const at = hostname.indexOf('.svc.');
  return at < 0 ? hostname : hostname.slice(0, at + '.svc'.length);
}

function serviceOf({ metadata, spec }: Service, slices: readonly EndpointSlice[]): ir.Service {
  return {
    name: nameOf(metadata),
    ports: spec.ports
      .map((port) => ({
        name: port.name ?? null,
        port: port.port,
        appProtocol: port.appProtocol ?? null,
        targetPorts: targetPortsOf(port, slices),
      }))
      .toSorted((a, b) => a.port - b.port),
    selector: Object.entries(spec.selector)
      .map(([name, value]) => ({ name, value }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

function targetPortsOf(
  { name, port, targetPort }: Service['spec']['ports'][number],
  slices: readonly EndpointSlice[],
): number[] {
  if (typeof targetPort === 'number' && targetPort > 0) return [targetPort];
  if (typeof targetPort !== 'string') return [port];
  const ports = slices
    .flatMap((slice) => slice.ports.filter((one) => (one.name ?? '') === (name ?? '')))
    .flatMap((one) => one.port ?? []);
  return [...new Set(ports)].toSorted((a, b) => a - b);
}
