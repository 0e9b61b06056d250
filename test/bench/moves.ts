/**
 * How many sticky clients an edit of the weights moves, and how exact their shares are: prints the tables of
 * `docs/splitting.md`. Counts, not times, so it needs no quiet machine: `npx node test/bench/moves.ts`.
 */
import { BUCKETS } from '../../filters/contract/limits.ts';
import { owners, type Weights } from '../unit/splitter/routes.ts';

const ROUTES = 100;
const NAMES = Array.from({ length: ROUTES }, (_, i) => `default/route-${i}`);

interface Edit {
  readonly name: string;
  readonly before: Weights;
  readonly after: Weights;
}

/** Variants in the order of the configuration, which matters to ranges. */
const EDITS: readonly Edit[] = [
  edit('90/10 to 80/20', { stable: 90, canary: 10 }, { stable: 80, canary: 20 }),
  edit('50/50 to 0/100', { stable: 50, canary: 50 }, { stable: 0, canary: 100 }),
  edit('99.99/0.01 to 99/1', { stable: 9999, canary: 1 }, { stable: 9900, canary: 100 }),
  edit('90/5/5 to 80/15/5', { a: 90, b: 5, c: 5 }, { a: 80, b: 15, c: 5 }),
  edit('90/5/5 to 80/5/15', { a: 90, b: 5, c: 5 }, { a: 80, b: 5, c: 15 }),
  edit('40/30/30 to 30/30/40', { a: 40, b: 30, c: 30 }, { a: 30, b: 30, c: 40 }),
  edit('60/20/20, the first removed', { a: 60, b: 20, c: 20 }, { b: 20, c: 20 }),
  edit('three equal, a fourth added last', equal(1, 3), equal(1, 4)),
  edit('three equal, a fourth added first', equal(2, 4), equal(1, 4)),
  edit('ten equal, the first set to 0', equal(1, 10), { ...equal(1, 10), v1: 0 }),
  edit('ten equal, the first doubled', equal(1, 10), { ...equal(1, 10), v1: 2 }),
];

function edit(name: string, before: Weights, after: Weights): Edit {
  return { name, before, after };
}

/** Variants `first` to `last`, of equal weight. */
function equal(first: number, last: number): Weights {
  const numbers = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  return Object.fromEntries(numbers.map((number) => [`v${number}`, 1]));
}

type Placement = (weights: Weights, route: string) => string[];

/** What cutting the buckets into one range a variant, in their order, would do. */
const ranges: Placement = (weights) => {
  const shares = sharesOf(weights);
  const list: string[] = [];
  let sum = 0;
  for (const [name, share] of Object.entries(shares)) {
    sum += share;
    while (list.length < Math.round(sum * BUCKETS)) list.push(name);
  }
  return list;
};

function sharesOf(weights: Weights): Record<string, number> {
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
  return Object.fromEntries(
    Object.entries(weights).map(([name, weight]) => [name, weight / total]),
  );
}

/** Share of the clients that must move for the shares to become the new ones. */
function leastMoved(before: Weights, after: Weights): number {
  const [was, is] = [sharesOf(before), sharesOf(after)];
  const names = new Set([...Object.keys(was), ...Object.keys(is)]);
  return (
    [...names].reduce((sum, name) => sum + Math.abs((is[name] ?? 0) - (was[name] ?? 0)), 0) / 2
  );
}

/** Shares of the clients that moved, and that moved between two variants of which no weight was edited. */
function moved(place: Placement, before: Weights, after: Weights): { all: number; others: number } {
  let all = 0;
  let others = 0;
  const isEdited = (name: string) => (before[name] ?? 0) !== (after[name] ?? 0);
  for (const route of NAMES) {
    const is = place(after, route);
    for (const [bucket, was] of place(before, route).entries()) {
      const now = is[bucket] ?? '';
      if (now === was) continue;
      all++;
      if (!isEdited(was) && !isEdited(now)) others++;
    }
  }
  return { all: all / ROUTES / BUCKETS, others: others / ROUTES / BUCKETS };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

console.log(
  '| edit | least possible | moved | of these, between unedited | ranges: moved | of these, between unedited |',
);
console.log('|---|---|---|---|---|---|');
for (const { name, before, after } of EDITS) {
  const [ours, theirs] = [moved(owners, before, after), moved(ranges, before, after)];
  const figures = [leastMoved(before, after), ours.all, ours.others, theirs.all, theirs.others];
  console.log(`| ${[name, ...figures.map(percent)].join(' | ')} |`);
}

console.log('\n| weight | standard deviation expected | measured | furthest of 100 routes |');
console.log('|---|---|---|---|');
for (const weight of [10, 100, 500, 1000, 2500, 5000]) {
  const share = weight / BUCKETS;
  const shares = NAMES.map((route) => {
    const list = owners({ stable: BUCKETS - weight, canary: weight }, route);
    return list.filter((name) => name === 'canary').length / BUCKETS;
  });
  const squares = shares.reduce((sum, one) => sum + (one - share) ** 2, 0);
  const furthest = shares.toSorted((a, b) => Math.abs(b - share) - Math.abs(a - share))[0] ?? 0;
  const expected = Math.sqrt((share * (1 - share)) / BUCKETS);
  const points = (value: number) => `${(value * 100).toFixed(2)} %`;
  const figures = [
    points(share),
    points(expected),
    points(Math.sqrt(squares / ROUTES)),
    points(furthest),
  ];
  console.log(`| ${figures.join(' | ')} |`);
}
