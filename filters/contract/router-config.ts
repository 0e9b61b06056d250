/** What the router must know: which (host, model) belongs to which route. Big, seldom changed. */
import { Fields, Problems } from './fields.ts';
import { JsonValue } from './json-reader.ts';
import { JsonObjectWriter } from './json-writer.ts';
import {
  CONTRACT_VERSION,
  MAX_CALL_TIMEOUT_MS,
  MAX_HELD_BYTES,
  MAX_HOLD_BYTES,
  MAX_MATCH_HEADERS,
  MAX_MODEL_NAME_LENGTH,
  MAX_MODELS,
  MAX_NAME_LENGTH,
  MAX_ROUTES,
} from './limits.ts';

/** To callers that send the header `DECISION_REQUEST_HEADER`, or to all. */
export const TELL_ON_REQUEST: string = 'OnRequest';
export const TELL_ALWAYS: string = 'Always';
export const DECISIONS_TOLD: string[] = [TELL_ON_REQUEST, TELL_ALWAYS];

export class RouterRoute {
  /** `namespace/name` of the ModelRoute. */
  name: string = '';
  /** Key of the class of timeouts in Envoy's route table; empty: the default one. */
  routeClass: string = '';
  /** Keep scanning after the model is known, and refuse a second, different one. */
  strict: boolean = true;
  /** Whether the batcher looks at its requests: then the route is named in a header. */
  batched: boolean = false;
  /** Whether its backends speak gRPC: one of them may be asked about servers as a whole. */
  grpc: boolean = false;
  /** Whether callers are told why a request went where it did: one of `DECISIONS_TOLD`. */
  tellDecision: string = '';
}

/** A model's name that a route owns on any condition. */
export class RouterModel {
  /** The name a client says: the model's own or an alias. */
  model: string = '';
  /** Index into `RouterConfig.routes`. */
  route: i32 = 0;
}

export class HeaderCondition {
  /** Lower case. */
  name: string = '';
  /** The whole value. */
  value: string = '';
}

/** A model's name, or all names that begin so, which a route owns if the conditions hold. */
export class RouterClaim {
  /** A whole name, or the beginning of names; the empty one begins them all. */
  model: string = '';
  prefix: boolean = false;
  /** The version that the request must name; empty: any, or none. */
  version: string = '';
  /** One of `PROTOCOLS`; empty: any. */
  protocol: string = '';
  headers: HeaderCondition[] = [];
  /** Index into `RouterConfig.routes`. */
  route: i32 = 0;
}

export class RouterHost {
  /** A host name, `*.suffix`, or `*`; lower case, no port. */
  hostname: string = '';
  models: RouterModel[] = [];
  /** In order of precedence: of those with one name, the first whose conditions hold wins. */
  claims: RouterClaim[] = [];
}

export class RouterConfig {
  disabled: boolean = false;
  /** Whether requests pass by until the splitter's configuration has come, too; else they get 503. */
  passUnready: boolean = false;
  /** Most bytes of one body held until its model is known. Source: `limits.ts`. */
  maxHoldBytes: i32 = 0;
  /** Most bytes of all bodies so held, in all workers of the proxy. */
  maxHeldBytes: i32 = 0;
  /** A body whose model does not come in time goes to the host's default route, if there is one. */
  defaultOverLimit: boolean = false;
  /** Request header that names the model where nothing else does, lower case; empty: none. */
  modelHeader: string = '';
  /** Whether to note route and variant of each request: what outcomes are counted by. */
  noteOutcome: boolean = false;
  /** Whether to note the rest of what the access log says of a request. */
  noteFacts: boolean = false;
  /** Longest wait for a backend's word on its model's metadata. */
  metadataTimeoutMs: i32 = 1;
  routes: RouterRoute[] = [];
  hosts: RouterHost[] = [];
}

/** The configuration in `text`, or null with every problem in `problems`. */
export function decodeRouterConfig(text: string, problems: Problems): RouterConfig | null {
  const fields = Fields.open(text, problems);
  if (fields === null) return null;
  const config = new RouterConfig();
  config.disabled = fields.bool('disabled');
  config.passUnready = fields.optionalBool('passUnready');
  config.maxHoldBytes = fields.int('maxHoldBytes', 0, MAX_HOLD_BYTES);
  config.maxHeldBytes = fields.int('maxHeldBytes', 0, MAX_HELD_BYTES);
  config.defaultOverLimit = fields.bool('defaultOverLimit');
  config.modelHeader = fields.string('modelHeader', MAX_NAME_LENGTH);
  config.noteOutcome = fields.bool('noteOutcome');
  config.noteFacts = fields.bool('noteFacts');
  config.metadataTimeoutMs = fields.int('metadataTimeoutMs', 1, MAX_CALL_TIMEOUT_MS);
  const routes = fields.list('routes', MAX_ROUTES);
  for (let i = 0; i < routes.length; i++) {
    config.routes.push(decodeRoute(routes[i], i, problems));
  }
  const hosts = fields.list('hosts', MAX_ROUTES);
  for (let i = 0; i < hosts.length; i++) {
    config.hosts.push(decodeHost(hosts[i], i, config.routes.length, problems));
  }
  fields.end();
  return problems.list.length == 0 ? config : null;
}

function decodeRoute(value: JsonValue, index: i32, problems: Problems): RouterRoute {
  const fields = new Fields(value, 'routes', index, problems);
  const route = new RouterRoute();
  route.name = fields.name('name', MAX_NAME_LENGTH * 2 + 1);
  route.routeClass = fields.string('routeClass', MAX_NAME_LENGTH);
  route.strict = fields.bool('strict');
  route.batched = fields.bool('batched');
  route.grpc = fields.bool('grpc');
  if (fields.has('tellDecision')) {
    route.tellDecision = fields.string('tellDecision', MAX_NAME_LENGTH);
    if (DECISIONS_TOLD.indexOf(route.tellDecision) < 0) {
      problems.add(fields.at('tellDecision'), 'must be one of ' + DECISIONS_TOLD.join(', '));
    }
  }
  fields.end();
  return route;
}

function decodeHost(value: JsonValue, index: i32, routes: i32, problems: Problems): RouterHost {
  const fields = new Fields(value, 'hosts', index, problems);
  const host = new RouterHost();
  host.hostname = fields.name('hostname', MAX_NAME_LENGTH);
  const models = fields.list('models', MAX_MODELS);
  for (let i = 0; i < models.length; i++) {
    const inner = new Fields(models[i], fields.at('models'), i, problems);
    const model = new RouterModel();
    model.model = inner.name('model', MAX_MODEL_NAME_LENGTH);
    model.route = inner.int('route', 0, routes - 1);
    inner.end();
    host.models.push(model);
  }
  const claims = fields.list('claims', MAX_MODELS);
  for (let i = 0; i < claims.length; i++) {
    const inner = new Fields(claims[i], fields.at('claims'), i, problems);
    host.claims.push(decodeClaim(inner, routes, problems));
  }
  fields.end();
  return host;
}

function decodeClaim(fields: Fields, routes: i32, problems: Problems): RouterClaim {
  const claim = new RouterClaim();
  claim.model = fields.string('model', MAX_MODEL_NAME_LENGTH);
  claim.prefix = fields.bool('prefix');
  claim.version = fields.string('version', MAX_MODEL_NAME_LENGTH);
  claim.protocol = fields.string('protocol', MAX_NAME_LENGTH);
  claim.route = fields.int('route', 0, routes - 1);
  const headers = fields.list('headers', MAX_MATCH_HEADERS);
  for (let i = 0; i < headers.length; i++) {
    const inner = new Fields(headers[i], fields.at('headers'), i, problems);
    const header = new HeaderCondition();
    header.name = inner.name('name', MAX_NAME_LENGTH);
    header.value = inner.string('value', MAX_MODEL_NAME_LENGTH);
    inner.end();
    claim.headers.push(header);
  }
  fields.end();
  return claim;
}

export function encodeRouterConfig(config: RouterConfig): string {
  const writer = new JsonObjectWriter();
  writer.int('version', CONTRACT_VERSION);
  writer.bool('disabled', config.disabled);
  writer.optionalBool('passUnready', config.passUnready);
  writer.int('maxHoldBytes', config.maxHoldBytes);
  writer.int('maxHeldBytes', config.maxHeldBytes);
  writer.bool('defaultOverLimit', config.defaultOverLimit);
  writer.string('modelHeader', config.modelHeader);
  writer.bool('noteOutcome', config.noteOutcome);
  writer.bool('noteFacts', config.noteFacts);
  writer.int('metadataTimeoutMs', config.metadataTimeoutMs);
  const routes: string[] = [];
  for (let i = 0; i < config.routes.length; i++) routes.push(encodeRoute(config.routes[i]));
  writer.list('routes', routes);
  const hosts: string[] = [];
  for (let i = 0; i < config.hosts.length; i++) hosts.push(encodeHost(config.hosts[i]));
  writer.list('hosts', hosts);
  return writer.text();
}

function encodeRoute(route: RouterRoute): string {
  const writer = new JsonObjectWriter();
  writer.string('name', route.name);
  writer.string('routeClass', route.routeClass);
  writer.bool('strict', route.strict);
  writer.bool('batched', route.batched);
  writer.bool('grpc', route.grpc);
  if (route.tellDecision.length > 0) writer.string('tellDecision', route.tellDecision);
  return writer.text();
}

function encodeHost(host: RouterHost): string {
  const models: string[] = [];
  for (let i = 0; i < host.models.length; i++) {
    const inner = new JsonObjectWriter();
    inner.string('model', host.models[i].model);
    inner.int('route', host.models[i].route);
    models.push(inner.text());
  }
  const claims: string[] = [];
  for (let i = 0; i < host.claims.length; i++) claims.push(encodeClaim(host.claims[i]));
  const writer = new JsonObjectWriter();
  writer.string('hostname', host.hostname);
  writer.list('models', models);
  writer.list('claims', claims);
  return writer.text();
}

function encodeClaim(claim: RouterClaim): string {
  const headers: string[] = [];
  for (let i = 0; i < claim.headers.length; i++) {
    const inner = new JsonObjectWriter();
    inner.string('name', claim.headers[i].name);
    inner.string('value', claim.headers[i].value);
    headers.push(inner.text());
  }
  const writer = new JsonObjectWriter();
  writer.string('model', claim.model);
  writer.bool('prefix', claim.prefix);
  writer.string('version', claim.version);
  writer.string('protocol', claim.protocol);
  writer.list('headers', headers);
  writer.int('route', claim.route);
  return writer.text();
}
