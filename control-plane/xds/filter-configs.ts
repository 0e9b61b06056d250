/** The mesh as each filter must know it, in the words of the filters' contract. */
import {
  BatcherConfig,
  BatcherRoute,
  encodeBatcherConfig,
} from '../../filters/contract/batcher-config.ts';
import { encodeRewriterConfig, RewriterConfig } from '../../filters/contract/rewriter-config.ts';
import {
  encodeRouterConfig,
  RouterConfig,
  RouterHost,
  RouterModel,
  RouterRoute,
} from '../../filters/contract/router-config.ts';
import {
  encodeSplitterConfig,
  SplitterConfig,
  SplitterRoute,
  SplitterVariant,
} from '../../filters/contract/splitter-config.ts';
import type * as ir from '../ir/mesh.ts';
import type { Limits } from './options.ts';
import { routeClass } from './route-classes.ts';

export function routerConfig(mesh: ir.Mesh, limits: Limits): string {
  const config = new RouterConfig();
  config.maxHoldBytes = limits.maxHoldBytes;
  const hosts = new Map<string, RouterModel[]>();
  for (const [index, route] of mesh.routes.entries()) {
    const entry = new RouterRoute();
    entry.name = route.name;
    entry.routeClass = routeClass(route).name;
    entry.strict = route.modelScan === 'strict';
    config.routes.push(entry);
    for (const claim of route.claims) {
      const model = new RouterModel();
      model.model = claim.model;
      model.route = index;
      const models = hosts.get(claim.hostname);
      if (models === undefined) hosts.set(claim.hostname, [model]);
      else models.push(model);
    }
  }
  for (const hostname of [...hosts.keys()].sort()) {
    const host = new RouterHost();
    host.hostname = hostname;
    host.models = (hosts.get(hostname) ?? []).toSorted((a, b) => (a.model < b.model ? -1 : 1));
    config.hosts.push(host);
  }
  return encodeRouterConfig(config);
}

/** A route without any weight has no cluster to name: left out here, its requests get 503. */
export function splitterConfig(mesh: ir.Mesh): string {
  const config = new SplitterConfig();
  for (const route of mesh.routes) {
    if (route.variants.every((variant) => variant.weight === 0)) continue;
    const entry = new SplitterRoute();
    entry.name = route.name;
    entry.stickyHeader = route.stickyHeader ?? '';
    entry.variantHeader = route.variantHeader;
    entry.variants = route.variants.map((variant) => {
      const item = new SplitterVariant();
      item.name = variant.name;
      item.cluster = variant.target;
      item.weight = variant.weight;
      return item;
    });
    config.routes.push(entry);
  }
  return encodeSplitterConfig(config);
}

export function batcherConfig(mesh: ir.Mesh, limits: Limits): string {
  const config = new BatcherConfig();
  config.maxHeldBytes = limits.maxBatcherHeldBytes;
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

export function rewriterConfig(target: ir.Target): string {
  const config = new RewriterConfig();
  config.servedModel = target.servedModel ?? '';
  config.servedVersion = target.servedVersion ?? '';
  return encodeRewriterConfig(config);
}
