/** From what shall be in the cluster, and what is, to what must be written. Pure. */
import { keyText, type ObjectKey } from '../store/object-store.ts';
import type { CachedObject } from './object-cache.ts';

/** An object as we apply it. */
export interface WantedObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: object;
}

export interface Plan {
  readonly applies: readonly WantedObject[];
  readonly deletes: readonly CachedObject[];
  /** Wanted, and somebody else has an object of that name: it is never touched. */
  readonly taken: readonly CachedObject[];
}

/**
 * @param kept neither written nor deleted.
 * @param present all objects of the kinds that we write.
 */
export function planWrites(
  wanted: readonly WantedObject[],
  kept: readonly WantedObject[],
  present: readonly CachedObject[],
): Plan {
  const byKey = new Map(present.map((object) => [keyText(object), object]));
  const wantedKeys = new Set([...wanted, ...kept].map((object) => keyText(keyOf(object))));
  const taken: CachedObject[] = [];
  const applies = wanted.filter((object) => {
    const found = byKey.get(keyText(keyOf(object)));
    if (found === undefined) return true;
    if (!found.isOurs) taken.push(found);
    return found.isOurs && !holds(found, object);
  });
  const deletes = present.filter((one) => one.isOurs && !wantedKeys.has(keyText(one)));
  return { applies, deletes, taken };
}

export function keyOf({ kind, metadata }: WantedObject): ObjectKey {
  return { kind, namespace: metadata.namespace, name: metadata.name };
}

/**
 * Whether the object says all that is wanted of it. It may say more: defaults of the server, and other
 * people's labels. What we no longer want changes the annotation with the hash of the content.
 */
export function holds(found: CachedObject, { metadata, spec }: WantedObject): boolean {
  return (
    includes(found.labels, metadata.labels) &&
    includes(found.annotations, metadata.annotations ?? {}) &&
    includes(found.spec, spec)
  );
}

function includes(actual: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(actual) &&
      actual.length === wanted.length &&
      wanted.every((item, index) => includes(actual[index], item))
    );
  }
  if (typeof wanted !== 'object' || wanted === null) return actual === wanted;
  if (typeof actual !== 'object' || actual === null || Array.isArray(actual)) return false;
  const fields = actual as Readonly<Record<string, unknown>>;
  return Object.entries(wanted).every(
    ([name, value]) => value === undefined || includes(fields[name], value),
  );
}
