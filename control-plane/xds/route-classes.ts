/**
 * What an entry of Envoy's route table says, by class: routes that need the same share one entry, so the table
 * stays small and seldom changes. The chain names the class where it is not the default one.
 */
import { createHash } from 'node:crypto';
import { DEFAULT_TIMEOUT_MS } from '../../filters/contract/limits.ts';
import type * as ir from '../ir/mesh.ts';
import { shadowClusterOf, takesRequests } from './attempts.ts';
import { type RetryRules, retryRules } from './retry-policy.ts';
import { type Targets, targetsOf } from './targets.ts';

export interface RouteClass {
  /** Equal names are equal classes. */
  readonly name: string;
  /** Of the whole request. */
  readonly timeoutMs: number;
  readonly retry: RetryRules | null;
  /** Cluster that gets a copy of each request; null: none does. */
  readonly copiesTo: string | null;
  /** Most bytes of a body that must be kept for a retry or a copy. */
  readonly keptBytes: number;
  /** Request headers by whose values endpoints are chosen. */
  readonly hashHeaders: readonly string[];
  /** Whether callers are told of the attempts. */
  readonly attemptsHeader: boolean;
  /** Whether answers are read on their way: then backends must not compress them. */
  readonly readsAnswers: boolean;
}

type Content = Omit<RouteClass, 'name'>;

export const DEFAULT_CLASS: RouteClass = named({
  timeoutMs: DEFAULT_TIMEOUT_MS,
  retry: null,
  copiesTo: null,
  keptBytes: 0,
  hashHeaders: [],
  attemptsHeader: false,
  readsAnswers: false,
});

export function routeClass(route: ir.Route, targets: Targets): RouteClass {
  const hashHeaders = targetsOf(route, targets).flatMap(({ loadBalancing }) => {
    return loadBalancing.policy === 'RingHash' ? (loadBalancing.hashHeader ?? []) : [];
  });
  return named({
    timeoutMs: route.timeoutMs,
    retry: retryRules(route, targets),
    copiesTo: null,
    // What the batcher holds must fit, too.
    keptBytes:
      route.retry === null ? 0 : Math.max(route.retry.maxBodyBytes, route.batching?.maxBytes ?? 0),
    hashHeaders: [...new Set(hashHeaders)].toSorted(),
    attemptsHeader: route.responses.attemptsHeader,
    readsAnswers: route.responses.publicModel || route.responses.countTokens,
  });
}

/** As the class of a route, for those of its requests that are copied; null: none are. */
export function copiedClass(route: ir.Route, targets: Targets): RouteClass | null {
  const { shadow } = route;
  if (shadow === null || !takesRequests(route)) return null;
  const plain = routeClass(route, targets);
  const copiesTo = shadowClusterOf(route);
  const keptBytes = Math.max(plain.keptBytes, shadow.maxBodyBytes);
  const readsAnswers = plain.readsAnswers || shadow.compare !== null;
  return { ...plain, name: copiesTo, copiesTo, keptBytes, readsAnswers };
}

/** Whether a route of this class need not name it. */
export function isDefault({ name }: RouteClass): boolean {
  return name === DEFAULT_CLASS.name;
}

/** Of a mesh's routes, but for the default one; sorted by name. */
export function routeClasses(mesh: ir.Mesh, targets: Targets): RouteClass[] {
  const all = mesh.routes.map((route) => routeClass(route, targets));
  const byName = new Map(all.filter((one) => !isDefault(one)).map((one) => [one.name, one]));
  return [...byName.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** As `timeout-15000`, with what else there is: `timeout-15000.retry.attempts.0a1b2c3d`. */
function named(content: Content): RouteClass {
  const { timeoutMs, retry, hashHeaders, attemptsHeader, readsAnswers } = content;
  const words = [
    ...(retry === null ? [] : [retry.nextTargetAfter === null ? 'retry' : 'fallback']),
    ...(hashHeaders.length > 0 ? ['hash'] : []),
    ...(attemptsHeader ? ['attempts'] : []),
    ...(readsAnswers ? ['answers'] : []),
  ];
  const name = [`timeout-${timeoutMs}`, ...words];
  if (words.length > 0) name.push(hashOf({ ...content, timeoutMs: 0 }));
  return { name: name.join('.'), ...content };
}

function hashOf(content: Content): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 8);
}
