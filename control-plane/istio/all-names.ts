/**
 * Claims at every name that a Service has. The router compares the name that an application wrote, and Istio
 * sends requests to the same Service under several.
 */
import type * as ir from '../ir/mesh.ts';
import { compare } from './objects.ts';
import type { IstioOptions } from './options.ts';
import { namesOf, splitName } from './service-names.ts';

/**
 * The mesh as callers of one namespace see it: who owns a model at one name of a Service owns it at its other
 * names, too, but where somebody else owns it there.
 */
export function underAllNames(mesh: ir.Mesh, caller: string, options: IstioOptions): ir.Mesh {
  const services = mesh.services.map(({ name }): ServiceNames => {
    const { namespace, name: short } = splitName(name);
    return { namespace, short, names: namesOf(name, caller, options) };
  });
  const meant = servicesMeant(services);
  const owned = new Owned(mesh.routes);
  const routes = mesh.routes.map((route) => {
    const { namespace } = splitName(route.name);
    const claims = route.claims.flatMap((claim) => {
      const names = meant(claim, namespace).flatMap((service) => service.names);
      const others = [...new Set(names)]
        .filter((name) => !covers(claim.hostname, name))
        .map((hostname) => ({ ...claim, hostname }))
        .filter((one) => owned.take(one));
      // A short name means another Service, or none, to callers of other namespaces.
      return isShort(claim) && namespace !== caller ? others : [claim, ...others];
    });
    return { ...route, claims: claims.toSorted((a, b) => compare(keyOf(a), keyOf(b))) };
  });
  return { ...mesh, routes };
}

interface ServiceNames {
  readonly namespace: string;
  readonly short: string;
  /** What callers of the namespace in question may write. */
  readonly names: readonly string[];
}

/** The Services that a claim of a route in a namespace is about. */
function servicesMeant(
  services: readonly ServiceNames[],
): (claim: ir.Claim, namespace: string) => readonly ServiceNames[] {
  const byName = new Map<string, readonly ServiceNames[]>();
  for (const service of services) {
    // A short name means that of the route's own namespace.
    byName.set(`${service.namespace}/${service.short}`, [service]);
    for (const name of service.names) if (name.includes('.')) byName.set(name, [service]);
  }
  return (claim, namespace) => {
    const { hostname } = claim;
    // It has every name already.
    if (hostname === '*') return [];
    if (hostname.startsWith('*.')) {
      return services.filter(({ names }) => names.some((name) => covers(hostname, name)));
    }
    return byName.get(isShort(claim) ? `${namespace}/${hostname}` : hostname) ?? [];
  };
}

function isShort({ hostname }: ir.Claim): boolean {
  return !hostname.includes('.') && hostname !== '*';
}

function covers(hostname: string, name: string): boolean {
  return hostname.startsWith('*.') ? name.endsWith(hostname.slice(1)) : hostname === name;
}

/** What is owned at which names, by itself or by a pattern that says more than `*`. */
class Owned {
  readonly #names: Set<string>;
  readonly #patterns: ReadonlyMap<string, readonly ir.Claim[]>;

  constructor(routes: readonly ir.Route[]) {
    const claims = routes.flatMap((route) => route.claims);
    this.#names = new Set(claims.map(keyOf));
    this.#patterns = Map.groupBy(
      claims.filter(({ hostname }) => hostname.startsWith('*.')),
      questionOf,
    );
  }

  /** Whether it was free, and is taken now. */
  take(claim: ir.Claim): boolean {
    const key = keyOf(claim);
    const patterns = this.#patterns.get(questionOf(claim)) ?? [];
    if (this.#names.has(key) || patterns.some((one) => covers(one.hostname, claim.hostname))) {
      return false;
    }
    this.#names.add(key);
    return true;
  }
}

function keyOf(claim: ir.Claim): string {
  return `${claim.hostname} ${questionOf(claim)}`;
}

/** All that a claim says but the host. */
function questionOf({ model, prefix, version, protocol, headers }: ir.Claim): string {
  return JSON.stringify([model, prefix, version, protocol, headers]);
}
