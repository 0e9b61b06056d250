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
} from '../../filters/contract/router-config.ts';
import {
  encodeSplitterConfig,
  SplitterConfig,
  SplitterRoute,
  SplitterVariant,
} from '../../filters/contract/splitter-config.ts';
import type * as ir from '../ir/mesh.ts';
import type { TranslateOptions } from './options.ts';
import { isDefaultClass, routeClass } from './route-classes.ts';
import { routerHosts } from './router-claims.ts';

export function routerConfig(mesh: ir.Mesh, options: TranslateOptions): string {
  const { limits, modelHeader, accessLog } = options;
  const config = new RouterConfig();
  const grpc = new Set(
    mesh.targets.filter((one) => one.protocol === 'OpenInferenceGRPC').map((one) => one.name),
  );
  config.maxHoldBytes = limits.maxHoldBytes;
  config.maxHeldBytes = limits.maxHeldBytes;
  config.defaultOverLimit = limits.overHoldLimit === 'default-route';
  config.modelHeader = modelHeader ?? '';
  config.noteFacts = accessLog !== null;
  config.metadataTimeoutMs = limits.metadataTimeoutMs;
  config.routes = mesh.routes.map((route) => {
    const entry = new RouterRoute();
    entry.name = route.name;
    entry.routeClass = isDefaultClass(route) ? '' : routeClass(route).name;
    entry.strict = route.modelScan === 'strict';
    entry.batched = route.batching !== null;
    entry.grpc = route.variants.some(({ target }) => grpc.has(target));
    return entry;
  });
  config.hosts = routerHosts(mesh.routes);
  return encodeRouterConfig(config);
}

/** A route without any weight has no cluster to name: left out here, its requests get 503. */
export function splitterConfig(mesh: ir.Mesh, revision = 0): string {
  const config = new SplitterConfig();
  config.revision = revision;
  const targets = new Map(mesh.targets.map((target) => [target.name, target]));
  for (const route of mesh.routes) {
    if (route.variants.every((variant) => variant.weight === 0)) continue;
    const entry = new SplitterRoute();
    entry.name = route.name;
    entry.stickyHeader = route.stickyHeader ?? '';
    entry.stickyField = route.stickyField ?? '';
    entry.variantHeader = route.variantHeader;
    entry.variants = route.variants.map((variant) => {
      const item = new SplitterVariant();
      item.name = variant.name;
      item.cluster = variant.target;
      item.weight = variant.weight;
      const target = targets.get(variant.target);
      item.servedModel = target?.servedModel ?? '';
      item.servedVersion = target?.servedVersion ?? '';
      item.protocol = target?.protocol ?? '';
      return item;
    });
    config.routes.push(entry);
  }
  return encodeSplitterConfig(config);
}

export function batcherConfig(mesh: ir.Mesh, options: TranslateOptions): string {
  const config = new BatcherConfig();
  config.maxHeldBytes = options.limits.maxBatcherHeldBytes;
  for (const route of mesh.routes) {
    if (route.batching === null) continue;
    const entry = new BatcherRoute();
    entry.name = route.name;
    entry.maxRows = route.batching.maxRows;
    entry.maxBytes = route.batching.maxBytes;
    entry.maxDelayMs = route.batching.maxDelayMs;
    entry.maxInFlight = route.batching.maxInFlight;
    entry.timeoutMs = route.batching.timeoutMs;
    entry.identityHeaders = [...route.batching.identityHeaders];
    entry.sizeHeaders = route.batching.sizeHeaders;
    config.routes.push(entry);
  }
  return encodeBatcherConfig(config);
}
