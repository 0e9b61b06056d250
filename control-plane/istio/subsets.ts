/**
 * What a ModelBackend asks of connections, of balancing and of endpoints that fail: a subset of its host that is
 * all of it, so that it counts for requests that come by a model's route and for nobody else's.
 */
import type { JsonObject } from '@bufbuild/protobuf';
import type * as ir from '../ir/mesh.ts';
import { backendOf, destinationOf, seconds } from './destinations.ts';
import { compare, type IstioObject, istioObject, nameFrom } from './objects.ts';
import type { IstioOptions } from './options.ts';
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

  constructor(targets: readonly ir.Target[], options: IstioOptions) {
    const foreign = new Set(options.foreignDestinationHosts);
    const ruled = targets.flatMap((target) => ruledTarget(target, options) ?? []);
    this.#byTarget = new Map(
      ruled.filter(({ host }) => !foreign.has(host)).map((one) => [one.target.name, one]),
    );
    this.#options = options;
  }

  /** Null: its host as it is. */
  of(target: ir.Target): string | null {
    return this.#byTarget.get(target.name)?.subset ?? null;
  }

  destinationRules(): IstioObject[] {
    const byHost = Map.groupBy(this.#byTarget.values(), ({ host }) => host);
    return [...byHost].map(([host, ruled]) => destinationRule(host, ruled, this.#options));
  }
}

function ruledTarget(target: ir.Target, options: IstioOptions): Ruled | null {
  const destination = destinationOf(target, options);
  const policy = trafficPolicy(target);
  if (destination === null || policy === null) return null;
  const { host, service } = destination;
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
    exportTo: [...options.namespaces].toSorted(),
    subsets: [...subsets]
      .toSorted(([a], [b]) => compare(a, b))
      .map(([name, trafficPolicy]) => ({ name, trafficPolicy })),
  };
  return istioObject('DestinationRule', place, spec, options);
}

/** Null: it asks for nothing. */
export function trafficPolicy(target: ir.Target): JsonObject | null {
  const { connectTimeoutMs, maxConnections, maxRequests, outlierDetection } = target;
  const loadBalancer = balancing(target.loadBalancing);
  const asksForPool =
    connectTimeoutMs !== DEFAULTS.connectTimeoutMs ||
    maxConnections !== DEFAULTS.maxConnections ||
    maxRequests !== DEFAULTS.maxRequests;
  const policy = {
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
