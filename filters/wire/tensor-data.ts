/**
 * Walks a tensor's `data` list, flat or nested by rows, and counts what is in it. Cutting works on the
 * same walk: it notes where given runs of elements begin and end, in one pass over the bytes.
 */
import { CLOSE_LIST, isSpace, OPEN_LIST, stringEnd, tokenEnd } from './tensor-scan.ts';

const MAX_DEPTH: i32 = 32;
const QUOTE: i32 = 0x22;
const COMMA: i32 = 0x2c;

/** Nothing to cut. */
export const NO_RUNS: i32[] = [];

export class DataWalk {
  /** Numbers, strings and words, at whatever depth. */
  leaves: i32 = 0;
  /** Elements of the outermost list. */
  elements: i32 = 0;
  /** Whether the elements are lists themselves, all of them with equally many leaves. */
  nested: boolean = false;
  /** Deepest list, the outermost being 1. */
  levels: i32 = 1;
  /** First byte after the opening bracket. */
  start: i32 = 0;
  /** The closing bracket. */
  end: i32 = 0;
  /** Start and end of each run asked for, in turns. */
  cuts: i32[] = NO_RUNS;

  private bytes: Uint8Array;
  private at: i32 = 0;
  private depth: i32 = 0;
  private elementLeaves: i32 = -1;
  private leavesBefore: i32 = 0;
  /** Elements in each run, the current run, and its first element. */
  private runs: i32[];
  private run: i32 = 0;
  private runStart: i32 = 0;

  /** `runs` has the number of elements of each run to cut, or is empty. */
  constructor(bytes: Uint8Array, runs: i32[]) {
    this.bytes = bytes;
    this.runs = runs;
    if (runs.length > 0) this.cuts = [];
  }

  /** Walks the list at `from`, which must be its bracket. Returns the byte after it, or -1. */
  walk(from: i32): i32 {
    const bytes = this.bytes;
    const size = bytes.length;
    if (from >= size || i32(unchecked(bytes[from])) != OPEN_LIST) return -1;
    this.start = from + 1;
    this.at = from + 1;
    this.depth = 1;
    let afterValue = false;
    let afterOpen = true;
    while (this.at < size) {
      const c = i32(unchecked(bytes[this.at]));
      if (c == COMMA) {
        if (!afterValue) return -1;
        afterValue = false;
        this.at++;
      } else if (c == CLOSE_LIST) {
        if (!afterValue && !afterOpen) return -1;
        if (!this.close()) return -1;
        if (this.depth == 0) return this.at;
        afterValue = true;
        afterOpen = false;
      } else if (isSpace(c)) {
        this.at++;
      } else {
        if (afterValue) return -1;
        afterOpen = c == OPEN_LIST;
        afterValue = !afterOpen;
        if (!(afterOpen ? this.open() : this.leaf(c))) return -1;
      }
    }
    return -1;
  }

  private open(): boolean {
    if (this.depth == 1) {
      if (this.elements == 0) this.nested = true;
      else if (!this.nested) return false;
      this.leavesBefore = this.leaves;
      this.elementStarts(this.at);
    }
    this.depth++;
    this.at++;
    if (this.depth > this.levels) this.levels = this.depth;
    return this.depth <= MAX_DEPTH;
  }

  private close(): boolean {
    this.depth--;
    this.at++;
    if (this.depth == 0) {
      this.end = this.at - 1;
      return true;
    }
    if (this.depth > 1) return true;
    const leaves = this.leaves - this.leavesBefore;
    if (this.elementLeaves >= 0 && leaves != this.elementLeaves) return false;
    this.elementLeaves = leaves;
    this.elementEnds();
    return true;
  }

  private leaf(c: i32): boolean {
    const from = this.at;
    if (c == QUOTE) {
      const end = stringEnd(this.bytes, from + 1);
      if (end < 0) return false;
      this.at = end + 1;
    } else {
      this.at = tokenEnd(this.bytes, from);
      if (this.at == from) return false;
    }
    this.leaves++;
    if (this.depth > 1) return true;
    if (this.nested) return false;
    this.elementStarts(from);
    this.elementEnds();
    return true;
  }

  private elementStarts(at: i32): void {
    if (this.run < this.runs.length && this.elements == this.runStart) this.cuts.push(at);
  }

  private elementEnds(): void {
    this.elements++;
    if (this.run >= this.runs.length) return;
    const length = unchecked(this.runs[this.run]);
    if (this.elements - this.runStart != length) return;
    this.cuts.push(this.at);
    this.runStart = this.elements;
    this.run++;
  }
}
