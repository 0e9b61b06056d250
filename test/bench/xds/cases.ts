/** Sizes that are measured, and what is common to all of them. */
import type { BenchOptions } from '../options.ts';
import type { Mode } from './discovery-messages.ts';

export interface Case {
  /** `1000 proxies x 100 routes, delta`. */
  readonly name: string;
  readonly proxies: number;
  readonly routes: number;
  readonly mode: Mode;
}

const SIZES = [
  { proxies: 1000, routes: 100 },
  { proxies: 100, routes: 1000 },
] as const;

/** `scale`: a share of each size, to try the benchmark out. */
export function casesOf({ scale }: BenchOptions): Case[] {
  return SIZES.flatMap((size) => {
    const proxies = Math.max(2, Math.round(size.proxies * scale));
    const routes = Math.max(2, Math.round(size.routes * scale));
    return (['delta', 'sotw'] as const).map((mode) => {
      return { name: `${proxies} proxies x ${routes} routes, ${mode}`, proxies, routes, mode };
    });
  });
}

const CHANGES_PER_ROUND = 10;

export function changesOf({ rounds }: BenchOptions): number {
  return rounds * CHANGES_PER_ROUND;
}

/** Nearest rank. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
