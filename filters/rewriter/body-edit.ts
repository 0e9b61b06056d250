/**
 * Replacements in a body, and the only owner of their arithmetic: a content-length that differs from the
 * bytes sent makes the next request on the connection begin inside this one.
 */
import { formatDecimal, parseDecimal } from '../wire/decimal.ts';

class Replacement {
  offset: i32;
  length: i32;
  bytes: Uint8Array;

  constructor(offset: i32, length: i32, bytes: Uint8Array) {
    this.offset = offset;
    this.length = length;
    this.bytes = bytes;
  }
}

export class BodyEdit {
  private parts: Replacement[] = [];

  /** Puts `bytes` in the place of `length` bytes at `offset`. Call in the order of the body. */
  replace(offset: i32, length: i32, bytes: Uint8Array): BodyEdit {
    this.parts.push(new Replacement(offset, length, bytes));
    return this;
  }

  /** As `replace`, for a place before all others. */
  before(offset: i32, length: i32, bytes: Uint8Array): BodyEdit {
    this.parts.unshift(new Replacement(offset, length, bytes));
    return this;
  }

  /** Index after the last replacement: so many bytes must be there before the edit can be made. */
  end(): i32 {
    const count = this.parts.length;
    return count == 0 ? 0 : this.parts[count - 1].offset + this.parts[count - 1].length;
  }

  /** Bytes that the body gains. */
  growth(): i32 {
    let growth = 0;
    for (let i = 0; i < this.parts.length; i++) {
      growth += this.parts[i].bytes.length - this.parts[i].length;
    }
    return growth;
  }

  /** The content-length after the edit; empty where `before` is none, or ends before the edit does. */
  contentLength(before: string): string {
    const length = parseDecimal(before);
    return length < f64(this.end()) ? '' : formatDecimal(length + f64(this.growth()));
  }

  /**
   * Edits the body that stands at `start` to `start + size` of `bytes` without a copy of it: the shorter
   * side of the edit is moved, into the room before or behind the body. Returns where the body begins
   * then, or -1 where it ends before the edit does, there is no room, or `apply` has to be used.
   */
  applyAt(bytes: Uint8Array, start: i32, size: i32): i32 {
    if (start < 0 || size < this.end() || start + size > bytes.length) return -1;
    const growth = this.growth();
    const begin = this.end() > size >> 1 ? start : start - growth;
    if (begin < 0 || begin + size + growth > bytes.length || this.isMixed()) return -1;
    // Pieces move to the left or to the right, all of them: none may be overwritten before it has moved.
    const moved = begin == start ? growth : -growth;
    if (moved > 0) this.moveFromLast(bytes, start, size, begin + size + growth);
    else this.moveFromFirst(bytes, start, size, begin);
    return begin;
  }

  /** The first `size` bytes of the body, edited, as a new array; null where they end before the edit. */
  apply(bytes: Uint8Array, size: i32): Uint8Array | null {
    if (size < this.end() || size > bytes.length) return null;
    const out: Uint8Array = new Uint8Array(size + this.growth());
    let from = 0;
    let to = 0;
    for (let i = 0; i < this.parts.length; i++) {
      const part = this.parts[i];
      out.set(bytes.subarray(from, part.offset), to);
      to += part.offset - from;
      out.set(part.bytes, to);
      to += part.bytes.length;
      from = part.offset + part.length;
    }
    out.set(bytes.subarray(from, size), to);
    return out;
  }

  /** Whether some replacements are longer and some shorter than what they replace. */
  private isMixed(): boolean {
    let grows = false;
    let shrinks = false;
    for (let i = 0; i < this.parts.length; i++) {
      const growth = this.parts[i].bytes.length - this.parts[i].length;
      if (growth > 0) grows = true;
      if (growth < 0) shrinks = true;
    }
    return grows && shrinks;
  }

  private moveFromFirst(bytes: Uint8Array, start: i32, size: i32, begin: i32): void {
    let from = 0;
    let to = begin;
    for (let i = 0; i < this.parts.length; i++) {
      const part = this.parts[i];
      move(bytes, start + from, start + part.offset, to);
      to += part.offset - from;
      bytes.set(part.bytes, to);
      to += part.bytes.length;
      from = part.offset + part.length;
    }
    move(bytes, start + from, start + size, to);
  }

  private moveFromLast(bytes: Uint8Array, start: i32, size: i32, end: i32): void {
    let until = size;
    let to = end;
    for (let i = this.parts.length - 1; i >= 0; i--) {
      const part = this.parts[i];
      const from = part.offset + part.length;
      to -= until - from;
      move(bytes, start + from, start + until, to);
      to -= part.bytes.length;
      bytes.set(part.bytes, to);
      until = part.offset;
    }
    move(bytes, start, start + until, to - until);
  }
}

/** Moves bytes `from` to `until` so that they begin at `to`. */
function move(bytes: Uint8Array, from: i32, until: i32, to: i32): void {
  if (from != to) bytes.copyWithin(to, from, until);
}
