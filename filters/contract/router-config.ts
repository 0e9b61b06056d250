/** What the router must know: which (host, model) belongs to which route. Big, seldom changed. */
import { Fields, Problems } from './fields.ts';
import { JsonValue } from './json-reader.ts';
import { JsonObjectWriter } from './json-writer.ts';
import {
  CONTRACT_VERSION,
  MAX_HOLD_BYTES,
  MAX_MODEL_NAME_LENGTH,
  MAX_MODELS,
  MAX_NAME_LENGTH,
  MAX_ROUTES,
} from './limits.ts';

export class RouterRoute {
  /** `namespace/name` of the ModelRoute. */
  name: string = '';
  /** Key of the class of timeouts and retries in Envoy's route table. */
  routeClass: string = '';
  /** Keep scanning after the model is known, and refuse a second, different one. */
  strict: boolean = true;
}

export class RouterModel {
  /** The name a client says: the model's own or an alias. */
  model: string = '';
  /** Index into `RouterConfig.routes`. */
  route: i32 = 0;
}

export class RouterHost {
  /** A host name, `*.suffix`, or `*`; lower case, no port. */
  hostname: string = '';
  models: RouterModel[] = [];
}

export class RouterConfig {
  disabled: boolean = false;
  /** Most bytes of a body held until its model is known. Source: `limits.ts`. */
  maxHoldBytes: i32 = 0;
  routes: RouterRoute[] = [];
  hosts: RouterHost[] = [];
}

/** The configuration in `text`, or null with every problem in `problems`. */
export function decodeRouterConfig(text: string, problems: Problems): RouterConfig | null {
  const fields = Fields.open(text, problems);
  if (fields === null) return null;
  const config = new RouterConfig();
  config.disabled = fields.bool('disabled');
  config.maxHoldBytes = fields.int('maxHoldBytes', 0, MAX_HOLD_BYTES);
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
  route.routeClass = fields.name('routeClass', MAX_NAME_LENGTH);
  route.strict = fields.bool('strict');
  fields.end();
  return route;
}

function decodeHost(value: JsonValue, index: i32, routes: i32, problems: Problems): RouterHost {
  const fields = new Fields(value, 'hosts', index, problems);
  const path = fields.at('models');
  const host = new RouterHost();
  host.hostname = fields.name('hostname', MAX_NAME_LENGTH);
  const models = fields.list('models', MAX_MODELS);
  for (let i = 0; i < models.length; i++) {
    const inner = new Fields(models[i], path, i, problems);
    const model = new RouterModel();
    model.model = inner.name('model', MAX_MODEL_NAME_LENGTH);
    model.route = inner.int('route', 0, routes - 1);
    inner.end();
    host.models.push(model);
  }
  fields.end();
  return host;
}

export function encodeRouterConfig(config: RouterConfig): string {
  const writer = new JsonObjectWriter();
  writer.int('version', CONTRACT_VERSION);
  writer.bool('disabled', config.disabled);
  writer.int('maxHoldBytes', config.maxHoldBytes);
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
  const writer = new JsonObjectWriter();
  writer.string('hostname', host.hostname);
  writer.list('models', models);
  return writer.text();
}
