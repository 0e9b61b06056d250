/**
 * Rules over several fields of one object. A schema stops where a field is wrong; these run on
 * whatever the user wrote, so that all problems are found at once: they look before they read.
 */
import { type FieldPath, type Problem, problem } from './problem.ts';

/** Says what is wrong with a field of `spec`; `keys` start below `spec`. */
export type AddProblem = (keys: FieldPath, reason: string) => void;
export type Rule = (spec: Loose, add: AddProblem) => void;
/** An object of which nothing is known yet. */
export type Loose = Readonly<Record<string, unknown>>;

export function applyRules(rules: readonly Rule[], spec: unknown): Problem[] {
  const problems: Problem[] = [];
  const loose = looseObject(spec);
  for (const rule of rules) {
    rule(loose, (keys, reason) => problems.push(problem(['spec', ...keys], reason)));
  }
  return problems;
}

export function looseObject(value: unknown): Loose {
  return typeof value === 'object' && value !== null ? (value as Loose) : {};
}

export function looseList(value: unknown): readonly Loose[] {
  return Array.isArray(value) ? value.map(looseObject) : [];
}

/** Calls `repeated` for each text that an earlier entry has already; `at` says where that stands. */
export function findRepeated(
  entries: readonly { readonly text: unknown; readonly keys: FieldPath }[],
  repeated: (keys: FieldPath, first: FieldPath) => void,
): void {
  const firstAt = new Map<string, FieldPath>();
  for (const { text, keys } of entries) {
    if (typeof text !== 'string') continue;
    const first = firstAt.get(text);
    if (first === undefined) firstAt.set(text, keys);
    else repeated(keys, first);
  }
}
