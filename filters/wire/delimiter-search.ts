/** Where a part's content ends, in content that comes in pieces. It keeps nothing of the content. */

export const NOT_FOUND: i32 = 0;
export const FOUND: i32 = 1;
/** It stands where only some parsers see it: after half a line break, or with no content before it. */
export const FOUND_UNCLEAR: i32 = 2;

/** What stands right before the byte at hand. */
const TEXT: i32 = 0;
const START: i32 = 1;
const AFTER_CR: i32 = 2;
const AFTER_LF: i32 = 3;
const AFTER_CRLF: i32 = 4;

const CR: i32 = 0x0d;
const LF: i32 = 0x0a;

export class DelimiterSearch {
  /** One of the above. */
  outcome: i32 = NOT_FOUND;

  private delimiter: Uint8Array;
  /** By byte: how far a comparison may move on whose last byte it is. */
  private steps: Uint8Array;
  private before: i32 = START;
  private matched: i32 = 0;

  /** `delimiter` is what stands at the beginning of a line: `--boundary`, of 3 to 255 bytes. */
  constructor(delimiter: Uint8Array) {
    const size = delimiter.length;
    const steps: Uint8Array = new Uint8Array(256);
    steps.fill(size);
    for (let i = 0; i < size - 1; i++) steps[i32(delimiter[i])] = size - 1 - i;
    this.delimiter = delimiter;
    this.steps = steps;
  }

  /** Begins with another part's content. */
  begin(): void {
    this.outcome = NOT_FOUND;
    this.before = START;
    this.matched = 0;
  }

  /** Searches bytes `from` to `to`. Returns the index after the delimiter, or `to`. */
  run(bytes: Uint8Array, from: i32, to: i32): i32 {
    let at = from;
    while (at < to && this.before != TEXT && this.outcome == NOT_FOUND) this.step(bytes, at++);
    if (this.before == TEXT) at = this.leap(bytes, at, to);
    while (at < to && this.outcome == NOT_FOUND) this.step(bytes, at++);
    return at;
  }

  private step(bytes: Uint8Array, at: i32): void {
    const c: i32 = unchecked(bytes[at]);
    if (this.before != TEXT && c == i32(this.delimiter[this.matched])) {
      this.matched++;
      if (this.matched == this.delimiter.length) {
        this.outcome = this.before == AFTER_CRLF ? FOUND : FOUND_UNCLEAR;
      }
      return;
    }
    // A boundary has no line breaks, so no match begins inside another.
    if (c == LF) this.before = this.before == AFTER_CR && this.matched == 0 ? AFTER_CRLF : AFTER_LF;
    else this.before = c == CR ? AFTER_CR : TEXT;
    this.matched = 0;
  }

  /**
   * Moves over what no delimiter can begin in, after text: Horspool's search, which looks at few of the
   * bytes. It compares only after line breaks, so that no content makes it slow.
   */
  private leap(bytes: Uint8Array, from: i32, to: i32): i32 {
    const delimiter = this.delimiter;
    const steps = this.steps;
    const size = delimiter.length;
    const lastByte: i32 = delimiter[size - 1];
    let last = from + size - 1;
    while (last < to) {
      const c: i32 = unchecked(bytes[last]);
      if (c == lastByte && last - size >= from) {
        const before: i32 = unchecked(bytes[last - size]);
        if ((before == LF || before == CR) && this.matches(bytes, last - size + 1)) break;
      }
      last += i32(unchecked(steps[c]));
    }
    // Back to the line break before it.
    const at = last - size - 1;
    return at > from ? at : from;
  }

  private matches(bytes: Uint8Array, at: i32): boolean {
    const delimiter = this.delimiter;
    for (let i = 0; i < delimiter.length; i++) {
      if (unchecked(bytes[at + i]) != unchecked(delimiter[i])) return false;
    }
    return true;
  }
}
