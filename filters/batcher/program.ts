/** The batcher's configuration, made ready for requests. */
import { BatcherConfig, BatcherRoute } from '../contract/batcher-config.ts';

/** Ticks per longest wait: how late a batch may go at most. */
const TICKS_PER_DELAY: i32 = 4;

export class RouteProgram {
  name: string = '';
  maxRows: i32 = 0;
  maxBytes: i32 = 0;
  maxDelayMs: i32 = 0;
  maxInFlight: i32 = 0;
  timeoutMs: i32 = 0;
  /** Lower case. */
  identityHeaders: string[] = [];
  peerIdentity: boolean = false;
  /** Lower case; empty: none. */
  deadlineHeader: string = '';
  retryFailed: boolean = true;
  sizeHeaders: boolean = true;
  grpc: boolean = false;
}

export class BatcherProgram {
  maxHeldBytes: i32 = 0;
  /** Time between ticks while something waits. */
  tickMs: i32 = 1;
  routes: Map<string, RouteProgram> = new Map<string, RouteProgram>();
}

/** Of two routes with one name the first counts. A disabled configuration has no routes. */
export function compile(config: BatcherConfig): BatcherProgram {
  const program = new BatcherProgram();
  program.maxHeldBytes = config.maxHeldBytes;
  if (config.disabled) return program;
  let shortest: i32 = 0;
  for (let i = 0; i < config.routes.length; i++) {
    const route = compileRoute(config.routes[i]);
    if (shortest == 0 || route.maxDelayMs < shortest) shortest = route.maxDelayMs;
    if (!program.routes.has(route.name)) program.routes.set(route.name, route);
  }
  program.tickMs = i32(Math.max(1, Math.floor(f64(shortest) / f64(TICKS_PER_DELAY))));
  return program;
}

function compileRoute(config: BatcherRoute): RouteProgram {
  const route = new RouteProgram();
  route.name = config.name;
  route.maxRows = config.maxRows;
  route.maxBytes = config.maxBytes;
  route.maxDelayMs = config.maxDelayMs;
  route.maxInFlight = config.maxInFlight;
  route.timeoutMs = config.timeoutMs;
  route.peerIdentity = config.peerIdentity;
  route.deadlineHeader = config.deadlineHeader.toLowerCase();
  route.retryFailed = config.retryFailed;
  route.sizeHeaders = config.sizeHeaders;
  route.grpc = config.grpc;
  for (let i = 0; i < config.identityHeaders.length; i++) {
    route.identityHeaders.push(config.identityHeaders[i].toLowerCase());
  }
  return route;
}
