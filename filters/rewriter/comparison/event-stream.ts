/** Steps through the data of an event stream, line by line: servers of models write an event in one. */

const LINE_FEED: i32 = 0x0a;
const RETURN: i32 = 0x0d;
const SPACE: i32 = 0x20;
const DATA: string = 'data:';
const DONE: string = '[DONE]';

export class EventStream {
  /** Where the line's data stands. */
  from: i32 = 0;
  to: i32 = 0;

  private bytes: Uint8Array;
  private at: i32 = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Moves on to the next line that has data. False at the end, which a server may announce. */
  next(): boolean {
    const bytes = this.bytes;
    const size = bytes.length;
    while (this.at < size) {
      const start = this.at;
      let end = start;
      while (end < size && !isLineEnd(unchecked(bytes[end]))) end++;
      this.at = end + 1;
      if (!this.startsWith(DATA, start, end)) continue;
      this.from = start + DATA.length;
      if (this.from < end && i32(unchecked(bytes[this.from])) == SPACE) this.from++;
      this.to = end;
      if (end - this.from == DONE.length && this.startsWith(DONE, this.from, end)) return false;
      return true;
    }
    return false;
  }

  private startsWith(word: string, from: i32, to: i32): boolean {
    if (to - from < word.length) return false;
    for (let i = 0; i < word.length; i++) {
      if (i32(unchecked(this.bytes[from + i])) != word.charCodeAt(i)) return false;
    }
    return true;
  }
}

function isLineEnd(c: i32): boolean {
  return c == LINE_FEED || c == RETURN;
}
