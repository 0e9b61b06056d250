/**
 * The splitter's configuration in shards: each is a resource of its own, and a new weight of a route sends those
 * few routes again that are in its shard.
 */
import { createHash } from 'node:crypto';
import { MAX_SHARDS } from '../../filters/contract/limits.ts';
import { shardOf } from '../../filters/contract/shards.ts';
import {
  encodeSplitterLines,
  SplitterConfig,
  splitterLines,
} from '../../filters/contract/splitter-config.ts';
import type * as ir from '../ir/mesh.ts';
import { takesRequests } from './attempts.ts';
import type { ShardRevisions } from './revisions.ts';
import { ENVOY_NAMES, splitterRoute, type VariantNames } from './splitter-entries.ts';
import { targetsByName } from './targets.ts';

/** The part of the chain's module that the shards configure, and the name of the only shard. */
export const SPLITTER = 'modelweir.splitter';

/** As many as a shard has on average at most, while there may be more shards. */
const ROUTES_PER_SHARD = 16;
/** Of a configuration's name in the access log: enough to tell it from any other of the same mesh. */
const LABEL_LENGTH = 8;

export interface SplitterShard {
  /** Of the resource, and of the filter that has it. */
  readonly name: string;
  readonly configuration: string;
}

/** A power of two, so that it seldom changes: then all routes are sent again. */
export function shardCount(routes: number): number {
  let shards = 1;
  while (shards < MAX_SHARDS && shards * ROUTES_PER_SHARD < routes) shards *= 2;
  return shards;
}

/** `modelweir.splitter`, or `modelweir.splitter.3-of-16`: of another number they are other resources. */
export function shardNames(shards: number): string[] {
  if (shards === 1) return [SPLITTER];
  return Array.from({ length: shards }, (_, shard) => `${SPLITTER}.${shard}-of-${shards}`);
}

/** Always all of them, those without routes too. */
export function splitterShards(
  mesh: ir.Mesh,
  revisions?: ShardRevisions,
  shards = shardCount(mesh.routes.length),
): SplitterShard[] {
  const names = shardNames(shards);
  const parts = shardConfigs(mesh, shards, ENVOY_NAMES).map((config) => {
    return { config, lines: splitterLines(config) };
  });
  const texts = parts.map(({ config, lines }) => encodeSplitterLines(config, lines));
  const told = revisions?.of(new Map(texts.map((text, shard) => [names[shard] ?? '', text])));
  return parts.map(({ config, lines }, shard) => {
    // Of what it says alone: one that comes back has the name that it had.
    config.label = labelOf(texts[shard] ?? '');
    config.revision = told?.[shard] ?? 0;
    return { name: names[shard] ?? '', configuration: encodeSplitterLines(config, lines) };
  });
}

/** All in one, for a proxy that has its clusters from somebody else. `revision`: see `revisions.ts`. */
export function wholeSplitter(mesh: ir.Mesh, revision: number, names: VariantNames): string {
  const [config = new SplitterConfig()] = shardConfigs(mesh, 1, names);
  const lines = splitterLines(config);
  config.label = labelOf(encodeSplitterLines(config, lines));
  config.revision = revision;
  return encodeSplitterLines(config, lines);
}

/** A route without any weight has no cluster to name: left out here, its requests get 503. */
function shardConfigs(mesh: ir.Mesh, shards: number, names: VariantNames): SplitterConfig[] {
  const targets = targetsByName(mesh);
  const configs = Array.from({ length: shards }, (_, shard) =>
    Object.assign(new SplitterConfig(), { shard, shards }),
  );
  for (const route of mesh.routes) {
    if (!takesRequests(route)) continue;
    configs[shardOf(route.name, shards)]?.routes.push(splitterRoute(route, targets, names));
  }
  return configs;
}

function labelOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, LABEL_LENGTH);
}
