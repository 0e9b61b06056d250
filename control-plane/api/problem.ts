/** What is wrong with one field of one object. */

/** From the object's root to a field: keys of mappings and indexes of lists. */
export type FieldPath = readonly (string | number)[];

export interface Problem {
  /** As a user writes it: `spec.variants[1].weight`; empty for the object as a whole. */
  readonly path: string;
  readonly keys: FieldPath;
  /** What the field must be, what it was, and the fix where there is one. */
  readonly reason: string;
}

export function problem(keys: FieldPath, reason: string): Problem {
  return { path: formatPath(keys), keys, reason };
}

export function formatPath(keys: FieldPath): string {
  let text = '';
  for (const key of keys) {
    if (typeof key === 'number') text += `[${key}]`;
    else if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(key)) text += `[${JSON.stringify(key)}]`;
    else text += text === '' ? key : `.${key}`;
  }
  return text;
}

/** All problems in one line, for a condition's message. */
export function problemsText(problems: readonly Problem[]): string {
  return problems
    .map(({ path, reason }) => (path === '' ? reason : `${path}: ${reason}`))
    .join('; ');
}
