/**
 * The raw objects that count now, by kind, namespace and name. Owns identity and whether a change
 * mattered; must not know where objects come from or what they mean.
 */
import { isDeepStrictEqual } from 'node:util';
import type { RawObject } from './object.ts';

export interface ObjectKey {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export class ObjectStore {
  private readonly objects = new Map<string, RawObject>();

  get size(): number {
    return this.objects.size;
  }

  get(key: ObjectKey): RawObject | undefined {
    return this.objects.get(keyText(key));
  }

  /** Whether it mattered: a new object, a new content, or a new place that messages must name. */
  insert(object: RawObject): boolean {
    const key = keyText(object);
    const before = this.objects.get(key);
    this.objects.set(key, object);
    return before === undefined || !isSame(before, object);
  }

  /** Whether there was such an object. */
  remove(key: ObjectKey): boolean {
    return this.objects.delete(keyText(key));
  }

  /** Makes these all that there is; whether anything mattered. */
  replace(objects: readonly RawObject[]): boolean {
    const kept = new Set(objects.map(keyText));
    let mattered = false;
    for (const object of this.list()) {
      if (!kept.has(keyText(object))) mattered = this.remove(object) || mattered;
    }
    for (const object of objects) mattered = this.insert(object) || mattered;
    return mattered;
  }

  /** Sorted by kind, namespace and name. */
  list(): RawObject[] {
    return [...this.objects.entries()]
      .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([, object]) => object);
  }
}

/** One text per object; the separator sorts before every character of a name. */
export function keyText({ kind, namespace, name }: ObjectKey): string {
  return `${kind}\0${namespace}\0${name}`;
}

function isSame(a: RawObject, b: RawObject): boolean {
  const samePlace = a.origin.file === b.origin.file && a.origin.line === b.origin.line;
  return samePlace && isDeepStrictEqual(a.raw, b.raw);
}
