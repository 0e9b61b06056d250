/**
 * Finds the top-level `model` of a JSON object in raw bytes that come in pieces. It keeps nothing of
 * the body but the name under inspection, never traps, and checks the whole grammar of RFC 8259 in what
 * it passes (but not the UTF-8 of strings that it only skips).
 */
import { MAX_MODEL_NAME_LENGTH } from '../contract/limits.ts';
import { decodeJsonString, hexDigit, simpleEscape } from './json-string.ts';
import { StringRun } from './string-run.ts';

/** Nothing known yet. */
export const SCAN_MORE: i32 = 0;
/** The model is known; what came after it is in order so far. */
export const SCAN_FOUND: i32 = 1;
/** The model is known and the object has ended. */
export const SCAN_DONE: i32 = 2;
/** From here on nothing changes any more. */
export const SCAN_NO_MODEL: i32 = 3;
export const SCAN_NOT_STRING: i32 = 4;
export const SCAN_NOT_OBJECT: i32 = 5;
export const SCAN_MALFORMED: i32 = 6;
export const SCAN_TOO_DEEP: i32 = 7;
/** A second `model`, or the same key in other case, which some parsers take for it. */
export const SCAN_SECOND: i32 = 8;
/** The body was over before the object; or it had nothing but blanks. */
export const SCAN_CUT_OFF: i32 = 9;
export const SCAN_EMPTY: i32 = 10;

/** Deepest nesting that is followed: one bit each, no recursion. */
export const MAX_SCAN_DEPTH: i32 = 512;

/** A name of the longest allowed length, all escaped, and a byte more to tell that it is longer. */
const MAX_TOKEN_BYTES: i32 = MAX_MODEL_NAME_LENGTH * 6 + 3;

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

/** Where in a number: only the odd ones may be its end. */
const MINUS: i32 = 0;
const ZERO: i32 = 1;
const POINT: i32 = 2;
const DIGITS: i32 = 3;
const EXPONENT: i32 = 4;
const FRACTION: i32 = 5;
const EXPONENT_SIGN: i32 = 6;
const EXPONENT_DIGITS: i32 = 7;

const MODEL_KEY: string = 'model';

export class ModelScanner {
  status: i32 = SCAN_MORE;
  /** The model's name; empty where it is longer than any can be. */
  name: string = '';
  nameTooLong: boolean = false;
  /** Where in the body the name's token begins, and its length, quotes included. In bytes. */
  offset: i32 = 0;
  length: i32 = 0;
  /** Index at which the last `feed` stopped; below its `to` only where it has just found the name. */
  stoppedAt: i32 = 0;
  /** Bytes fed so far; where the status is an error, its place. */
  position: i32 = 0;

  private state: i32 = BEFORE;
  private purpose: i32 = FOR_VALUE;
  private depth: i32 = 0;
  private inArray: boolean = false;
  private stack: Uint8Array = new Uint8Array(MAX_SCAN_DEPTH >> 3);
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
  /** First byte of the name in the chunk at hand; its earlier bytes are in `held`. */
  private nameFrom: i32 = 0;
  private held: Uint8Array | null = null;
  private heldSize: i32 = 0;
  private run: StringRun;

  constructor(run: StringRun) {
    this.run = run;
  }

  /**
   * Scans bytes `from` to `to`, which follow those fed before, and returns the status. It stops right
   * after the name, once; fed on from `stoppedAt`, it checks what follows.
   */
  feed(bytes: Uint8Array, from: i32, to: i32): i32 {
    const base = this.position - from;
    const before = this.status;
    let at = from;
    if (before == SCAN_FOUND && this.twins) this.status = SCAN_SECOND;
    if (this.namePending()) this.nameFrom = from;
    while (at < to && this.status <= SCAN_DONE) {
      const state = this.state;
      if (state < STRING) at = this.structure(bytes, at, base);
      else if (state == STRING) at = this.string(bytes, at, to, base);
      else if (state == TOP_KEY) at = this.topKey(bytes, at, to);
      else if (state == NUMBER) at = this.number(bytes, at, to);
      else at = this.inside(bytes, at);
      if (before == SCAN_MORE && this.status == SCAN_FOUND) break;
    }
    if (this.status == SCAN_MORE && this.namePending()) this.hold(bytes, this.nameFrom, at);
    this.stoppedAt = at;
    this.position = base + at;
    return this.status;
  }

  /** Says that the body is over, and returns the last status. */
  finish(): i32 {
    if (this.status == SCAN_MORE && this.state == BEFORE) this.status = SCAN_EMPTY;
    else if (this.status <= SCAN_FOUND) this.status = SCAN_CUT_OFF;
    return this.status;
  }

  private namePending(): boolean {
    return this.purpose == FOR_NAME && this.state >= STRING && this.state <= HEX;
  }

  /** One byte between tokens. */
  private structure(bytes: Uint8Array, at: i32, base: i32): i32 {
    const c: i32 = unchecked(bytes[at]);
    if (c == 0x20 || c == 0x0a || c == 0x0d || c == 0x09) {
      if (this.state == BOM_SECOND || this.state == BOM_THIRD) this.status = SCAN_MALFORMED;
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
        else this.status = SCAN_MALFORMED;
        break;
      case FIRST_ITEM:
        if (c == 0x5d) this.close(c);
        else this.value(c, at, base);
        break;
      case TAIL:
        this.status = SCAN_MALFORMED;
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
    else if (this.state != BEFORE) this.status = SCAN_MALFORMED;
    else if (c == 0x7b) this.open(false);
    else if (c == 0xef && position == 0) this.state = BOM_SECOND;
    else this.status = beginsValue(c) ? SCAN_NOT_OBJECT : SCAN_MALFORMED;
  }

  private value(c: i32, at: i32, base: i32): void {
    if (this.modelNext) {
      if (c != 0x22) this.status = beginsValue(c) ? SCAN_NOT_STRING : SCAN_MALFORMED;
      this.offset = base + at;
      this.nameFrom = at + 1;
      this.modelNext = false;
      this.state = STRING;
      this.purpose = FOR_NAME;
    } else if (c == 0x22) {
      this.state = STRING;
      this.purpose = FOR_VALUE;
    } else if (c == 0x7b || c == 0x5b) {
      this.open(c == 0x5b);
    } else if (c == 0x2d || isDigit(c)) {
      this.state = NUMBER;
      this.numberPart = c == 0x2d ? MINUS : c == 0x30 ? ZERO : DIGITS;
    } else if (beginsValue(c)) {
      this.state = WORD;
      this.word = c == 0x74 ? 'true' : c == 0x66 ? 'false' : 'null';
      this.wordAt = 1;
    } else {
      this.status = SCAN_MALFORMED;
    }
  }

  private key(c: i32): void {
    if (c != 0x22) {
      this.status = SCAN_MALFORMED;
    } else if (this.depth > 1) {
      this.state = STRING;
      this.purpose = FOR_KEY;
    } else {
      this.state = TOP_KEY;
      this.purpose = FOR_TOP_KEY;
      this.keyMatched = 0;
      this.keyExact = true;
    }
  }

  private open(isArray: boolean): void {
    if (this.depth >= MAX_SCAN_DEPTH) {
      this.status = SCAN_TOO_DEEP;
      return;
    }
    const cell = this.depth >> 3;
    const bit = 1 << (this.depth & 7);
    const bits: i32 = this.stack[cell];
    this.stack[cell] = isArray ? bits | bit : bits & ~bit;
    this.depth++;
    this.inArray = isArray;
    this.state = isArray ? FIRST_ITEM : FIRST_KEY;
  }

  private close(c: i32): void {
    if (c != (this.inArray ? 0x5d : 0x7d)) {
      this.status = SCAN_MALFORMED;
      return;
    }
    this.depth--;
    if (this.depth == 0) {
      this.state = TAIL;
      this.status = this.status == SCAN_FOUND ? SCAN_DONE : SCAN_NO_MODEL;
      return;
    }
    const parent = this.depth - 1;
    const bits: i32 = this.stack[parent >> 3];
    this.inArray = (bits & (1 << (parent & 7))) != 0;
    this.state = AFTER_VALUE;
  }

  /** A run of string content, up to its quote, an escape, or the end of the chunk. */
  private string(bytes: Uint8Array, from: i32, to: i32, base: i32): i32 {
    const at = this.run.end(bytes, from, to);
    if (at == to) return at;
    const c: i32 = unchecked(bytes[at]);
    if (c == 0x5c) this.state = ESCAPE;
    else if (c < 0x20) this.status = SCAN_MALFORMED;
    else if (this.purpose == FOR_KEY) this.state = COLON;
    else {
      this.state = AFTER_VALUE;
      if (this.purpose == FOR_NAME) this.found(bytes, at, base);
    }
    return at + 1;
  }

  /** A run of a top-level key, compared with `model` as it comes. */
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
        this.status = SCAN_MALFORMED;
        return at;
      }
      this.matchKey(c);
    }
    return at;
  }

  private matchKey(unit: i32): void {
    const index = this.keyMatched;
    if (index < 0) return;
    const expected: i32 = index < MODEL_KEY.length ? MODEL_KEY.charCodeAt(index) : -1;
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
    this.state = COLON;
    if (this.keyMatched != MODEL_KEY.length) return;
    if (this.status == SCAN_FOUND) this.status = SCAN_SECOND;
    else if (this.keyExact) this.modelNext = true;
    else this.twins = true;
  }

  /** One byte of an escape or of a word. */
  private inside(bytes: Uint8Array, at: i32): i32 {
    const c: i32 = unchecked(bytes[at]);
    if (this.state == WORD) {
      if (c != this.word.charCodeAt(this.wordAt)) this.status = SCAN_MALFORMED;
      this.wordAt++;
      if (this.wordAt == this.word.length) this.state = AFTER_VALUE;
    } else if (this.state == ESCAPE) {
      this.hexLeft = 4;
      this.unit = 0;
      if (c == 0x75) this.state = HEX;
      else this.escaped(simpleEscape(c));
    } else {
      const digit = hexDigit(c);
      if (digit < 0) this.status = SCAN_MALFORMED;
      this.unit = (this.unit << 4) | digit;
      this.hexLeft--;
      if (this.hexLeft == 0) this.escaped(this.unit);
    }
    return at + 1;
  }

  private escaped(unit: i32): void {
    if (unit < 0) this.status = SCAN_MALFORMED;
    this.state = this.purpose == FOR_TOP_KEY ? TOP_KEY : STRING;
    if (this.purpose == FOR_TOP_KEY) this.matchKey(unit);
  }

  private number(bytes: Uint8Array, from: i32, to: i32): i32 {
    let part = this.numberPart;
    let at = from;
    while (at < to) {
      const c: i32 = unchecked(bytes[at]);
      const digit = isDigit(c);
      if (digit && (part == DIGITS || part == FRACTION || part == EXPONENT_DIGITS)) {
        at = digitsEnd(bytes, at + 1, to);
        continue;
      }
      const next = digit ? partAfterDigit(part, c) : partAfter(part, c);
      if (next < 0) {
        if ((part & 1) == 0) this.status = SCAN_MALFORMED;
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
    this.status = SCAN_FOUND;
    let name: string | null = null;
    if (this.length > MAX_TOKEN_BYTES) {
      this.nameTooLong = true;
      return;
    }
    const held = this.held;
    if (held === null) {
      name = decodeJsonString(bytes, this.nameFrom, at);
    } else {
      this.hold(bytes, this.nameFrom, at);
      name = decodeJsonString(held, 0, this.heldSize);
    }
    this.held = null;
    if (name === null) this.status = SCAN_MALFORMED;
    else if (name.length > MAX_MODEL_NAME_LENGTH) this.nameTooLong = true;
    else this.name = name;
  }

  /** Keeps a part of the name for the next chunk; what is beyond any allowed name is only counted. */
  private hold(bytes: Uint8Array, from: i32, to: i32): void {
    let held = this.held;
    if (held === null) {
      held = new Uint8Array(MAX_TOKEN_BYTES);
      this.held = held;
    }
    for (let i = from; i < to && this.heldSize < MAX_TOKEN_BYTES; i++) {
      held[this.heldSize++] = bytes[i];
    }
    this.nameFrom = to;
  }
}

function beginsValue(c: i32): boolean {
  if (c == 0x22 || c == 0x7b || c == 0x5b || c == 0x2d || isDigit(c)) return true;
  return c == 0x74 || c == 0x66 || c == 0x6e;
}

function isDigit(c: i32): boolean {
  return c >= 0x30 && c <= 0x39;
}

function digitsEnd(bytes: Uint8Array, from: i32, to: i32): i32 {
  let at = from;
  while (at < to && isDigit(unchecked(bytes[at]))) at++;
  return at;
}

function partAfterDigit(part: i32, c: i32): i32 {
  if (part == MINUS) return c == 0x30 ? ZERO : DIGITS;
  if (part == POINT) return FRACTION;
  if (part == EXPONENT || part == EXPONENT_SIGN) return EXPONENT_DIGITS;
  return -1;
}

function partAfter(part: i32, c: i32): i32 {
  if (c == 0x2e) return part == ZERO || part == DIGITS ? POINT : -1;
  if (c == 0x65 || c == 0x45) {
    return part == ZERO || part == DIGITS || part == FRACTION ? EXPONENT : -1;
  }
  return part == EXPONENT && (c == 0x2b || c == 0x2d) ? EXPONENT_SIGN : -1;
}
