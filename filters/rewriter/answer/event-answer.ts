/**
 * An answer that is a stream of server-sent events: each has a JSON text, in one or more lines of `data`.
 * An event is never held, only a name that a piece ends in.
 */
import { AnswerScanner } from './answer-scanner.ts';
import { JsonTextEditor } from './json-text.ts';

const DATA_FIELD: string = 'data';

/** At the beginning of a line: which field it is. */
const FIELD: i32 = 0;
/** Behind `data:`. */
const DATA: i32 = 1;
/** In what is not read of a line. */
const REST: i32 = 2;

export class EventAnswer extends JsonTextEditor {
  private wantsNothing: boolean;
  private state: i32 = FIELD;
  /** How much of `data` the line has so far. */
  private matched: i32 = 0;
  private afterReturn: boolean = false;
  /** No byte was seen yet but those of a byte order mark. */
  private atStart: boolean = true;

  constructor(scanner: AnswerScanner, publicModel: string) {
    super(scanner, publicModel);
    scanner.inEvents = true;
    this.wantsNothing = !scanner.reading();
  }

  transform(bytes: Uint8Array, size: i32, end: boolean): Uint8Array | null {
    if (this.wantsNothing) return null;
    const scanner = this.scanner;
    this.beginPiece();
    let at = 0;
    while (at < size) {
      if (this.state == FIELD) this.field(unchecked(bytes[at++]));
      else if (this.state == DATA && scanner.reading()) {
        at = this.feed(bytes, at, size);
        // It stopped at the end of the line, or at what is no JSON.
        if (at < size && !scanner.found) this.state = REST;
      } else {
        at = lineEnd(bytes, at, size);
        if (at < size) this.endLine(unchecked(bytes[at++]));
      }
    }
    return this.endPiece(bytes, size, end);
  }

  private field(c: i32): void {
    const matched = this.matched;
    if (c == 0x0a && this.afterReturn) {
      this.afterReturn = false;
      return;
    }
    this.afterReturn = false;
    if (this.atStart && (c == 0xef || c == 0xbb || c == 0xbf)) return;
    this.atStart = false;
    if (c == 0x0a || c == 0x0d) {
      // An empty line ends the event.
      if (matched == 0) this.scanner.reset();
      this.endLine(c);
    } else if (matched == DATA_FIELD.length) {
      this.state = c == 0x3a ? DATA : REST;
    } else if (c == DATA_FIELD.charCodeAt(matched)) this.matched++;
    else this.state = REST;
  }

  private endLine(c: i32): void {
    this.state = FIELD;
    this.matched = 0;
    this.afterReturn = c == 0x0d;
  }
}

/** Index of the first line feed or carriage return from `from` on; `to` where there is none. */
function lineEnd(bytes: Uint8Array, from: i32, to: i32): i32 {
  let at = from;
  while (at < to) {
    const c: i32 = unchecked(bytes[at]);
    if (c == 0x0a || c == 0x0d) return at;
    at++;
  }
  return at;
}
