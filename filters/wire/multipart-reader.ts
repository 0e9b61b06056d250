/**
 * Finds the field `model` of a multipart/form-data body. Content of other parts is searched for its end
 * only. What parsers are known to read in different ways is malformed here.
 */
import { MAX_MODEL_NAME_LENGTH } from '../contract/limits.ts';
import {
  BodyReader,
  READ_CUT_OFF,
  READ_DONE,
  READ_EMPTY,
  READ_FOUND,
  READ_MALFORMED,
  READ_MORE,
  READ_NO_MODEL,
  READ_SECOND,
} from './body-reader.ts';
import { DelimiterSearch, FOUND, NOT_FOUND } from './delimiter-search.ts';
import { FormPart, PART_AMBIGUOUS, PART_MODEL, PART_OTHER } from './form-part.ts';
import { HAVE_PARAMETER, HeaderParameters, NO_PARAMETER } from './header-parameters.ts';
import { HeldText } from './held-text.ts';
import { encodeUtf8 } from './utf8.ts';

/** All headers of a part together. */
export const MAX_PART_HEADER_BYTES: i32 = 8192;
/** RFC 2046's limit. */
const MAX_BOUNDARY_LENGTH: i32 = 70;

const PREAMBLE: i32 = 0;
const CONTENT: i32 = 1;
const NAME: i32 = 2;
/** The name has ended: only a delimiter may follow. */
const NAME_LF: i32 = 3;
const NAME_DELIMITER: i32 = 4;
const AFTER_DELIMITER: i32 = 5;
const DELIMITER_LF: i32 = 6;
const CLOSING: i32 = 7;
const HEADER: i32 = 8;
const HEADER_LF: i32 = 9;
/** After the last delimiter, from here on. */
const CLOSED: i32 = 10;
const CLOSED_LF: i32 = 11;
const EPILOGUE: i32 = 12;

const CR: i32 = 0x0d;
const LF: i32 = 0x0a;
const DASH: i32 = 0x2d;

/** The boundary that a content type gives; empty where it is not that of a readable form. */
export function boundaryOf(contentType: string): string {
  const parameters = new HeaderParameters(contentType);
  if (parameters.word != 'multipart/form-data') return '';
  let boundary = '';
  let next = parameters.next();
  for (; next == HAVE_PARAMETER; next = parameters.next()) {
    if (parameters.name == 'boundary') boundary = parameters.value;
    else if (parameters.name.startsWith('boundary*')) return '';
  }
  return next == NO_PARAMETER && isBoundary(boundary) ? boundary : '';
}

export class MultipartReader extends BodyReader {
  private state: i32 = PREAMBLE;
  /** `--boundary`, as text and as bytes, and how much of it was seen. */
  private dashBoundary: string;
  private delimiter: Uint8Array;
  private matched: i32 = 0;
  private search: DelimiterSearch;
  /** The byte before, in the preamble. */
  private previous: i32 = LF;
  private part: FormPart = new FormPart();
  private headerBytes: i32 = 0;
  private line: Uint8Array = new Uint8Array(MAX_PART_HEADER_BYTES);
  private lineSize: i32 = 0;
  private nameText: HeldText = new HeldText(MAX_MODEL_NAME_LENGTH);
  private nameSeen: boolean = false;
  /** A part that only resembles `model` stood before it. */
  private twins: boolean = false;

  /** `boundary` as `boundaryOf` gives it. */
  constructor(boundary: string) {
    super();
    const dashBoundary = '--' + boundary;
    const delimiter = encodeUtf8(dashBoundary);
    this.dashBoundary = dashBoundary;
    this.delimiter = delimiter;
    this.search = new DelimiterSearch(delimiter);
    if (!isBoundary(boundary)) this.status = READ_MALFORMED;
  }

  feed(bytes: Uint8Array, from: i32, to: i32): i32 {
    const base = this.position - from;
    const before = this.status;
    let at = from;
    if (before == READ_FOUND) this.settle();
    while (at < to && this.status <= READ_DONE) {
      const state = this.state;
      if (state == CONTENT) at = this.content(bytes, at, to);
      else if (state == NAME) at = this.nameRun(bytes, at, to, base);
      else if (state == EPILOGUE) at = to;
      else at = this.single(bytes, at, base);
      if (before == READ_MORE && this.status == READ_FOUND) break;
    }
    // The last delimiter may be what ended the name: that it was found is said first.
    if (before == READ_FOUND) this.settle();
    this.stoppedAt = at;
    this.position = base + at;
    return this.status;
  }

  finish(): i32 {
    this.settle();
    if (this.status == READ_MORE && this.position == 0) this.status = READ_EMPTY;
    else if (this.status <= READ_FOUND) this.status = READ_CUT_OFF;
    return this.status;
  }

  /** What `READ_FOUND` has left open. */
  private settle(): void {
    if (this.status != READ_FOUND) return;
    if (this.twins) this.status = READ_SECOND;
    else if (this.state >= CLOSED) this.status = READ_DONE;
  }

  /** One byte outside of contents. */
  private single(bytes: Uint8Array, at: i32, base: i32): i32 {
    const c: i32 = unchecked(bytes[at]);
    switch (this.state) {
      case PREAMBLE:
        this.preamble(c);
        break;
      case NAME_LF:
        this.expect(c, LF, NAME_DELIMITER);
        break;
      case NAME_DELIMITER:
        this.expect(c, this.delimiter[this.matched], NAME_DELIMITER);
        this.matched++;
        if (this.matched == this.delimiter.length) this.state = AFTER_DELIMITER;
        break;
      case AFTER_DELIMITER:
        if (c == DASH) this.state = CLOSING;
        else this.expect(c, CR, DELIMITER_LF);
        break;
      case DELIMITER_LF:
        this.expect(c, LF, HEADER);
        this.beginPart();
        break;
      case CLOSING:
        this.expect(c, DASH, CLOSED);
        this.delimited();
        if (this.status == READ_MORE) this.status = READ_NO_MODEL;
        break;
      case CLOSED:
        // On a line that goes on, some parsers see no delimiter, or not the last one.
        this.expect(c, CR, CLOSED_LF);
        break;
      case CLOSED_LF:
        this.expect(c, LF, EPILOGUE);
        break;
      default:
        this.header(c, base + at + 1);
    }
    return at + 1;
  }

  private expect(c: i32, expected: i32, state: i32): void {
    if (c == expected) this.state = state;
    else this.status = READ_MALFORMED;
  }

  /**
   * Before the first delimiter. Some parsers find that one inside a line too, or after a bare line
   * feed: so two dashes have no other place here, nor has a bare line feed.
   */
  private preamble(c: i32): void {
    if (this.matched > 0) {
      if (c == i32(this.delimiter[this.matched])) {
        this.matched++;
        if (this.matched == this.delimiter.length) this.state = AFTER_DELIMITER;
        return;
      }
      if (this.matched > 1) this.status = READ_MALFORMED;
      this.matched = 0;
    } else if (c == DASH && this.previous == LF) {
      this.matched = 1;
    } else if (c == DASH && this.previous == DASH) {
      this.status = READ_MALFORMED;
    }
    if (c == LF && this.previous != CR) this.status = READ_MALFORMED;
    this.previous = c;
  }

  private beginPart(): void {
    this.delimited();
    this.part = new FormPart();
    this.headerBytes = 0;
    this.lineSize = 0;
  }

  /** A delimiter is complete: what stands before it is too. */
  private delimited(): void {
    if (this.status == READ_MORE && this.nameSeen) this.status = READ_FOUND;
  }

  private header(c: i32, next: i32): void {
    this.headerBytes++;
    if (this.headerBytes > MAX_PART_HEADER_BYTES) {
      this.status = READ_MALFORMED;
    } else if (this.state == HEADER_LF) {
      this.expect(c, LF, HEADER);
      if (this.status <= READ_FOUND) this.endLine(next);
    } else if (c == CR) {
      this.state = HEADER_LF;
    } else if (isControl(c) && c != 0x09) {
      this.status = READ_MALFORMED;
    } else {
      this.line[this.lineSize++] = c;
    }
  }

  private endLine(next: i32): void {
    if (this.lineSize == 0) {
      this.endHeaders(next);
      return;
    }
    const units: i32[] = [];
    for (let i = 0; i < this.lineSize; i++) units.push(i32(this.line[i]));
    this.lineSize = 0;
    if (!this.part.header(String.fromCharCodes(units))) this.status = READ_MALFORMED;
  }

  /** The part's content begins at `offset` of the body. */
  private endHeaders(offset: i32): void {
    const kind = this.part.verdict();
    this.state = CONTENT;
    this.search.begin();
    if (kind == PART_OTHER) return;
    if (kind == PART_AMBIGUOUS) {
      this.status = READ_MALFORMED;
    } else if (this.nameSeen) {
      this.status = READ_SECOND;
    } else if (kind == PART_MODEL) {
      this.state = NAME;
      this.nameSeen = true;
      this.offset = offset;
    } else {
      this.twins = true;
    }
  }

  private content(bytes: Uint8Array, from: i32, to: i32): i32 {
    const at = this.search.run(bytes, from, to);
    if (this.search.outcome == FOUND) this.state = AFTER_DELIMITER;
    else if (this.search.outcome != NOT_FOUND) this.status = READ_MALFORMED;
    return at;
  }

  /** A run of the name, up to a control character or the end of the chunk. */
  private nameRun(bytes: Uint8Array, from: i32, to: i32, base: i32): i32 {
    const text = this.nameText;
    let at = from;
    while (at < to && !isControl(unchecked(bytes[at]))) at++;
    if (at == to) {
      text.add(bytes, from, at);
      return at;
    }
    this.expect(unchecked(bytes[at]), CR, NAME_LF);
    // For some parsers an empty content needs no line break of its own before the delimiter.
    if (!text.end(bytes, from, at) || text.text.startsWith(this.dashBoundary)) {
      this.status = READ_MALFORMED;
    }
    this.length = base + at - this.offset;
    this.name = text.text;
    this.nameTooLong = text.tooLong;
    this.matched = 0;
    return at + 1;
  }
}

function isControl(c: i32): boolean {
  return c < 0x20 || c == 0x7f;
}

const BOUNDARY_MARKS: string = "'()+_,-./:=? ";

function isBoundary(text: string): boolean {
  if (text.length == 0 || text.length > MAX_BOUNDARY_LENGTH || text.endsWith(' ')) return false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    const isLetter = (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a);
    const isDigit = c >= 0x30 && c <= 0x39;
    if (isLetter || isDigit) continue;
    if (c > 0x7f || BOUNDARY_MARKS.indexOf(String.fromCharCode(c)) < 0) return false;
  }
  return true;
}
