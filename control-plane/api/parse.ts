/** From what a user wrote to a typed object with its defaults, or to everything that is wrong. */
import type { z } from 'zod';
import { reason, shown } from './fields.ts';
import { kindNamed, kindNames, type Resource } from './kinds.ts';
import { type Problem, problem } from './problem.ts';
import { applyRules } from './rules.ts';

export type Parsed =
  | { readonly ok: true; readonly value: Resource }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Never throws. `problems` holds all of them, each with its field. */
export function parse(raw: unknown): Parsed {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    return { ok: false, problems: [problem([], reason('an object')({ input: raw }))] };
  }
  const name = (raw as { kind?: unknown }).kind;
  const kind = typeof name === 'string' ? kindNamed(name) : undefined;
  if (kind === undefined) {
    const got = name === undefined ? 'is missing' : `${shown(name)} is not known`;
    return { ok: false, problems: [problem(['kind'], `${got}: must be one of ${kindNames()}`)] };
  }
  const result = kind.schema.safeParse(raw);
  const broken = applyRules(kind.rules, (raw as { spec?: unknown }).spec);
  if (result.success && broken.length === 0) return { ok: true, value: result.data };
  const issues = result.error?.issues.flatMap(toProblems) ?? [];
  return { ok: false, problems: distinct([...issues, ...broken]) };
}

function toProblems(issue: z.core.$ZodIssue): Problem[] {
  const keys = issue.path.map((key) => (typeof key === 'number' ? key : String(key)));
  if (issue.code !== 'unrecognized_keys') return [problem(keys, issue.message)];
  return issue.keys.map((key): Problem => problem([...keys, key], issue.message));
}

/** Two bounds of one field fail with the same sentence; a user needs it once. */
function distinct(problems: readonly Problem[]): Problem[] {
  const seen = new Set<string>();
  return problems.filter(({ path, reason }) => {
    const key = `${path}\0${reason}`;
    return !seen.has(key) && seen.add(key);
  });
}
