/**
 * Finds the model's name and the counted tokens in the JSON of an answer, in raw bytes that come in pieces.
 * It follows the objects in which they may stand, and passes all others by their brackets. It keeps nothing
 * but short keys and numbers, and never traps; from where a text is none of JSON it finds nothing more.
 */
import { isDigit } from '../../wire/json-number.ts';
import { hexDigit, simpleEscape } from '../../wire/json-string.ts';
import { StringRun } from '../../wire/string-run.ts';
import { ShortText } from './short-text.ts';

const START: i32 = 0;
const FIRST_KEY: i32 = 1;
const NEXT_KEY: i32 = 2;
const COLON: i32 = 3;
const VALUE: i32 = 4;
const AFTER_VALUE: i32 = 5;
/** From here on blanks are no longer skipped. */
const KEY: i32 = 6;
const KEY_ESCAPE: i32 = 7;
const KEY_HEX: i32 = 8;
const STRING: i32 = 9;
const STRING_ESCAPE: i32 = 10;
const SCALAR: i32 = 11;
/** In an object or array of no interest. */
const SKIP: i32 = 12;
/** From here on nothing is read. */
const DONE: i32 = 13;
const DEAD: i32 = 14;

/** What a value is, told by its key. */
const OF_NO_INTEREST: i32 = 0;
const NAME: i32 = 1;
const RESPONSE: i32 = 2;
const USAGE: i32 = 3;
const TOKENS_IN: i32 = 4;
const TOKENS_OUT: i32 = 5;
/** The outermost object. */
const TOP: i32 = 6;

export class AnswerScanner {
  /** The last `feed` ended right behind a name: it stands at `nameFrom` to `nameTo`, quotes included. */
  found: boolean = false;
  /** Index of the opening quote; -1: it stands in an earlier piece. */
  nameFrom: i32 = -1;
  nameTo: i32 = 0;
  /** Between the quotes of a name. */
  inName: boolean = false;
  /** The last that were said; -1: none. */
  tokensIn: f64 = -1;
  tokensOut: f64 = -1;
  /** The name is also looked for in `response`, and an end of line outside of strings ends a `feed`. */
  inEvents: boolean = false;

  private run: StringRun;
  /** The keys that the name may have. */
  private nameKey: string;
  private otherKey: string;
  private wantsName: boolean;
  private wantsTokens: boolean;
  private state: i32 = START;
  /** The object at hand, and the one around `usage`. */
  private object: i32 = TOP;
  private aroundUsage: i32 = TOP;
  /** What the value to come is, or the one at hand. */
  private purpose: i32 = OF_NO_INTEREST;
  /** Levels of no interest that are open. */
  private depth: i32 = 0;
  private nameSeen: boolean = false;
  private lineEnded: boolean = false;
  private text: ShortText = new ShortText();
  private hexLeft: i32 = 0;
  private unit: i32 = 0;

  constructor(
    run: StringRun,
    nameKey: string,
    otherKey: string,
    wantsName: boolean,
    wantsTokens: boolean,
  ) {
    this.run = run;
    this.nameKey = nameKey;
    this.otherKey = otherKey;
    this.wantsName = wantsName;
    this.wantsTokens = wantsTokens;
    this.reset();
  }

  /** Another text begins. What was counted stays. */
  reset(): void {
    this.state = this.wantsName || this.wantsTokens ? START : DONE;
    this.nameSeen = false;
    this.inName = false;
    this.found = false;
  }

  /** Whether anything is still looked for in this text. */
  reading(): boolean {
    return this.state < DONE;
  }

  /** Whether a name may still be found in this text. */
  expectsName(): boolean {
    return this.wantsName && !this.nameSeen && this.reading();
  }

  /** Reads no more of this text. */
  stop(): void {
    this.state = DEAD;
    this.inName = false;
  }

  /** The name at hand is too long to be one. */
  leaveName(): void {
    this.inName = false;
    this.nameSeen = true;
    if (!this.wantsTokens) this.state = DONE;
  }

  /**
   * Reads bytes `from` to `to`, up to the end of a name or of a line. Returns where it stopped: at the end
   * of the line, behind the name, or before what is no JSON.
   */
  feed(bytes: Uint8Array, from: i32, to: i32): i32 {
    let at = from;
    this.found = false;
    this.lineEnded = false;
    while (at < to && this.state < DONE && !this.found) {
      const state = this.state;
      let next = at + 1;
      if (state == STRING) next = this.string(bytes, at, to);
      else if (state == SKIP) next = this.skip(bytes, at, to);
      else if (state == KEY) next = this.key(bytes, at, to);
      else if (state == SCALAR) next = this.scalar(bytes, at, to);
      else {
        const c: i32 = unchecked(bytes[at]);
        if (state < KEY && this.endsLine(c)) return at;
        this.single(c, at);
      }
      if (this.state == DEAD) return at;
      at = next;
      if (this.lineEnded) break;
    }
    return at;
  }

  private single(c: i32, at: i32): void {
    const state = this.state;
    if (state < KEY && (c == 0x20 || c == 0x09 || c == 0x0a || c == 0x0d)) return;
    if (state == VALUE) this.value(c, at);
    else if (state == AFTER_VALUE) {
      if (c == 0x2c) this.state = NEXT_KEY;
      else this.close(c);
    } else if (state == NEXT_KEY) this.beginKey(c);
    else if (state == COLON) this.state = c == 0x3a ? VALUE : DEAD;
    else if (state == FIRST_KEY) {
      if (c == 0x22) this.beginKey(c);
      else this.close(c);
    } else if (state == START) {
      if (c == 0x7b) this.open(TOP);
      else if (c != 0xef && c != 0xbb && c != 0xbf) this.stop();
    } else if (state == KEY_ESCAPE) this.keyEscape(c);
    else if (state == KEY_HEX) this.keyHex(c);
    else if (c < 0x20) this.stop();
    else this.state = STRING;
  }

  private open(object: i32): void {
    if (object == USAGE) this.aroundUsage = this.object;
    this.object = object;
    this.state = FIRST_KEY;
  }

  private close(c: i32): void {
    const object = this.object;
    this.state = object == TOP ? DONE : AFTER_VALUE;
    this.object = object == USAGE ? this.aroundUsage : TOP;
    if (c != 0x7d) this.stop();
  }

  private value(c: i32, at: i32): void {
    const purpose = this.purpose;
    if (c == 0x22) {
      this.state = STRING;
      if (purpose != NAME) return;
      this.inName = true;
      this.nameFrom = at;
    } else if (c == 0x7b && (purpose == RESPONSE || purpose == USAGE)) {
      this.open(purpose);
    } else if (c == 0x7b || c == 0x5b) {
      this.state = SKIP;
      this.depth = 1;
    } else if (c == 0x2d || isDigit(c) || c == 0x74 || c == 0x66 || c == 0x6e) {
      this.state = SCALAR;
      this.text.clear();
      this.text.add(c);
    } else {
      this.stop();
    }
  }

  /** A run of string content, up to its quote, an escape, or the end of the piece. */
  private string(bytes: Uint8Array, from: i32, to: i32): i32 {
    const at = this.run.end(bytes, from, to);
    if (at == to) return at;
    const c: i32 = unchecked(bytes[at]);
    if (c == 0x5c) this.state = STRING_ESCAPE;
    else if (c < 0x20) this.stop();
    else {
      this.state = this.depth > 0 ? SKIP : AFTER_VALUE;
      if (this.inName) {
        this.found = true;
        this.nameTo = at + 1;
        this.leaveName();
      }
    }
    return at + 1;
  }

  /** Brackets are counted, and not told from each other: no stack is needed. */
  private skip(bytes: Uint8Array, from: i32, to: i32): i32 {
    let at = from;
    while (at < to) {
      const c: i32 = unchecked(bytes[at]);
      if (c <= 0x22) {
        if (c == 0x22) {
          this.state = STRING;
          return at + 1;
        }
        if (this.endsLine(c)) {
          this.lineEnded = true;
          return at;
        }
      } else if ((c | 0x20) == 0x7b) {
        this.depth++;
      } else if ((c | 0x20) == 0x7d) {
        this.depth--;
        if (this.depth == 0) {
          this.state = AFTER_VALUE;
          return at + 1;
        }
      }
      at++;
    }
    return at;
  }

  private endsLine(c: i32): boolean {
    return this.inEvents && (c == 0x0a || c == 0x0d);
  }

  private scalar(bytes: Uint8Array, from: i32, to: i32): i32 {
    const isCount = this.purpose == TOKENS_IN || this.purpose == TOKENS_OUT;
    let at = from;
    while (at < to) {
      const c: i32 = unchecked(bytes[at]);
      const letter = c | 0x20;
      const inside = isDigit(c) || (letter >= 0x61 && letter <= 0x7a) || c == 0x2e;
      if (!inside && c != 0x2b && c != 0x2d) {
        this.state = AFTER_VALUE;
        if (isCount) this.count();
        return at;
      }
      if (isCount) this.text.add(c);
      at++;
    }
    return at;
  }

  private count(): void {
    const count = this.text.count();
    if (count < 0) return;
    if (this.purpose == TOKENS_IN) this.tokensIn = count;
    else this.tokensOut = count;
  }

  private beginKey(c: i32): void {
    if (c != 0x22) {
      this.stop();
      return;
    }
    this.state = KEY;
    this.text.clear();
  }

  private key(bytes: Uint8Array, from: i32, to: i32): i32 {
    const text = this.text;
    let at = from;
    while (at < to) {
      const c: i32 = unchecked(bytes[at]);
      if (c < 0x20) {
        this.stop();
        return at;
      }
      at++;
      if (c == 0x22) {
        this.state = COLON;
        this.purpose = this.purposeOf(text);
        return at;
      }
      if (c == 0x5c) {
        this.state = KEY_ESCAPE;
        return at;
      }
      text.add(c);
    }
    return at;
  }

  private keyEscape(c: i32): void {
    const unit = simpleEscape(c);
    this.hexLeft = 4;
    this.unit = 0;
    if (c == 0x75) this.state = KEY_HEX;
    else if (unit < 0) this.stop();
    else {
      this.text.add(unit);
      this.state = KEY;
    }
  }

  private keyHex(c: i32): void {
    const digit = hexDigit(c);
    if (digit < 0) {
      this.stop();
      return;
    }
    this.unit = (this.unit << 4) | digit;
    this.hexLeft--;
    if (this.hexLeft > 0) return;
    this.text.add(this.unit);
    this.state = KEY;
  }

  private purposeOf(key: ShortText): i32 {
    const object = this.object;
    if (object == USAGE) {
      if (key.is('prompt_tokens') || key.is('input_tokens')) return TOKENS_IN;
      return key.is('completion_tokens') || key.is('output_tokens') ? TOKENS_OUT : OF_NO_INTEREST;
    }
    if (this.wantsName && !this.nameSeen) {
      if (key.is(this.nameKey) || key.is(this.otherKey)) return NAME;
    }
    if (this.wantsTokens && key.is('usage')) return USAGE;
    return this.inEvents && object == TOP && key.is('response') ? RESPONSE : OF_NO_INTEREST;
  }
}
