/**
 * Which routes have each attempt of a request rewritten for the target that it goes to, and which targets
 * these are. Other routes' requests are written once, by the chain, which costs less.
 */
import type * as ir from '../ir/mesh.ts';
import { canFail, type Targets, targetsOf } from './targets.ts';

/** Target of an attempt, and the variant that it stands for. */
export interface Member {
  readonly variant: string;
  readonly target: ir.Target;
}

/** Whether all requests of a route are rewritten for each attempt, and all answers looked at. */
export function isPlanned(route: ir.Route, targets: Targets): boolean {
  const { publicModel, countTokens, attemptsHeader } = route.responses;
  return (
    route.retry !== null ||
    publicModel ||
    countTokens ||
    attemptsHeader ||
    targetsOf(route, targets).some(canFail)
  );
}

/**
 * Whether its variants have clusters of their own: also where only copies are rewritten, since what the
 * chain tells the copy's cluster must be taken out of the request itself.
 */
export function hasAttemptClusters(route: ir.Route, targets: Targets): boolean {
  return route.shadow !== null || isPlanned(route, targets);
}

/** The cluster that a variant's requests are sent to. */
export function clusterOf(route: ir.Route, variant: ir.Variant, targets: Targets): string {
  return hasAttemptClusters(route, targets) ? `${route.name}#${variant.name}` : variant.target;
}

/** The cluster that copies are sent to. No variant's name has a `#`. */
export function shadowClusterOf(route: ir.Route): string {
  return `${route.name}##shadow`;
}

/** Without any weight no variant is chosen, whatever else would give it requests. */
export function takesRequests(route: ir.Route): boolean {
  return route.variants.some(({ weight }) => weight > 0);
}

/** Where a variant's requests may go: its own target, then those that stand in for it, each once. */
export function membersOf(route: ir.Route, variant: ir.Variant, targets: Targets): Member[] {
  const members = new Map<string, Member>();
  for (const { name, target } of [variant, ...standIns(route, variant, targets)]) {
    const found = targets.get(target);
    if (found && !members.has(target)) members.set(target, { variant: name, target: found });
  }
  return [...members.values()];
}

/**
 * The fallback list in its order. Without one, if targets may be found unwell: the other variants that get
 * requests anyway, heaviest first, then by name.
 */
function standIns(route: ir.Route, variant: ir.Variant, targets: Targets): ir.Variant[] {
  const { fallback, variants } = route;
  if (fallback.length > 0) {
    return fallback.flatMap((name) => variants.find((one) => one.name === name) ?? []);
  }
  if (!targetsOf(route, targets).some(canFail)) return [];
  return variants
    .filter((one) => one.name !== variant.name && one.weight > 0)
    .toSorted((a, b) => b.weight - a.weight || (a.name < b.name ? -1 : 1));
}
