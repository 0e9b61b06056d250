/**
 * Takes one object of a configuration apart, field by field, and collects every problem with its
 * path. A field that nobody asked for is a problem: a filter never half understands.
 */
import {
  JSON_ARRAY,
  JSON_BOOL,
  JSON_NUMBER,
  JSON_OBJECT,
  JSON_STRING,
  JsonReader,
  JsonValue,
} from './json-reader.ts';
import { CONTRACT_VERSION } from './limits.ts';

export class Problems {
  list: string[] = [];

  add(path: string, reason: string): void {
    this.list.push((path.length > 0 ? path : 'configuration') + ': ' + reason);
  }

  /** All problems in one line; empty where there are none. */
  text(): string {
    return this.list.join('; ');
  }
}

export class Fields {
  private value: JsonValue;
  private parent: string;
  private index: i32;
  private problems: Problems;
  /** A bit for each key that was asked for, by its place in the object. */
  private taken: i32 = 0;

  /**
   * The object at `parent`, or at `parent[index]` if `index` is not negative. Paths are put together only
   * for a problem: a thousand routes have none.
   */
  constructor(value: JsonValue, parent: string, index: i32, problems: Problems) {
    this.value = value;
    this.parent = parent;
    this.index = index;
    this.problems = problems;
    if (value.kind != JSON_OBJECT) problems.add(this.path(), 'must be an object');
  }

  /** The fields of a whole configuration of our version, or null where `text` is not even JSON. */
  static open(text: string, problems: Problems): Fields | null {
    const reader = new JsonReader(text);
    const root = reader.read();
    if (root === null) {
      problems.add('', reader.problem);
      return null;
    }
    const fields = new Fields(root, '', -1, problems);
    fields.version();
    return fields;
  }

  /** Path of this object, as in `routes[3]`. */
  path(): string {
    return this.index < 0 ? this.parent : this.parent + '[' + this.index.toString() + ']';
  }

  /** Path of a field, as in `routes[3].name`. */
  at(key: string): string {
    const path = this.path();
    return path.length > 0 ? path + '.' + key : key;
  }

  int(key: string, min: i32, max: i32): i32 {
    const value = this.take(key, JSON_NUMBER, 'a whole number');
    if (value === null) return min;
    const number = value.number;
    if (number < f64(min) || number > f64(max) || Math.floor(number) != number) {
      const range = min.toString() + ' to ' + max.toString();
      this.problems.add(this.at(key), 'must be a whole number from ' + range);
      return min;
    }
    return i32(number);
  }

  bool(key: string): boolean {
    const value = this.take(key, JSON_BOOL, 'true or false');
    return value !== null && value.bool;
  }

  /** A string of at most `maxLength` UTF-16 units without control characters. */
  string(key: string, maxLength: i32): string {
    const value = this.take(key, JSON_STRING, 'a string');
    return value === null ? '' : this.checked(value.text, key, -1, maxLength);
  }

  /** As `string`, and not empty. */
  name(key: string, maxLength: i32): string {
    const text = this.string(key, maxLength);
    if (text.length == 0) this.problems.add(this.at(key), 'must not be empty');
    return text;
  }

  strings(key: string, maxItems: i32, maxLength: i32): string[] {
    const texts: string[] = [];
    const items = this.list(key, maxItems);
    for (let i = 0; i < items.length; i++) {
      if (items[i].kind == JSON_STRING) {
        texts.push(this.checked(items[i].text, key, i, maxLength));
      } else {
        this.problems.add(this.at(key) + '[' + i.toString() + ']', 'must be a string');
      }
    }
    return texts;
  }

  /** As `string`, for a field that is left out where it is empty. */
  optionalString(key: string, maxLength: i32): string {
    return this.has(key) ? this.string(key, maxLength) : '';
  }

  /** As `bool`, for a field that is left out where it is false. */
  optionalBool(key: string): boolean {
    return this.has(key) && this.bool(key);
  }

  /** As `list`, for a field that is left out where the list is empty. */
  optionalList(key: string, maxItems: i32): JsonValue[] {
    return this.has(key) ? this.list(key, maxItems) : [];
  }

  /** As `strings`, for a field that is left out where the list is empty. */
  optionalStrings(key: string, maxItems: i32, maxLength: i32): string[] {
    return this.has(key) ? this.strings(key, maxItems, maxLength) : [];
  }

  has(key: string): boolean {
    return this.value.kind == JSON_OBJECT && this.value.keys.indexOf(key) >= 0;
  }

  list(key: string, maxItems: i32): JsonValue[] {
    const value = this.take(key, JSON_ARRAY, 'a list');
    if (value === null) return [];
    if (value.items.length > maxItems) {
      this.problems.add(this.at(key), 'must have at most ' + maxItems.toString() + ' items');
      return [];
    }
    return value.items;
  }

  private version(): void {
    const value = this.take('version', JSON_NUMBER, 'a whole number');
    if (value === null || value.number == f64(CONTRACT_VERSION)) return;
    const reason = 'this filter understands only ' + CONTRACT_VERSION.toString();
    this.problems.add(this.at('version'), reason);
  }

  /** Call last: whatever was not asked for is refused. */
  end(): void {
    if (this.value.kind != JSON_OBJECT) return;
    for (let i = 0; i < this.value.keys.length; i++) {
      if (((this.taken >> i) & 1) == 0) {
        this.problems.add(this.at(this.value.keys[i]), 'unknown field');
      }
    }
  }

  private take(key: string, kind: i32, what: string): JsonValue | null {
    if (this.value.kind != JSON_OBJECT) return null;
    const index = this.value.keys.indexOf(key);
    if (index < 0) {
      this.problems.add(this.at(key), 'is missing');
      return null;
    }
    this.taken |= 1 << index;
    const value = this.value.items[index];
    if (value.kind != kind) {
      this.problems.add(this.at(key), 'must be ' + what);
      return null;
    }
    return value;
  }

  /** The text at `key`, or at `key[index]` if `index` is not negative. */
  private checked(text: string, key: string, index: i32, maxLength: i32): string {
    let reason = '';
    if (text.length > maxLength) reason = 'must be at most ' + maxLength.toString() + ' characters';
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (c < 0x20 || c == 0x7f) reason = 'must not contain control characters';
    }
    if (reason.length == 0) return text;
    const suffix = index < 0 ? '' : '[' + index.toString() + ']';
    this.problems.add(this.at(key) + suffix, reason);
    return '';
  }
}
