/** The fields of an object that joined requests must have in common, in whatever order they stand. */
import { JsonScan } from './json-scan.ts';
import { Signature } from './signature.ts';
import { compareBytes, Span } from './span.ts';

const MAX_FIELDS: i32 = 64;

export class Fields {
  private bytes: Uint8Array;
  /** Sorted; values beside them. */
  private keys: Span[] = [];
  private values: Span[] = [];

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Takes the value that comes next, under the key that was last. False for a key that was there. */
  take(scan: JsonScan): boolean {
    const key = new Span(scan.textStart, scan.textEnd);
    const value = scan.span();
    return !value.missing && this.insert(key, value);
  }

  addTo(signature: Signature): void {
    if (this.keys.length == 0) return;
    signature.byte(0x7b);
    for (let i = 0; i < this.keys.length; i++) {
      signature.add(this.bytes, this.keys[i].start - 1, this.keys[i].end + 1);
      signature.byte(0x3a);
      signature.add(this.bytes, this.values[i].start, this.values[i].end);
      signature.byte(0x2c);
    }
    signature.byte(0x7d);
  }

  private insert(key: Span, value: Span): boolean {
    if (this.keys.length >= MAX_FIELDS) return false;
    let at = this.keys.length;
    this.keys.push(key);
    this.values.push(value);
    while (at > 0) {
      const before = this.keys[at - 1];
      const order = compareBytes(
        this.bytes,
        before.start,
        before.end,
        this.bytes,
        key.start,
        key.end,
      );
      if (order == 0) return false;
      if (order < 0) break;
      this.keys[at] = before;
      this.values[at] = this.values[at - 1];
      at--;
    }
    this.keys[at] = key;
    this.values[at] = value;
    return true;
  }
}
