/**
 * Resources in, mesh model and statuses out: a pure function of everything there is, sorted, so that
 * equal input is equal output. Owns what objects mean together; must not know xDS, files or proxies.
 */
import { hasStatus, type ModelBackend, type ModelRoute } from '../api/kinds.ts';
import type { Problem } from '../api/problem.ts';
import type { Listener, Mesh, Route, Secret, Target } from '../ir/mesh.ts';
import type { ObjectRef, Status } from '../ir/status.ts';
import { readFields } from './body-fields.ts';
import type { Candidate } from './candidate.ts';
import { type ClaimResult, decideClaims } from './claims.ts';
import { type Cluster, clusterOf } from './cluster.ts';
import { nameOf } from './names.ts';
import { reachOf } from './reach.ts';
import { type Backends, resolveReferences, type Surroundings } from './references.ts';
import { routeOf } from './routes.ts';
import { servicesOf } from './services.ts';
import { objectStatus, routeStatus } from './statuses.ts';

export interface ObjectProblem extends Problem {
  readonly object: ObjectRef;
}

export interface Build {
  readonly mesh: Mesh;
  /** One per candidate, without `Programmed`; sorted by kind and name. */
  readonly statuses: readonly Status[];
  /** Everything that keeps an object from counting in full. */
  readonly problems: readonly ObjectProblem[];
}

export function build(candidates: readonly Candidate[], listeners: readonly Listener[]): Build {
  const sorted = candidates
    .filter(({ object }) => hasStatus(object.kind))
    .toSorted((a, b) => compare(orderOf(a), orderOf(b)));
  const cluster = clusterOf(candidates.flatMap(({ resource }) => resource ?? []));
  const backends = backendsOf(sorted);
  const claims = decideClaims(routesOf(sorted).filter(({ spec }) => !spec.disabled));
  const fields = readFields(routesOf(sorted));
  const parts = sorted.map((candidate) => {
    const { object, resource } = candidate;
    return resource?.kind === 'ModelRoute'
      ? routePart(candidate, resource, claims.get(nameOf(object)), {
          ...{ backends, fields, cluster },
        })
      : objectPart(candidate, cluster);
  });
  const routes = parts.flatMap(({ route }) => route ?? []).toSorted(byName);
  const targets = distinct(parts.flatMap((part) => part.targets));
  const mesh: Mesh = {
    listeners: listeners.toSorted(byName),
    ...{ routes, targets },
    services: servicesOf(routes, targets, cluster),
    secrets: distinct(parts.flatMap(({ secrets }) => secrets)),
  };
  return {
    mesh,
    statuses: parts.map(({ status }) => status),
    problems: [
      ...sorted.flatMap(({ object, problems }, index) =>
        [...problems, ...(parts[index]?.problems ?? [])].map((one) => ({ ...one, object })),
      ),
      ...candidates
        .filter(({ object }) => !hasStatus(object.kind))
        .flatMap(({ object, problems }) => problems.map((one) => ({ ...one, object }))),
    ],
  };
}

/** What one route adds to the whole. */
interface Part {
  readonly status: Status;
  readonly problems: readonly Problem[];
  readonly route: Route | null;
  readonly targets: readonly Target[];
  readonly secrets: readonly Secret[];
}

const NOTHING = { route: null, targets: [], secrets: [] };

function objectPart(candidate: Candidate, cluster: Cluster): Part {
  const { resource } = candidate;
  const problems = resource?.kind === 'ModelBackend' ? reachOf(resource, cluster).problems : [];
  return { ...NOTHING, status: objectStatus(candidate, problems), problems };
}

function routePart(
  candidate: Candidate,
  resource: ModelRoute,
  claims: ClaimResult | undefined,
  surroundings: Surroundings,
): Part {
  const references = resolveReferences(resource, surroundings);
  const status = routeStatus(candidate, resource, claims, references);
  const problems = [...(claims?.lost ?? []), ...references.problems];
  if (claims === undefined || claims.won.length === 0) {
    return { ...NOTHING, status, problems };
  }
  const secrets = references.variants.flatMap(({ reach }) => reach.secrets);
  return { status, problems, secrets, ...routeOf(resource, claims.won, references) };
}

function routesOf(candidates: readonly Candidate[]): ModelRoute[] {
  return candidates.flatMap(({ resource }) => (resource?.kind === 'ModelRoute' ? [resource] : []));
}

function backendsOf(candidates: readonly Candidate[]): Backends {
  const backends = new Map<string, ModelBackend | null>();
  for (const { object, resource } of candidates) {
    if (object.kind !== 'ModelBackend') continue;
    backends.set(nameOf(object), resource?.kind === 'ModelBackend' ? resource : null);
  }
  return backends;
}

function orderOf({ object }: Candidate): string {
  return `${object.kind}\0${object.namespace}\0${object.name}`;
}

/** By name, sorted by it. */
function distinct<T extends { readonly name: string }>(items: readonly T[]): T[] {
  return [...new Map(items.map((one) => [one.name, one])).values()].toSorted(byName);
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return compare(a.name, b.name);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
