/** Random sequences of what people and rollouts do to the weights of a route. */
import { BUCKETS, MAX_VARIANTS } from '../../../filters/contract/limits.ts';
import { randomSource } from '../../harness/random.ts';
import type { Weights } from './routes.ts';

/** One edit: `name` is the only variant whose weight it changes; a missing variant weighs 0. */
export interface WeightEdit {
  readonly name: string;
  readonly before: Weights;
  /** The same variants but for `name`, in another order. */
  readonly after: Weights;
}

/** `count` edits, each of what the one before left: weights set, variants added and removed. */
export function* weightEdits(seed: number, count: number): Generator<WeightEdit> {
  const random = randomSource(seed);
  const size = 1 + random(MAX_VARIANTS);
  const start = Array.from({ length: size }, (_, i) => [`v${i}`, weightOf(random)] as const);
  let before = withSome(Object.fromEntries(start));
  for (let edit = 0; edit < count; edit++) {
    const [name, weight] = editOf(before, edit, random);
    const rest = Object.entries(before).filter(([other]) => other !== name);
    const entries = weight === null ? rest : [...rest, [name, weight] as const];
    const after = Object.fromEntries(shuffled(entries, random));
    if (!Object.values(after).some((value) => value > 0)) continue;
    yield { name, before, after };
    before = after;
  }
}

/** A variant and its new weight; null: it is removed. */
function editOf(
  weights: Weights,
  edit: number,
  random: (bound: number) => number,
): [string, number | null] {
  const names = Object.keys(weights);
  const name = names[random(names.length)] ?? '';
  const kind = random(8);
  if (kind === 0 && names.length < MAX_VARIANTS) return [`new${edit}`, weightOf(random)];
  if (kind === 1 && names.length > 1) return [name, null];
  return [name, weightOf(random)];
}

/** Of the edges more than their share: nothing, one hundredth of a percent, all. */
function weightOf(random: (bound: number) => number): number {
  const edges = [0, 0, 1, BUCKETS];
  return edges[random(12)] ?? random(BUCKETS + 1);
}

function withSome(weights: Weights): Weights {
  return Object.values(weights).some((weight) => weight > 0) ? weights : { ...weights, v0: 1 };
}

function shuffled<T>(items: readonly T[], random: (bound: number) => number): T[] {
  const list = [...items];
  for (let i = list.length - 1; i > 0; i--) {
    const j = random(i + 1);
    [list[i], list[j]] = [list[j] as T, list[i] as T];
  }
  return list;
}
