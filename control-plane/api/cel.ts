/**
 * What a schema says beyond JSON Schema, for the API server: rules in CEL, and what makes items of a list
 * the same. The same rules hold for files, where `rules.ts` and its siblings say them in TypeScript.
 */
import type { z } from 'zod';

export interface CelRule {
  /** True of a good value, which is `self`. */
  readonly rule: string;
  /** The words of the same rule in TypeScript. */
  readonly message: string;
  /** Below `self`: `.batching.timeoutMs`. */
  readonly fieldPath?: string;
}

/** https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules */
export function withRules<T extends z.ZodType>(schema: T, ...rules: readonly CelRule[]): T {
  return schema.meta({ ...schema.meta(), 'x-kubernetes-validations': rules });
}

/** A list of different texts, which several owners may add to. */
export function setOf<T extends z.ZodType>(list: T): T {
  return list.meta({ ...list.meta(), 'x-kubernetes-list-type': 'set' });
}

/** A list of objects that differ in these fields together. */
export function mapOf<T extends z.ZodType>(list: T, ...keys: readonly string[]): T {
  return list.meta({
    ...list.meta(),
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': keys,
  });
}
