/**
 * Fields of a JSON body that somebody wants besides the model: found by their keys, one unit after the
 * other, so that no key is ever kept.
 */
import { MAX_BODY_FIELDS } from '../contract/limits.ts';

/** The paths that are wanted, `user` or `metadata.tenant`. Made once per configuration. */
export class FieldList {
  paths: string[] = [];

  /** Index of a path, added where it is new; -1 where there is no room. */
  add(path: string): i32 {
    const index = this.paths.indexOf(path);
    if (index >= 0) return index;
    if (this.paths.length >= MAX_BODY_FIELDS) return -1;
    this.paths.push(path);
    return this.paths.length - 1;
  }
}

/** What one body has at these paths. The first of two equal keys counts. */
export class FieldValues {
  private list: FieldList;
  private texts: string[] = [];
  private seen: u32 = 0;
  /** Paths that the key at hand may still be part of. */
  private alive: u32 = 0;
  /** Units of those paths that were matched. */
  private matched: i32 = 0;
  /** Paths that go on below the object at hand, and where. */
  private inside: u32 = 0;
  private insideAt: i32 = 0;
  /** The path whose value comes next, or -1. */
  next: i32 = -1;

  constructor(list: FieldList) {
    this.list = list;
    for (let i = 0; i < list.paths.length; i++) this.texts.push('');
  }

  /** A value was found, or the body is past it: what there is of it is in `text`. */
  has(index: i32): boolean {
    return index >= 0 && index < this.texts.length && (this.seen & (u32(1) << u32(index))) != 0;
  }

  /** A string's text, or a number, `true` or `false` as it is written; else empty. */
  text(index: i32): string {
    return index >= 0 && index < this.texts.length ? this.texts[index] : '';
  }

  set(text: string): void {
    const index = this.next;
    this.next = -1;
    if (index < 0 || this.has(index)) return;
    this.texts[index] = text;
    this.seen |= u32(1) << u32(index);
  }

  /** What comes from here on counts as missing. */
  close(): void {
    this.seen = ~u32(0);
  }

  /** A key begins: of the body, or of the object below one of its keys. */
  beginKey(isTop: boolean): void {
    this.next = -1;
    this.matched = isTop ? 0 : this.insideAt;
    this.alive = isTop ? ~u32(0) : this.inside;
    if (isTop) this.inside = 0;
  }

  /** The next unit of the key. */
  unit(unit: i32): void {
    const at = this.matched++;
    if (this.alive == 0) return;
    const paths = this.list.paths;
    for (let i = 0; i < paths.length; i++) {
      const path = paths[i];
      if (at >= path.length || path.charCodeAt(at) != unit || unit == 0x2e) {
        this.alive &= ~(u32(1) << u32(i));
      }
    }
  }

  /** The key ends: its value is one that is wanted, or may have such values inside. */
  endKey(isTop: boolean): void {
    const paths = this.list.paths;
    for (let i = 0; i < paths.length; i++) {
      const bit = u32(1) << u32(i);
      if ((this.alive & bit) == 0) continue;
      const path = paths[i];
      if (path.length == this.matched) this.next = i;
      else if (isTop && path.charCodeAt(this.matched) == 0x2e) this.inside |= bit;
    }
    if (isTop) this.insideAt = this.matched + 1;
  }

  /** Whether keys of the object below the top-level key at hand are wanted. */
  wantsInside(): boolean {
    return this.inside != 0;
  }
}
