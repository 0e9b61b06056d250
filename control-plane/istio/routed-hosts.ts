/** The hosts at which requests are routed by their models, and by which routes. */
import type * as ir from '../ir/mesh.ts';
import { takesRequests } from '../xds/attempts.ts';
import { compare } from './objects.ts';
import type { IstioOptions } from './options.ts';
import { fullName, isHttp, namesOf, splitName } from './service-names.ts';

export interface RoutedHost {
  /** Full name of a Service, or a hostname that means none. */
  readonly host: string;
  /** Null: no Service of the cluster has this name. */
  readonly service: ir.Service | null;
  /** Ports at which callers speak HTTP, sorted. */
  readonly ports: readonly number[];
  /** Those that own a model there, in the order of the mesh. */
  readonly routes: readonly ir.Route[];
}

/** Where a hostname means no Service: Istio knows no port of it but this. */
const HTTP_PORT = 80;

/** Sorted by host. Those that somebody else owns are among them. */
export function routedHosts(mesh: ir.Mesh, options: IstioOptions): RoutedHost[] {
  const routes = mesh.routes.filter(takesRequests);
  const services = mesh.services.map((service): RoutedHost => {
    return {
      host: fullName(service.name, options),
      service,
      ports: service.ports.filter(isHttp).map(({ port }) => port),
      routes: routes.filter((route) => ownsAt(route, service, options)),
    };
  });
  const known = new Set(mesh.services.flatMap(({ name }) => namesOf(name, null, options)));
  const hostnames = new Set(
    routes.flatMap((route) => route.claims.map(({ hostname }) => hostname)),
  );
  const others = [...hostnames]
    .filter((name) => !name.startsWith('*') && !known.has(name))
    // A short name means a Service of the caller's namespace, and no host of its own.
    .filter((name) => name.includes('.'))
    .map((host): RoutedHost => {
      const atHost = routes.filter(({ claims }) => claims.some((one) => matches(one, [host])));
      return { host, service: null, ports: [HTTP_PORT], routes: atHost };
    });
  return [...services, ...others]
    .filter((one) => one.routes.length > 0)
    .toSorted((a, b) => compare(a.host, b.host));
}

function ownsAt(
  { name: route, claims }: ir.Route,
  { name }: ir.Service,
  options: IstioOptions,
): boolean {
  const names = namesOf(name, splitName(route).namespace, options);
  return claims.some((claim) => matches(claim, names));
}

function matches({ hostname }: ir.Claim, names: readonly string[]): boolean {
  if (hostname === '*') return true;
  if (hostname.startsWith('*.')) return names.some((name) => name.endsWith(hostname.slice(1)));
  return names.includes(hostname);
}
