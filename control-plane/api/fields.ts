/**
 * The building blocks of every kind's schema. Each says in full what its field must be, because that
 * sentence is all a user sees; limits are given as plain bounds and patterns, so that the same schema
 * can be turned into the JSON schema of a CRD.
 */
import { z } from 'zod';

type Issue = { readonly input?: unknown };

export function wholeNumber(min: number, max: number) {
  const error = reason(`a whole number from ${min} to ${max}`);
  return z.int({ error }).min(min, { error }).max(max, { error });
}

export function flag() {
  return z.boolean({ error: reason('true or false') });
}

export function choice<const T extends readonly [string, ...string[]]>(values: T) {
  return z.enum(values, { error: reason(`one of ${values.join(', ')}`) });
}

/** A string of 1 to `maxLength` characters; `must` describes it, as in "a header name". */
export function text(must: string, maxLength: number, pattern: RegExp) {
  const error = reason(`${must}, at most ${maxLength} characters`);
  return z.string({ error }).min(1, { error }).max(maxLength, { error }).regex(pattern, { error });
}

export function list<T extends z.ZodType>(item: T, min: number, max: number) {
  const error = reason(
    min > 0 ? `a list of ${min} to ${max} items` : `a list of at most ${max} items`,
  );
  return z.array(item, { error }).min(min, { error }).max(max, { error });
}

/** An object without any field but those of `shape`. */
export function object<T extends z.core.$ZodLooseShape>(shape: T) {
  const known = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `unknown field; known here: ${known}`
        : reason(`an object with ${known}`)(issue),
  });
}

export function reason(must: string): (issue: Issue) => string {
  return ({ input }) =>
    input === undefined ? `is missing: must be ${must}` : `must be ${must}; got ${shown(input)}`;
}

const SHOWN_LENGTH = 60;

/** A value as it is quoted in a message: short, whatever it is. */
export function shown(input: unknown): string {
  if (input === null) return 'nothing (give it a value, or remove the field)';
  if (Array.isArray(input))
    return input.length === 0 ? 'an empty list' : `a list of ${input.length}`;
  if (typeof input === 'object') return 'an object';
  const written = typeof input === 'string' ? JSON.stringify(input) : String(input);
  return written.length > SHOWN_LENGTH ? `${written.slice(0, SHOWN_LENGTH)}...` : written;
}
