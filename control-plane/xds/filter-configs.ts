/** The mesh as each filter must know it, in the words of the filters' contract. */
import {
  BatcherConfig,
  BatcherRoute,
  encodeBatcherConfig,
} from '../../filters/contract/batcher-config.ts';
import {
  encodeRouterConfig,
  RouterConfig,
  RouterRoute,
  TELL_ALWAYS,
  TELL_ON_REQUEST,
} from '../../filters/contract/router-config.ts';
import type * as ir from '../ir/mesh.ts';
import type { TranslateOptions } from './options.ts';
import { isDefault, routeClass } from './route-classes.ts';
import { routerHosts } from './router-claims.ts';
import { targetsByName, targetsOf } from './targets.ts';

const DECISIONS_TOLD: Readonly<Record<ir.Responses['decisionHeader'], string>> = {
  never: '',
  'on-request': TELL_ON_REQUEST,
  always: TELL_ALWAYS,
};

/** What the proxy around the router has. */
export interface RouterSurroundings {
  /** A route table by classes. */
  readonly hasClasses: boolean;
  readonly hasBatcher: boolean;
  /** Somewhere to go for requests that pass by, before the splitter is there. */
  readonly hasOwnRoutes: boolean;
}

const OWN_PROXY: RouterSurroundings = { hasClasses: true, hasBatcher: true, hasOwnRoutes: false };

export function routerConfig(
  mesh: ir.Mesh,
  options: TranslateOptions,
  { hasClasses, hasBatcher, hasOwnRoutes } = OWN_PROXY,
): string {
  const { limits, modelHeader, accessLog } = options;
  const config = new RouterConfig();
  const targets = targetsByName(mesh);
  config.passUnready = hasOwnRoutes;
  config.maxHoldBytes = limits.maxHoldBytes;
  config.maxHeldBytes = limits.maxHeldBytes;
  config.defaultOverLimit = limits.overHoldLimit === 'default-route';
  config.modelHeader = modelHeader ?? '';
  // The access log says both.
  config.noteOutcome = options.outcomeMetrics || accessLog !== null;
  config.noteFacts = accessLog !== null;
  config.metadataTimeoutMs = limits.metadataTimeoutMs;
  config.routes = mesh.routes.map((route) => {
    const entry = new RouterRoute();
    entry.name = route.name;
    const ofRoute = routeClass(route, targets);
    entry.routeClass = isDefault(ofRoute) || !hasClasses ? '' : ofRoute.name;
    entry.strict = route.modelScan === 'strict';
    entry.batched = route.batching !== null && hasBatcher;
    entry.grpc = targetsOf(route, targets).some((one) => one.protocol === 'OpenInferenceGRPC');
    entry.tellDecision = DECISIONS_TOLD[route.responses.decisionHeader];
    return entry;
  });
  config.hosts = routerHosts(mesh.routes);
  return encodeRouterConfig(config);
}

export function batcherConfig(mesh: ir.Mesh, options: TranslateOptions): string {
  const batched = mesh.routes.flatMap(({ name, batching }) => {
    return batching === null ? [] : [[name, batching] as const];
  });
  return batcherConfigOf(batched, options);
}

/** Of routes by their names. */
export function batcherConfigOf(
  routes: readonly (readonly [name: string, batching: ir.Batching])[],
  options: TranslateOptions,
): string {
  const config = new BatcherConfig();
  config.maxHeldBytes = options.limits.maxBatcherHeldBytes;
  for (const [name, batching] of routes) {
    const entry = new BatcherRoute();
    entry.name = name;
    entry.maxRows = batching.maxRows;
    entry.maxBytes = batching.maxBytes;
    entry.maxDelayMs = batching.maxDelayMs;
    entry.maxInFlight = batching.maxInFlight;
    entry.timeoutMs = batching.timeoutMs;
    entry.identityHeaders = [...batching.identityHeaders];
    entry.peerIdentity = batching.peerIdentity;
    entry.deadlineHeader = batching.deadlineHeader ?? '';
    entry.retryFailed = batching.retryFailed;
    entry.sizeHeaders = batching.sizeHeaders;
    entry.grpc = batching.grpc;
    config.routes.push(entry);
  }
  return encodeBatcherConfig(config);
}
