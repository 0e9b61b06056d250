/**
 * Walks a list of JSON, flat or nested, and finds its shape and what it is made of. Lists in one depth must
 * all be equally long. What its numbers are is left to whoever reads them.
 */
import { CLOSE_LIST, isSpace, OPEN_LIST, OPEN_OBJECT, stringEnd } from '../../wire/tensor-scan.ts';

const MAX_DEPTH: i32 = 16;
const QUOTE: i32 = 0x22;
const COMMA: i32 = 0x2c;

export class NestedList {
  /** Length of the lists in each depth, the outermost first. */
  dimensions: i32[] = [];
  /** Numbers and words, and strings. */
  numbers: i32 = 0;
  texts: i32 = 0;
  /** Whether all numbers are written without point and exponent, and there is no word. */
  whole: boolean = true;

  private bytes: Uint8Array;
  private at: i32 = 0;
  private depth: i32 = 0;
  /** The depth of lists that hold no lists; -1: not known yet. */
  private leafDepth: i32 = -1;
  /** Elements so far of the open list in each depth. */
  private counts: i32[] = [];

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Walks the list at `from`. Returns the byte after it, or -1. */
  walk(from: i32): i32 {
    const bytes = this.bytes;
    const size = bytes.length;
    this.at = from;
    if (from >= size || i32(unchecked(bytes[from])) != OPEN_LIST || !this.open()) return -1;
    let afterValue = false;
    let afterOpen = true;
    while (this.at < size) {
      const c = i32(unchecked(bytes[this.at]));
      if (c == COMMA) {
        if (!afterValue) return -1;
        afterValue = false;
        this.at++;
      } else if (c == CLOSE_LIST) {
        if ((!afterValue && !afterOpen) || !this.close()) return -1;
        if (this.depth == 0) return this.at;
        afterValue = true;
        afterOpen = false;
      } else if (isSpace(c)) {
        this.at++;
      } else {
        if (afterValue) return -1;
        this.counts[this.depth - 1] += 1;
        afterOpen = c == OPEN_LIST;
        afterValue = !afterOpen;
        if (!(afterOpen ? this.open() : this.leaf(c))) return -1;
      }
    }
    return -1;
  }

  private open(): boolean {
    this.depth++;
    this.at++;
    if (this.depth > MAX_DEPTH || (this.leafDepth >= 0 && this.depth > this.leafDepth))
      return false;
    if (this.counts.length < this.depth) {
      this.counts.push(0);
      this.dimensions.push(-1);
    } else {
      this.counts[this.depth - 1] = 0;
    }
    return true;
  }

  private close(): boolean {
    const index = this.depth - 1;
    const count = this.counts[index];
    if (count == 0 && !this.isLeafDepth()) return false;
    if (this.dimensions[index] < 0) this.dimensions[index] = count;
    this.depth--;
    this.at++;
    return this.dimensions[index] == count;
  }

  private isLeafDepth(): boolean {
    if (this.leafDepth < 0) this.leafDepth = this.depth;
    return this.leafDepth == this.depth;
  }

  private leaf(c: i32): boolean {
    if (!this.isLeafDepth() || c == OPEN_OBJECT) return false;
    if (c == QUOTE) {
      const end = stringEnd(this.bytes, this.at + 1);
      this.at = end + 1;
      this.texts++;
      return end >= 0;
    }
    this.numbers++;
    const bytes = this.bytes;
    let at = this.at;
    while (at < bytes.length) {
      const next = i32(unchecked(bytes[at]));
      if (next == COMMA || next == CLOSE_LIST || isSpace(next)) break;
      if (next == OPEN_LIST || next == QUOTE) return false;
      if (next > 0x39 || next == 0x2e) this.whole = false;
      at++;
    }
    this.at = at;
    return true;
  }
}
