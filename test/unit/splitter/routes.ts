/** Routes of a splitter for tests: written as a configuration, read back as a filter reads it. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { Problems } from '../../../filters/contract/fields.ts';
import { BUCKETS } from '../../../filters/contract/limits.ts';
import {
  decodeSplitterConfig,
  encodeSplitterConfig,
  SplitterConfig,
  SplitterRoute,
  SplitterVariant,
} from '../../../filters/contract/splitter-config.ts';
import { variantOfBucket } from '../../../filters/splitter/choice.ts';
import { compileSplitter, type RouteProgram } from '../../../filters/splitter/program.ts';

/** Names to weights; the order is that of the configuration. */
export type Weights = Readonly<Record<string, number>>;

export function splitterText(weights: Weights, name: string): string {
  const variants = Object.entries(weights).map(([variant, weight]) =>
    Object.assign(new SplitterVariant(), {
      name: variant,
      cluster: `default/${variant}`,
      weight,
      protocol: 'OpenInference',
    }),
  );
  const routes = [Object.assign(new SplitterRoute(), { name, variants })];
  return encodeSplitterConfig(Object.assign(new SplitterConfig(), { routes }));
}

export function routeOf(weights: Weights, name = 'default/digits'): RouteProgram {
  const problems = new Problems();
  const config = decodeSplitterConfig(splitterText(weights, name), problems);
  const program = config && compileSplitter(config, problems);
  assert.ok(program, problems.text());
  const route = program.find(name);
  assert.ok(route);
  return route;
}

/** The variant's name of each bucket. */
export function owners(weights: Weights, name?: string): string[] {
  const route = routeOf(weights, name);
  return Array.from({ length: BUCKETS }, (_, bucket) => {
    return route.variants[variantOfBucket(route, bucket)]?.name ?? '';
  });
}
