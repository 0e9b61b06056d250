/**
 * Reads JSON text into a plain tree. It never throws or traps: bad text gives `null` and a reason.
 * Strict RFC 8259, a depth limit, and no duplicate keys: a configuration must mean one thing.
 */

const MAX_DEPTH: i32 = 32;
/** No object of a configuration has as many; `Fields` keeps a bit for each. */
export const MAX_KEYS: i32 = 32;

export const JSON_NULL: i32 = 0;
export const JSON_BOOL: i32 = 1;
export const JSON_NUMBER: i32 = 2;
export const JSON_STRING: i32 = 3;
export const JSON_ARRAY: i32 = 4;
export const JSON_OBJECT: i32 = 5;

/** Shared by all values that have none: a configuration is mostly leaves. Never written to. */
const NO_KEYS: string[] = [];
const NO_ITEMS: JsonValue[] = [];

/** One value. `items` holds an array's elements, or an object's values in the order of `keys`. */
export class JsonValue {
  kind: i32 = JSON_NULL;
  bool: boolean = false;
  number: f64 = 0;
  text: string = '';
  keys: string[] = NO_KEYS;
  items: JsonValue[] = NO_ITEMS;
}

export class JsonReader {
  /** Why reading failed; empty after success. */
  problem: string = '';
  private text: string;
  private at: i32 = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** The whole text as one value, or null with `problem` set. */
  read(): JsonValue | null {
    const value = this.value(0);
    if (value === null) return null;
    this.space();
    if (this.at < this.text.length) return this.fail('text after the end of the JSON value');
    return value;
  }

  private fail(reason: string): JsonValue | null {
    if (this.problem.length == 0) this.problem = reason + ' at character ' + this.at.toString();
    return null;
  }

  private peek(): i32 {
    return this.at < this.text.length ? this.text.charCodeAt(this.at) : -1;
  }

  private space(): void {
    let c = this.peek();
    while (c == 0x20 || c == 0x0a || c == 0x0d || c == 0x09) {
      this.at++;
      c = this.peek();
    }
  }

  private value(depth: i32): JsonValue | null {
    if (depth > MAX_DEPTH) return this.fail('nested deeper than ' + MAX_DEPTH.toString());
    this.space();
    const c = this.peek();
    if (c == 0x7b) return this.object(depth);
    if (c == 0x5b) return this.array(depth);
    if (c == 0x22) return this.string();
    if (c == 0x74) return this.word('true', JSON_BOOL, true);
    if (c == 0x66) return this.word('false', JSON_BOOL, false);
    if (c == 0x6e) return this.word('null', JSON_NULL, false);
    if (c == 0x2d || isDigit(c)) return this.number();
    return this.fail(c < 0 ? 'unexpected end' : 'unexpected character');
  }

  private word(word: string, kind: i32, bool: boolean): JsonValue | null {
    if (!this.text.startsWith(word, this.at)) return this.fail('unexpected character');
    this.at += word.length;
    const value = new JsonValue();
    value.kind = kind;
    value.bool = bool;
    return value;
  }

  private digits(): boolean {
    const from = this.at;
    while (isDigit(this.peek())) this.at++;
    return this.at > from;
  }

  private number(): JsonValue | null {
    const from = this.at;
    if (this.peek() == 0x2d) this.at++;
    if (this.peek() == 0x30) this.at++;
    else if (!this.digits()) return this.fail('a number needs digits');
    if (this.peek() == 0x2e) {
      this.at++;
      if (!this.digits()) return this.fail('a number needs digits after its point');
    }
    if (this.peek() == 0x65 || this.peek() == 0x45) {
      this.at++;
      if (this.peek() == 0x2b || this.peek() == 0x2d) this.at++;
      if (!this.digits()) return this.fail('a number needs digits in its exponent');
    }
    const value = new JsonValue();
    value.kind = JSON_NUMBER;
    value.number = parseFloat(this.text.substring(from, this.at));
    return value;
  }

  private string(): JsonValue | null {
    const text = this.quoted();
    if (this.problem.length > 0) return null;
    const value = new JsonValue();
    value.kind = JSON_STRING;
    value.text = text;
    return value;
  }

  /** The string at the opening quote; `problem` is set where it is not one. */
  private quoted(): string {
    this.at++;
    let from = this.at;
    let text = '';
    while (true) {
      const c = this.peek();
      if (c < 0x20) {
        this.fail(c < 0 ? 'unexpected end in a string' : 'control character in a string');
        return '';
      }
      if (c == 0x22) {
        const rest = this.text.substring(from, this.at);
        this.at++;
        return text.length == 0 ? rest : text + rest;
      }
      if (c != 0x5c) {
        this.at++;
        continue;
      }
      text += this.text.substring(from, this.at);
      text += this.escape();
      if (this.problem.length > 0) return '';
      from = this.at;
    }
  }

  private escape(): string {
    this.at++;
    const c = this.peek();
    this.at++;
    if (c == 0x22 || c == 0x5c || c == 0x2f) return String.fromCharCode(c);
    if (c == 0x6e) return '\n';
    if (c == 0x74) return '\t';
    if (c == 0x72) return '\r';
    if (c == 0x62) return '\b';
    if (c == 0x66) return '\f';
    if (c == 0x75) return this.unicodeEscape();
    this.fail('unknown escape in a string');
    return '';
  }

  private unicodeEscape(): string {
    let code: i32 = 0;
    for (let i = 0; i < 4; i++) {
      const digit = hexDigit(this.peek());
      if (digit < 0) {
        this.fail('a \\u escape needs four hexadecimal digits');
        return '';
      }
      code = (code << 4) | digit;
      this.at++;
    }
    return String.fromCharCode(code);
  }

  private array(depth: i32): JsonValue | null {
    const value = new JsonValue();
    value.kind = JSON_ARRAY;
    value.items = [];
    this.at++;
    this.space();
    if (this.peek() == 0x5d) {
      this.at++;
      return value;
    }
    while (true) {
      const item = this.value(depth + 1);
      if (item === null) return null;
      value.items.push(item);
      this.space();
      const c = this.peek();
      this.at++;
      if (c == 0x5d) return value;
      if (c != 0x2c) return this.fail('expected , or ] in an array');
    }
  }

  private object(depth: i32): JsonValue | null {
    const value = new JsonValue();
    value.kind = JSON_OBJECT;
    value.keys = [];
    value.items = [];
    this.at++;
    this.space();
    if (this.peek() == 0x7d) {
      this.at++;
      return value;
    }
    while (true) {
      this.space();
      if (this.peek() != 0x22) return this.fail('expected a quoted key');
      const key = this.quoted();
      if (this.problem.length > 0) return null;
      if (value.keys.length == MAX_KEYS) {
        return this.fail('an object has more than ' + MAX_KEYS.toString() + ' keys');
      }
      if (value.keys.includes(key)) return this.fail('key ' + key + ' appears twice');
      this.space();
      if (this.peek() != 0x3a) return this.fail('expected : after a key');
      this.at++;
      const item = this.value(depth + 1);
      if (item === null) return null;
      value.keys.push(key);
      value.items.push(item);
      this.space();
      const c = this.peek();
      this.at++;
      if (c == 0x7d) return value;
      if (c != 0x2c) return this.fail('expected , or } in an object');
    }
  }
}

function isDigit(c: i32): boolean {
  return c >= 0x30 && c <= 0x39;
}

function hexDigit(c: i32): i32 {
  if (isDigit(c)) return c - 0x30;
  if (c >= 0x61 && c <= 0x66) return c - 0x57;
  if (c >= 0x41 && c <= 0x46) return c - 0x37;
  return -1;
}
