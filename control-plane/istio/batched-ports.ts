/** Ports of Services to which requests come that may be joined, and how far. */
import type * as ir from '../ir/mesh.ts';
import type { Targets } from '../xds/targets.ts';
import { targetsOf } from '../xds/targets.ts';
import { compare, type IstioProblem } from './objects.ts';
import type { IstioOptions } from './options.ts';
import { isHttp, splitName } from './service-names.ts';

export interface BatchedPort {
  readonly service: ir.Service;
  readonly port: ir.ServicePort;
  /** Where its pods listen. */
  readonly targetPorts: readonly number[];
  /** What the batcher's counters call it: the first of its routes. */
  readonly name: string;
  readonly batching: ir.Batching;
  readonly protocol: ir.Protocol;
  readonly connectTimeoutMs: number;
  /** The longest of its routes. */
  readonly timeoutMs: number;
}

export interface BatchedPorts {
  /** Sorted by Service and port. */
  readonly ports: readonly BatchedPort[];
  readonly problems: readonly IstioProblem[];
}

interface Batched {
  readonly route: ir.Route;
  readonly batching: ir.Batching;
  readonly target: ir.Target;
}

export function batchedPorts(
  routes: readonly ir.Route[],
  services: readonly ir.Service[],
  targets: Targets,
  options: IstioOptions,
): BatchedPorts {
  const problems: IstioProblem[] = [];
  const byPort = new Map<string, Batched[]>();
  for (const route of routes) {
    const { batching } = route;
    if (batching === null) continue;
    for (const target of targetsOf(route, targets)) {
      const { service } = target;
      const why = service === null ? ENDPOINTS : notJoinedAt(target, service, services, options);
      if (why !== null) {
        problems.push(unsupported(route, `requests to ${target.name} are not joined: ${why}`));
      } else if (service !== null) {
        const key = `${service.name} ${service.port}`;
        byPort.set(key, [...(byPort.get(key) ?? []), { route, batching, target }]);
      }
    }
  }
  const ports: BatchedPort[] = [];
  for (const key of [...byPort.keys()].toSorted(compare)) {
    const batched = byPort.get(key) ?? [];
    const [first] = batched;
    if (first === undefined) continue;
    ports.push(batchedPort(batched, first, services));
    problems.push(...differences(batched, first));
  }
  return { ports, problems };
}

const ENDPOINTS =
  'they are joined in the proxies of the pods of a Service: give the ModelBackend a service';

/** Null: they are. */
function notJoinedAt(
  { tls }: ir.Target,
  ref: ir.ServiceRef,
  services: readonly ir.Service[],
  { namespaces }: IstioOptions,
): string | null {
  const { namespace } = splitName(ref.name);
  const service = services.find(({ name }) => name === ref.name);
  const port = portOf(service, ref);
  if (tls !== null) return 'the proxies of its pods cannot read what comes by TLS of its own';
  if (!namespaces.includes(namespace)) {
    return `namespace ${namespace} does not want its proxies extended: label it modelweir.dev/inject=true`;
  }
  if (service === undefined || service.selector.length === 0) {
    return `Service ${ref.name} selects no pods: give it a selector`;
  }
  if (port === undefined || port.targetPorts.length === 0) {
    return `no pod of Service ${ref.name} says where it listens for port ${ref.port}: none is ready yet`;
  }
  if (!isHttp(port)) return `port ${ref.port} of Service ${ref.name} is not HTTP to Istio`;
  return null;
}

function portOf(service: ir.Service | undefined, ref: ir.ServiceRef): ir.ServicePort | undefined {
  return service?.ports.find((one) => one.port === ref.port);
}

function batchedPort(
  batched: readonly Batched[],
  { route, target }: Batched,
  services: readonly ir.Service[],
): BatchedPort {
  const service = services.find(({ name }) => name === target.service?.name);
  const port = target.service && portOf(service, target.service);
  if (service === undefined || !port) throw new Error('a port that is batched is known');
  return {
    ...{ service, port, targetPorts: port.targetPorts },
    name: route.name,
    // Callers are told apart by the identities that the mesh gives them, whatever a route says: their
    // requests come from one proxy without a mesh, and from their own here.
    batching: { ...batched.map((one) => one.batching).reduce(mostCautious), peerIdentity: true },
    protocol: target.protocol,
    connectTimeoutMs: target.connectTimeoutMs,
    timeoutMs: Math.max(...batched.map((one) => one.route.timeoutMs)),
  };
}

/** What both allow. */
function mostCautious(a: ir.Batching, b: ir.Batching): ir.Batching {
  return {
    maxRows: Math.min(a.maxRows, b.maxRows),
    maxBytes: Math.min(a.maxBytes, b.maxBytes),
    maxDelayMs: Math.min(a.maxDelayMs, b.maxDelayMs),
    maxInFlight: Math.max(a.maxInFlight, b.maxInFlight),
    timeoutMs: Math.max(a.timeoutMs, b.timeoutMs),
    identityHeaders: [...new Set([...a.identityHeaders, ...b.identityHeaders])].toSorted(),
    peerIdentity: a.peerIdentity || b.peerIdentity,
    deadlineHeader: a.deadlineHeader ?? b.deadlineHeader,
    retryFailed: a.retryFailed && b.retryFailed,
    sizeHeaders: a.sizeHeaders || b.sizeHeaders,
    grpc: a.grpc && b.grpc,
  };
}

function differences(batched: readonly Batched[], first: Batched): IstioProblem[] {
  return batched
    .filter(({ batching }) => JSON.stringify(batching) !== JSON.stringify(first.batching))
    .map(({ route, target }) => {
      const reason =
        `is not as that of ModelRoute ${first.route.name}, and both send requests to ` +
        `${target.service?.name}, whose proxies cannot tell them apart: what both allow counts`;
      return { route: route.name, reason: 'BatchingMerged', message: `spec.batching ${reason}` };
    });
}

function unsupported({ name }: ir.Route, message: string): IstioProblem {
  return { route: name, reason: 'BatchingNotSupported', message: `spec.batching: ${message}` };
}
