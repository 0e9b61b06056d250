/**
 * Walks a list, counts what is in it, and notes where given runs of its elements begin and end, in one
 * pass over the bytes. Nothing is allocated per element.
 */
import { END, JsonScan, MAX_DEPTH, MORE, OPEN_LIST } from './json-scan.ts';
import { numberEnd } from './json-text.ts';

const COMMA: i32 = 0x2c;
const CLOSE_LIST: i32 = 0x5d;

/** Nothing to cut. */
export const NO_RUNS: i32[] = [];

export class ListWalk {
  /** First byte of the first element. */
  start: i32 = 0;
  /** The closing bracket. */
  end: i32 = 0;
  elements: i32 = 0;
  /** Of a tensor's data: numbers, strings and words, at whatever depth. */
  leaves: i32 = 0;
  /** Of a tensor's data: the deepest list, the outermost being 1. Above 1, the elements are rows. */
  levels: i32 = 1;
  /** Start and end of each run, in turns. */
  cuts: i32[] = NO_RUNS;

  private runs: i32[];
  private run: i32 = -1;
  /** Counts of elements at which a run begins and ends. */
  private runStart: i32 = -1;
  private runEnd: i32 = -1;

  /** `runs` has the number of elements of each run to cut, at least 1 each, or is empty. */
  constructor(runs: i32[]) {
    this.runs = runs;
    if (runs.length > 0) {
      this.cuts = [];
      this.nextRun(0);
    }
  }

  /** Whether the elements are just those of all runs. */
  get isCut(): boolean {
    return this.run == this.runs.length && this.elements == this.runStart;
  }

  /** Walks a list of any values. */
  values(scan: JsonScan): boolean {
    let more = this.open(scan);
    while (more == MORE) {
      scan.peek();
      const from = scan.at;
      if (!scan.value()) return false;
      this.count(from, scan.at);
      more = scan.nextItem();
    }
    return this.close(scan, more);
  }

  /** Walks a tensor's data: all elements are plain, or all are lists with equally many leaves. */
  tensor(scan: JsonScan): boolean {
    let more = this.open(scan);
    const nested = more == MORE && scan.peek() == OPEN_LIST;
    let rowLeaves: i32 = 1;
    while (more == MORE) {
      const c = scan.peek();
      if (!nested && this.numbers(scan)) {
        more = scan.nextItem();
        continue;
      }
      const from = scan.at;
      if (nested) {
        const leaves = c == OPEN_LIST ? this.row(scan) : -1;
        if (leaves < 0 || (this.elements > 0 && leaves != rowLeaves)) return false;
        rowLeaves = leaves;
        this.leaves += leaves;
      } else if (!scan.scalar(c)) return false;
      this.count(from, scan.at);
      more = scan.nextItem();
    }
    if (!nested) this.leaves = this.elements;
    return this.close(scan, more);
  }

  /**
   * Steps over numbers with nothing but commas between them, which is how most data is written. False where
   * there is none.
   */
  private numbers(scan: JsonScan): boolean {
    const bytes = scan.bytes;
    const size = scan.end;
    let at = scan.at;
    let end = numberEnd(bytes, at, size);
    if (end < 0) return false;
    while (true) {
      this.count(at, end);
      scan.at = end;
      if (end >= size || i32(unchecked(bytes[end])) != COMMA) return true;
      at = end + 1;
      end = numberEnd(bytes, at, size);
      if (end < 0) return true;
    }
  }

  /** Steps over a list of lists, and returns how many leaves it has, or -1. */
  private row(scan: JsonScan): i32 {
    let leaves: i32 = 0;
    let depth: i32 = 0;
    do {
      const c = scan.peek();
      if (c == OPEN_LIST) {
        if (++depth >= MAX_DEPTH) return -1;
        if (depth >= this.levels) this.levels = depth + 1;
        scan.at++;
        if (!scan.take(CLOSE_LIST)) continue;
        depth--;
      } else {
        if (!scan.scalar(c)) return -1;
        leaves++;
      }
      while (depth > 0) {
        const next = scan.peek();
        if (next < 0) return -1;
        scan.at++;
        if (next == COMMA) break;
        if (next != CLOSE_LIST) return -1;
        depth--;
      }
    } while (depth > 0);
    return leaves;
  }

  /** Steps into a list. Returns what `firstItem` does. */
  open(scan: JsonScan): i32 {
    const more = scan.firstItem();
    this.start = scan.at;
    return more;
  }

  /** Out of the list, with what `nextItem` returned. False where it is broken. */
  close(scan: JsonScan, more: i32): boolean {
    this.end = scan.at - 1;
    // An empty list may have blanks in it.
    if (this.start > this.end) this.start = this.end;
    return more == END;
  }

  /** An element stands at `from` to `to`. */
  count(from: i32, to: i32): void {
    if (this.elements == this.runStart) this.cuts.push(from);
    this.elements++;
    if (this.elements != this.runEnd) return;
    this.cuts.push(to);
    this.nextRun(this.elements);
  }

  private nextRun(from: i32): void {
    this.run++;
    this.runStart = from;
    this.runEnd = this.run < this.runs.length ? from + unchecked(this.runs[this.run]) : -1;
  }
}
