/** Routes and the shards that say them, as the control plane writes them. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { Problems } from '../../../filters/contract/fields.ts';
import { shardOf } from '../../../filters/contract/shards.ts';
import {
  encodeSplitterConfig,
  SplitterConfig,
  SplitterRoute,
  SplitterVariant,
} from '../../../filters/contract/splitter-config.ts';
import type { SplitterProgram } from '../../../filters/splitter/program.ts';
import { recompileSplitter } from '../../../filters/splitter/recompile.ts';
import { type ShardSet, setOf } from '../../../filters/splitter/shard-set.ts';

export interface ShardRoute {
  readonly weight: number;
  readonly field: string;
}

/** By name. */
export type ShardRoutes = ReadonlyMap<string, ShardRoute>;

export function shardText(routes: ShardRoutes, shard: number, shards: number): string {
  const config = Object.assign(new SplitterConfig(), { shard, shards });
  for (const [name, { weight, field }] of [...routes].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (shardOf(name, shards) !== shard) continue;
    const variant = Object.assign(new SplitterVariant(), { name: 'a', cluster: 'c', weight });
    const route = Object.assign(new SplitterRoute(), { name, stickyField: field });
    route.variants = [variant];
    config.routes.push(route);
  }
  return encodeSplitterConfig(config);
}

/** As the chain reads it, with what it knows already. */
export function shardProgram(
  routes: ShardRoutes,
  shard: number,
  shards: number,
  known: ShardSet = setOf([]),
): SplitterProgram {
  const problems = new Problems();
  const { program } = recompileSplitter(shardText(routes, shard, shards), known, problems);
  return program ?? assert.fail(problems.text());
}

/** What a request of this route would find; null: nothing. */
export function found(set: ShardSet, name: string): ShardRoute | null {
  const program = set.programOf(name);
  const route = program?.find(name);
  if (program == null || route == null) return null;
  const place = program.placesIn(set.fields)[route.stickyField] ?? -1;
  return { weight: route.variants[0]?.weight ?? 0, field: set.fields.paths[place] ?? '' };
}
