/**
 * Which hosts somebody else already routes, or sets rules for. Istio takes one VirtualService and merges badly
 * what is more than one: whoever was there stays, and ours is left out. Pure.
 */
import type { CachedObject } from '../../kube/object-cache.ts';
import type { WantedObject } from '../../kube/object-plan.ts';
import { covers, wholeHost } from './hosts.ts';

export interface Conflict {
  /** As our object names it. */
  readonly host: string;
  readonly wanted: WantedObject;
  readonly other: CachedObject;
}

export interface ConflictContext {
  readonly clusterDomain: string;
  /** Namespaces that are opted in: what is not seen there is no conflict. */
  readonly callers: readonly string[];
}

/** @param others objects of the cluster, ours among them. */
export function conflicts(
  wanted: readonly WantedObject[],
  others: readonly CachedObject[],
  context: ConflictContext,
): Conflict[] {
  const foreign = others.filter((one) => !one.isOurs && isSeen(one, context.callers));
  return wanted.flatMap((object) => {
    const { namespace } = object.metadata;
    const rivals = foreign.filter((one) => isRival(one.kind, object.kind));
    return hostsOf(object.kind, object.spec, namespace, context).flatMap((host) => {
      const other = rivals.find((one) =>
        hostsOf(one.kind, one.spec, one.namespace, context).some((pattern) =>
          covers(pattern, host),
        ),
      );
      return other === undefined ? [] : [{ host, wanted: object, other }];
    });
  });
}

const ROUTES: ReadonlySet<string> = new Set(['VirtualService', 'HTTPRoute']);

function isRival(kind: string, ours: string): boolean {
  return kind === ours || (ROUTES.has(kind) && ROUTES.has(ours));
}

interface RouteSpec {
  readonly hosts?: readonly string[];
  readonly host?: string;
  readonly gateways?: readonly string[];
  readonly exportTo?: readonly string[];
  readonly parentRefs?: readonly {
    readonly kind?: string;
    readonly name: string;
    readonly namespace?: string;
  }[];
}

/** Whole names; none where it is not about calls between workloads. */
function hostsOf(
  kind: string,
  spec: object,
  namespace: string,
  { clusterDomain }: ConflictContext,
): string[] {
  const { hosts = [], host, gateways = ['mesh'], parentRefs = [] } = spec as RouteSpec;
  const whole = (name: string) => wholeHost(name, namespace, clusterDomain);
  if (kind === 'VirtualService') return gateways.includes('mesh') ? hosts.map(whole) : [];
  if (kind === 'DestinationRule') return host === undefined ? [] : [whole(host)];
  if (kind !== 'HTTPRoute') return [];
  return parentRefs
    .filter((parent) => parent.kind === 'Service')
    .map((parent) => wholeHost(parent.name, parent.namespace ?? namespace, clusterDomain));
}

function isSeen({ spec, namespace }: CachedObject, callers: readonly string[]): boolean {
  const { exportTo = ['*'] } = spec as RouteSpec;
  return exportTo.some(
    (where) => where === '*' || callers.includes(where === '.' ? namespace : where),
  );
}
