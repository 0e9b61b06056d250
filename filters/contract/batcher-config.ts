/** What the batcher must know: which routes it may join requests of, and how far. */
import { Fields, Problems } from './fields.ts';
import { JsonValue } from './json-reader.ts';
import { JsonObjectWriter } from './json-writer.ts';
import {
  CONTRACT_VERSION,
  MAX_BATCH_BYTES,
  MAX_BATCH_DELAY_MS,
  MAX_BATCH_ROWS,
  MAX_BATCHES_IN_FLIGHT,
  MAX_HOLD_BYTES,
  MAX_IDENTITY_HEADERS,
  MAX_NAME_LENGTH,
  MAX_ROUTES,
  MAX_TIMEOUT_MS,
} from './limits.ts';

export class BatcherRoute {
  /** `namespace/name` of the ModelRoute. */
  name: string = '';
  /** Most rows in one call. */
  maxRows: i32 = 0;
  /** Most bytes of one call's body. */
  maxBytes: i32 = 0;
  /** Longest wait of a held request for what is in flight, in milliseconds. */
  maxDelayMs: i32 = 0;
  /** Most calls in flight for one key. */
  maxInFlight: i32 = 0;
  /** Longest time of one call, in milliseconds. */
  timeoutMs: i32 = 0;
  /** Requests join only when these headers are equal: nobody's answer reaches another caller. */
  identityHeaders: string[] = [];
  /** Whether the client's certificate must be the same too: where the proxy ends mTLS. */
  peerIdentity: boolean = false;
  /** Request header with the milliseconds that its caller waits, lower case; empty: none. */
  deadlineHeader: string = '';
  /**
   * Whether the members of a call that brought no answer, or a server's error, are sent again, each on its own
   * way; else each gets that error.
   */
  retryFailed: boolean = true;
  /** Whether the response says how many requests and rows shared its call, and how long it waited. */
  sizeHeaders: boolean = true;
  /** Whether gRPC requests are joined: their answers take a way of their own through the proxy. */
  grpc: boolean = false;
}

export class BatcherConfig {
  disabled: boolean = false;
  /** Most bytes of bodies held by one worker; past it requests go on unbatched. */
  maxHeldBytes: i32 = 0;
  routes: BatcherRoute[] = [];
}

/** The configuration in `text`, or null with every problem in `problems`. */
export function decodeBatcherConfig(text: string, problems: Problems): BatcherConfig | null {
  const fields = Fields.open(text, problems);
  if (fields === null) return null;
  const config = new BatcherConfig();
  config.disabled = fields.bool('disabled');
  config.maxHeldBytes = fields.int('maxHeldBytes', 0, MAX_HOLD_BYTES);
  const routes = fields.list('routes', MAX_ROUTES);
  for (let i = 0; i < routes.length; i++) {
    config.routes.push(decodeRoute(routes[i], i, problems));
  }
  fields.end();
  return problems.list.length == 0 ? config : null;
}

function decodeRoute(value: JsonValue, index: i32, problems: Problems): BatcherRoute {
  const fields = new Fields(value, 'routes', index, problems);
  const route = new BatcherRoute();
  route.name = fields.name('name', MAX_NAME_LENGTH * 2 + 1);
  route.maxRows = fields.int('maxRows', 1, MAX_BATCH_ROWS);
  route.maxBytes = fields.int('maxBytes', 1, MAX_BATCH_BYTES);
  route.maxDelayMs = fields.int('maxDelayMs', 1, MAX_BATCH_DELAY_MS);
  route.maxInFlight = fields.int('maxInFlight', 1, MAX_BATCHES_IN_FLIGHT);
  route.timeoutMs = fields.int('timeoutMs', 1, MAX_TIMEOUT_MS);
  route.identityHeaders = fields.strings('identityHeaders', MAX_IDENTITY_HEADERS, MAX_NAME_LENGTH);
  route.peerIdentity = fields.bool('peerIdentity');
  route.deadlineHeader = fields.string('deadlineHeader', MAX_NAME_LENGTH);
  route.retryFailed = fields.bool('retryFailed');
  route.sizeHeaders = fields.bool('sizeHeaders');
  route.grpc = fields.bool('grpc');
  fields.end();
  return route;
}

export function encodeBatcherConfig(config: BatcherConfig): string {
  const routes: string[] = [];
  for (let i = 0; i < config.routes.length; i++) routes.push(encodeRoute(config.routes[i]));
  const writer = new JsonObjectWriter();
  writer.int('version', CONTRACT_VERSION);
  writer.bool('disabled', config.disabled);
  writer.int('maxHeldBytes', config.maxHeldBytes);
  writer.list('routes', routes);
  return writer.text();
}

function encodeRoute(route: BatcherRoute): string {
  const writer = new JsonObjectWriter();
  writer.string('name', route.name);
  writer.int('maxRows', route.maxRows);
  writer.int('maxBytes', route.maxBytes);
  writer.int('maxDelayMs', route.maxDelayMs);
  writer.int('maxInFlight', route.maxInFlight);
  writer.int('timeoutMs', route.timeoutMs);
  writer.strings('identityHeaders', route.identityHeaders);
  writer.bool('peerIdentity', route.peerIdentity);
  writer.string('deadlineHeader', route.deadlineHeader);
  writer.bool('retryFailed', route.retryFailed);
  writer.bool('sizeHeaders', route.sizeHeaders);
  writer.bool('grpc', route.grpc);
  return writer.text();
}
