/**
 * What a ModelBackend asks of connections, of balancing and of endpoints that fail: a subset of its host that is
 * all of it, so that it counts for requests that come by a model's route and for nobody else's.
 */
import type { JsonObject } from '@bufbuild/protobuf';
import type * as ir from '../ir/mesh.ts';
import { backendName, backendOf, destinationOf, seconds } from './destinations.ts';
import { compare, type IstioObject, istioObject, nameFrom } from './objects.ts';
import { callersOf, type IstioOptions } from './options.ts';
import { splitName } from './service-names.ts';

/** What a backend has that asks for nothing: then the mesh's own policies are best left alone. */
const DEFAULTS = { connectTimeoutMs: 1000, maxConnections: 1024, maxRequests: 1024 };

interface Ruled {
  readonly target: ir.Target;
  readonly host: string;
  readonly service: string | null;
  readonly subset: string;
  readonly policy: JsonObject;
}

export class Subsets {
  readonly #byTarget: ReadonlyMap<string, Ruled>;
  readonly #options: IstioOptions;

  constructor({ routes, targets }: ir.Mesh, options: IstioOptions) {
    const foreign = new Set(options.foreignDestinationHosts);
    // An HTTPRoute can name none.
    const wanted = options.routing === 'HTTPRoute' ? [] : targets;
    const ruled = wanted.flatMap(
      (target) => ruledTarget(target, budgetOf(target, routes), options) ?? [],
    );
    this.#byTarget = new Map(
      ruled.filter(({ host }) => !foreign.has(host)).map((one) => [one.target.name, one]),
    );
    this.#options = options;
  }

  /** Null: its host as it is. */
  of(target: ir.Target): string | null {
    return this.#byTarget.get(target.name)?.subset ?? null;
  }

  /** Whether it is spoken to as it wants: nothing must go in plain text to whom TLS was asked for. */
  isReached(target: ir.Target): boolean {
    return target.tls === null || (isPlainTls(target.tls) && this.#byTarget.has(target.name));
  }

  destinationRules(): IstioObject[] {
    const byHost = Map.groupBy(this.#byTarget.values(), ({ host }) => host);
    return [...byHost].map(([host, ruled]) => destinationRule(host, ruled, this.#options));
  }
}

function ruledTarget(
  target: ir.Target,
  retryBudget: JsonObject | null,
  options: IstioOptions,
): Ruled | null {
  const destination = destinationOf(target, options);
  const asked = trafficPolicy(target);
  if (destination === null || (asked === null && retryBudget === null)) return null;
  const { host, service } = destination;
  const policy = { ...asked, ...(retryBudget === null ? {} : { retryBudget }) };
  return { target, host, service, subset: nameFrom('', backendOf(target).name), policy };
}

function destinationRule(host: string, ruled: readonly Ruled[], options: IstioOptions) {
  const [first] = ruled;
  const service = first?.service ?? null;
  const place =
    service === null
      ? { namespace: options.systemNamespace, name: nameFrom('modelweir', host) }
      : { ...splitName(service), name: nameFrom('modelweir', splitName(service).name) };
  const subsets = new Map(ruled.map(({ subset, policy }) => [subset, policy]));
  const spec = {
    host,
    exportTo: callersOf(options),
    subsets: [...subsets]
      .toSorted(([a], [b]) => compare(a, b))
      .map(([name, trafficPolicy]) => ({ name, trafficPolicy })),
  };
  return istioObject('DestinationRule', place, spec, options);
}

/** Of the routes that try requests to its backend again, the largest; null: none does. */
function budgetOf(target: ir.Target, routes: readonly ir.Route[]): JsonObject | null {
  const backend = backendName(target.name);
  const retries = routes
    .filter(({ variants }) => variants.some((one) => backendName(one.target) === backend))
    .flatMap(({ retry }) => retry ?? []);
  if (retries.length === 0) return null;
  return {
    percent: Math.max(...retries.map(({ budgetPercent }) => budgetPercent)),
    minRetryConcurrency: Math.max(...retries.map(({ minConcurrent }) => minConcurrent)),
  };
}

/** What its ModelBackend asks for; null: nothing. */
export function trafficPolicy(target: ir.Target): JsonObject | null {
  const { connectTimeoutMs, maxConnections, maxRequests, outlierDetection, tls } = target;
  const loadBalancer = balancing(target.loadBalancing);
  const asksForPool =
    connectTimeoutMs !== DEFAULTS.connectTimeoutMs ||
    maxConnections !== DEFAULTS.maxConnections ||
    maxRequests !== DEFAULTS.maxRequests;
  const policy = {
    ...(tls === null || !isPlainTls(tls) ? {} : { tls: originated(tls) }),
    ...(loadBalancer === null ? {} : { loadBalancer }),
    ...(asksForPool
      ? {
          connectionPool: {
            tcp: { connectTimeout: seconds(connectTimeoutMs), maxConnections },
            http: { http1MaxPendingRequests: maxRequests, http2MaxRequests: maxRequests },
          },
        }
      : {}),
    ...(outlierDetection === null ? {} : { outlierDetection: ejection(outlierDetection) }),
  };
  return Object.keys(policy).length === 0 ? null : policy;
}

/** Sidecars cannot be given Secrets of other namespaces, and most are in others. */
export function isPlainTls({ authorities, certificate }: ir.TargetTls): boolean {
  return authorities === null && certificate === null;
}

function originated({ serverName }: ir.TargetTls): JsonObject {
  return { mode: 'SIMPLE', sni: serverName, subjectAltNames: [serverName] };
}

function balancing({ policy, hashHeader }: ir.LoadBalancing): JsonObject | null {
  switch (policy) {
    case 'RoundRobin':
      return { simple: 'ROUND_ROBIN' };
    case 'Random':
      return { simple: 'RANDOM' };
    case 'RingHash':
      return { consistentHash: { httpHeaderName: hashHeader ?? '' } };
    default:
      return null;
  }
}

function ejection(detection: ir.OutlierDetection): JsonObject {
  return {
    consecutive5xxErrors: detection.consecutiveErrors,
    interval: seconds(detection.intervalMs),
    baseEjectionTime: seconds(detection.baseEjectionMs),
    maxEjectionPercent: detection.maxEjectionPercent,
  };
}
