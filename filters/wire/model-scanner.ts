/**
 * Finds the top-level `model` of a JSON object in raw bytes that come in pieces, and with it the few other
 * fields that a route may want. It keeps nothing of the body but the token under inspection, never traps,
 * and checks the whole grammar of RFC 8259 in what it passes (but not the UTF-8 of strings that it only
 * skips).
 */
import { MAX_FIELD_VALUE_BYTES, MAX_MODEL_NAME_LENGTH } from '../contract/limits.ts';
import { FieldValues } from './body-fields.ts';
import {
  BodyReader,
  READ_CUT_OFF,
  READ_DONE,
  READ_EMPTY,
  READ_FOUND,
  READ_MALFORMED,
  READ_MORE,
  READ_NO_MODEL,
  READ_NOT_OBJECT,
  READ_NOT_STRING,
  READ_SECOND,
  READ_TOO_DEEP,
} from './body-reader.ts';
import {
  digitsEnd,
  firstPart,
  isDigit,
  MINUS,
  mayEnd,
  partAfter,
  takesDigits,
} from './json-number.ts';
import { hexDigit, simpleEscape } from './json-string.ts';
import { StringRun } from './string-run.ts';
import { TokenCapture } from './token-capture.ts';

/** Deepest nesting that is followed: one bit each, no recursion. */
export const MAX_SCAN_DEPTH: i32 = 512;
/** Levels that most bodies do with. */
const OUTER_DEPTH: i32 = 32;

/** A name of the longest allowed length, all escaped. */
const MAX_TOKEN_BYTES: i32 = MAX_MODEL_NAME_LENGTH * 6;

const BEFORE: i32 = 0;
const BOM_SECOND: i32 = 1;
const BOM_THIRD: i32 = 2;
const VALUE: i32 = 3;
const FIRST_ITEM: i32 = 4;
const FIRST_KEY: i32 = 5;
const KEY: i32 = 6;
const COLON: i32 = 7;
const AFTER_VALUE: i32 = 8;
const TAIL: i32 = 9;
/** From here on blanks are no longer skipped. */
const STRING: i32 = 10;
const TOP_KEY: i32 = 11;
const ESCAPE: i32 = 12;
const HEX: i32 = 13;
const NUMBER: i32 = 14;
const WORD: i32 = 15;

/** What a string is for: decides what follows it. */
const FOR_VALUE: i32 = 0;
const FOR_KEY: i32 = 1;
const FOR_TOP_KEY: i32 = 2;
const FOR_NAME: i32 = 3;
/** A key of an object in which fields are wanted. */
const FOR_INNER_KEY: i32 = 4;
/** A value that is wanted. */
const FOR_FIELD: i32 = 5;

export class ModelScanner extends BodyReader {
  /** The top-level key whose value is the name, in lower case. Set it before `feed`. */
  nameKey: string = 'model';
  private state: i32 = BEFORE;
  private purpose: i32 = FOR_VALUE;
  private depth: i32 = 0;
  private inArray: boolean = false;
  /** A bit for each level, set in arrays: of the outermost, and of the others, made when they are. */
  private outer: u32 = 0;
  private stack: Uint8Array | null = null;
  /** How much of the key `model` was seen, case ignored; -1 for another key. */
  private keyMatched: i32 = 0;
  private keyExact: boolean = true;
  /** The value to come is that of `model`. */
  private modelNext: boolean = false;
  /** A key that only resembles `model` stood before it. */
  private twins: boolean = false;
  private hexLeft: i32 = 0;
  private unit: i32 = 0;
  private numberPart: i32 = MINUS;
  private word: string = '';
  private wordAt: i32 = 0;
  private capture: TokenCapture;
  /** The number at hand is wanted. */
  private numberWanted: boolean = false;
  private run: StringRun;
  /** Null where nothing but the model is wanted. */
  private fields: FieldValues | null;

  constructor(run: StringRun, fields: FieldValues | null) {
    super();
    this.run = run;
    this.capture = new TokenCapture(run);
    this.fields = fields;
  }

  feed(bytes: Uint8Array, from: i32, to: i32): i32 {
    const base = this.position - from;
    const before = this.status;
    let at = from;
    if (before == READ_FOUND && this.twins) this.status = READ_SECOND;
    if (this.capturing()) this.capture.resume(from);
    while (at < to && this.status <= READ_DONE) {
      const state = this.state;
      if (state < STRING) at = this.structure(bytes, at, base);
      else if (state == STRING) at = this.string(bytes, at, to, base);
      else if (state == TOP_KEY) at = this.topKey(bytes, at, to);
      else if (state == NUMBER) at = this.number(bytes, at, to);
      else at = this.inside(bytes, at);
      if (before == READ_MORE && this.status == READ_FOUND) break;
    }
    if (this.status <= READ_FOUND && this.capturing()) this.capture.suspend(bytes, at);
    this.stoppedAt = at;
    this.position = base + at;
    return this.status;
  }

  finish(): i32 {
    if (this.status == READ_MORE && this.state == BEFORE) this.status = READ_EMPTY;
    else if (this.status == READ_FOUND && this.twins) this.status = READ_SECOND;
    else if (this.status <= READ_FOUND) this.status = READ_CUT_OFF;
    return this.status;
  }

  /** Whether the chunk ends, or begins, inside a token that is kept. */
  private capturing(): boolean {
    if (this.state == NUMBER) return this.numberWanted;
    const kept = this.purpose == FOR_NAME || this.purpose == FOR_FIELD;
    return kept && this.state >= STRING && this.state <= HEX;
  }

  /** One byte between tokens. */
  private structure(bytes: Uint8Array, at: i32, base: i32): i32 {
    const c: i32 = unchecked(bytes[at]);
    if (c == 0x20 || c == 0x0a || c == 0x0d || c == 0x09) {
      if (this.state == BOM_SECOND || this.state == BOM_THIRD) this.status = READ_MALFORMED;
      return at + 1;
    }
    switch (this.state) {
      case VALUE:
        this.value(c, at, base);
        break;
      case AFTER_VALUE:
        if (c == 0x2c) this.state = this.inArray ? VALUE : KEY;
        else this.close(c);
        break;
      case KEY:
        this.key(c);
        break;
      case FIRST_KEY:
        if (c == 0x7d) this.close(c);
        else this.key(c);
        break;
      case COLON:
        if (c == 0x3a) this.state = VALUE;
        else this.status = READ_MALFORMED;
        break;
      case FIRST_ITEM:
        if (c == 0x5d) this.close(c);
        else this.value(c, at, base);
        break;
      case TAIL:
        this.status = READ_MALFORMED;
        break;
      default:
        this.beginning(c, base + at);
    }
    return at + 1;
  }

  /** Before the object: a byte order mark is let pass. */
  private beginning(c: i32, position: i32): void {
    if (this.state == BOM_SECOND && c == 0xbb) this.state = BOM_THIRD;
    else if (this.state == BOM_THIRD && c == 0xbf) this.state = BEFORE;
    else if (this.state != BEFORE) this.status = READ_MALFORMED;
    else if (c == 0x7b) this.open(false);
    else if (c == 0xef && position == 0) this.state = BOM_SECOND;
    else this.status = beginsValue(c) ? READ_NOT_OBJECT : READ_MALFORMED;
  }

  private value(c: i32, at: i32, base: i32): void {
    if (this.modelNext) {
      if (c != 0x22) this.status = beginsValue(c) ? READ_NOT_STRING : READ_MALFORMED;
      this.offset = base + at;
      this.modelNext = false;
      this.state = STRING;
      this.purpose = FOR_NAME;
      this.capture.begin(at + 1, MAX_TOKEN_BYTES);
    } else if (c == 0x22) {
      this.state = STRING;
      this.purpose = this.wanted() ? FOR_FIELD : FOR_VALUE;
      if (this.purpose == FOR_FIELD) this.capture.begin(at + 1, MAX_FIELD_VALUE_BYTES);
    } else if (c == 0x7b || c == 0x5b) {
      if (this.wanted()) this.keep('');
      this.open(c == 0x5b);
    } else if (c == 0x2d || isDigit(c)) {
      this.state = NUMBER;
      this.numberPart = firstPart(c);
      this.numberWanted = this.wanted();
      if (this.numberWanted) this.capture.begin(at, MAX_FIELD_VALUE_BYTES);
    } else if (beginsValue(c)) {
      this.state = WORD;
      this.word = c == 0x74 ? 'true' : c == 0x66 ? 'false' : 'null';
      this.wordAt = 1;
      if (this.wanted()) this.keep(c == 0x6e ? '' : this.word);
    } else {
      this.status = READ_MALFORMED;
    }
  }

  /** Whether the value that begins is one that was asked for. */
  private wanted(): boolean {
    const fields = this.fields;
    return fields !== null && fields.next >= 0;
  }

  private keep(text: string): void {
    const fields = this.fields;
    if (fields !== null) fields.set(text);
  }

  private key(c: i32): void {
    const fields = this.fields;
    if (c != 0x22) {
      this.status = READ_MALFORMED;
    } else if (this.depth > 1) {
      this.state = STRING;
      this.purpose = FOR_KEY;
      if (this.depth > 2 || fields === null) return;
      if (!fields.wantsInside()) return;
      this.state = TOP_KEY;
      this.purpose = FOR_INNER_KEY;
      fields.beginKey(false);
    } else {
      this.state = TOP_KEY;
      this.purpose = FOR_TOP_KEY;
      this.keyMatched = 0;
      this.keyExact = true;
      if (fields !== null) fields.beginKey(true);
    }
  }

  private open(isArray: boolean): void {
    if (this.depth >= MAX_SCAN_DEPTH) {
      this.status = READ_TOO_DEEP;
      return;
    }
    this.push(this.depth, isArray);
    this.depth++;
    this.inArray = isArray;
    this.state = isArray ? FIRST_ITEM : FIRST_KEY;
  }

  private close(c: i32): void {
    if (c != (this.inArray ? 0x5d : 0x7d)) {
      this.status = READ_MALFORMED;
      return;
    }
    this.depth--;
    if (this.depth == 0) {
      this.state = TAIL;
      this.status = this.status == READ_FOUND ? READ_DONE : READ_NO_MODEL;
      return;
    }
    this.inArray = this.isArrayAt(this.depth - 1);
    this.state = AFTER_VALUE;
  }

  private push(depth: i32, isArray: boolean): void {
    if (depth < OUTER_DEPTH) {
      const bit = u32(1) << u32(depth);
      this.outer = isArray ? this.outer | bit : this.outer & ~bit;
      return;
    }
    let stack = this.stack;
    if (stack === null) {
      stack = new Uint8Array(MAX_SCAN_DEPTH >> 3);
      this.stack = stack;
    }
    const bits: i32 = stack[depth >> 3];
    const bit = 1 << (depth & 7);
    stack[depth >> 3] = isArray ? bits | bit : bits & ~bit;
  }

  private isArrayAt(depth: i32): boolean {
    if (depth < OUTER_DEPTH) return (this.outer & (u32(1) << u32(depth))) != 0;
    const stack = this.stack;
    if (stack === null) return false;
    const bits: i32 = stack[depth >> 3];
    return (bits & (1 << (depth & 7))) != 0;
  }

  /** A run of string content, up to its quote, an escape, or the end of the chunk. */
  private string(bytes: Uint8Array, from: i32, to: i32, base: i32): i32 {
    const at = this.run.end(bytes, from, to);
    if (at == to) return at;
    const c: i32 = unchecked(bytes[at]);
    if (c == 0x5c) this.state = ESCAPE;
    else if (c < 0x20) this.status = READ_MALFORMED;
    else if (this.purpose == FOR_KEY) this.state = COLON;
    else {
      this.state = AFTER_VALUE;
      if (this.purpose == FOR_NAME) this.found(bytes, at, base);
      else if (this.purpose == FOR_FIELD) this.foundField(bytes, at);
    }
    return at + 1;
  }

  /** A run of a key that matters, compared as it comes with what is looked for. */
  private topKey(bytes: Uint8Array, from: i32, to: i32): i32 {
    let at = from;
    while (at < to) {
      const c: i32 = unchecked(bytes[at++]);
      if (c == 0x22) {
        this.endTopKey();
        return at;
      }
      if (c == 0x5c) {
        this.state = ESCAPE;
        return at;
      }
      if (c < 0x20) {
        this.status = READ_MALFORMED;
        return at;
      }
      this.matchKey(c);
    }
    return at;
  }

  private matchKey(unit: i32): void {
    const fields = this.fields;
    if (fields !== null) fields.unit(unit);
    const index = this.keyMatched;
    if (index < 0) return;
    const expected: i32 = index < this.nameKey.length ? this.nameKey.charCodeAt(index) : -1;
    if (unit == expected) {
      this.keyMatched++;
    } else if ((unit | 0x20) == expected && unit < 0x80) {
      this.keyMatched++;
      this.keyExact = false;
    } else {
      this.keyMatched = -1;
    }
  }

  private endTopKey(): void {
    const isTop = this.purpose == FOR_TOP_KEY;
    const fields = this.fields;
    this.state = COLON;
    if (fields !== null) fields.endKey(isTop);
    if (!isTop || this.keyMatched != this.nameKey.length) return;
    if (this.status == READ_FOUND) this.status = READ_SECOND;
    else if (this.keyExact) this.modelNext = true;
    else this.twins = true;
  }

  /** One byte of an escape or of a word. */
  private inside(bytes: Uint8Array, at: i32): i32 {
    const c: i32 = unchecked(bytes[at]);
    if (this.state == WORD) {
      if (c != this.word.charCodeAt(this.wordAt)) this.status = READ_MALFORMED;
      this.wordAt++;
      if (this.wordAt == this.word.length) this.state = AFTER_VALUE;
    } else if (this.state == ESCAPE) {
      this.hexLeft = 4;
      this.unit = 0;
      if (c == 0x75) this.state = HEX;
      else this.escaped(simpleEscape(c));
    } else {
      const digit = hexDigit(c);
      if (digit < 0) this.status = READ_MALFORMED;
      this.unit = (this.unit << 4) | digit;
      this.hexLeft--;
      if (this.hexLeft == 0) this.escaped(this.unit);
    }
    return at + 1;
  }

  private escaped(unit: i32): void {
    if (unit < 0) this.status = READ_MALFORMED;
    const isKey = this.purpose == FOR_TOP_KEY || this.purpose == FOR_INNER_KEY;
    this.state = isKey ? TOP_KEY : STRING;
    if (isKey) this.matchKey(unit);
  }

  private number(bytes: Uint8Array, from: i32, to: i32): i32 {
    let part = this.numberPart;
    let at = from;
    while (at < to) {
      const c: i32 = unchecked(bytes[at]);
      if (takesDigits(part) && isDigit(c)) {
        at = digitsEnd(bytes, at + 1, to);
        continue;
      }
      const next = partAfter(part, c);
      if (next < 0) {
        if (!mayEnd(part)) this.status = READ_MALFORMED;
        if (this.numberWanted) this.keep(this.capture.asciiText(bytes, at));
        this.state = AFTER_VALUE;
        if (c != 0x2c || !this.inArray) return at;
        // Most numbers stand in long arrays: no way round by the comma's own step.
        this.state = VALUE;
        return at + 1;
      }
      part = next;
      at++;
    }
    this.numberPart = part;
    return at;
  }

  /** The name's closing quote stands at `at`. */
  private found(bytes: Uint8Array, at: i32, base: i32): void {
    this.length = base + at + 1 - this.offset;
    this.status = READ_FOUND;
    const name = this.capture.jsonText(bytes, at);
    if (name === null) this.status = READ_MALFORMED;
    else if (this.capture.tooLong || name.length > MAX_MODEL_NAME_LENGTH) this.nameTooLong = true;
    else this.name = name;
  }

  /** What is too long to be kept counts as nothing. */
  private foundField(bytes: Uint8Array, at: i32): void {
    const text = this.capture.jsonText(bytes, at);
    if (text === null) this.status = READ_MALFORMED;
    else this.keep(text);
  }
}

function beginsValue(c: i32): boolean {
  if (c == 0x22 || c == 0x7b || c == 0x5b || c == 0x2d || isDigit(c)) return true;
  return c == 0x74 || c == 0x66 || c == 0x6e;
}
