/** A key or a number of a JSON text, kept while its bytes come; what is longer than any of interest is not. */
import { firstPart, isDigit, mayEnd, partAfter, takesDigits } from '../../wire/json-number.ts';

const MAX_BYTES: i32 = 32;
const MAX_COUNT: f64 = 9007199254740991;

export class ShortText {
  private bytes: Uint8Array = new Uint8Array(MAX_BYTES);
  private size: i32 = 0;

  clear(): void {
    this.size = 0;
  }

  /** Adds a unit; one that is not ASCII makes it a text that nobody asks for. */
  add(unit: i32): void {
    if (unit >= 0x80 || this.size >= MAX_BYTES) this.size = MAX_BYTES + 1;
    else this.bytes[this.size++] = unit;
  }

  is(text: string): boolean {
    if (this.size != text.length) return false;
    for (let i = 0; i < text.length; i++) {
      const c: i32 = unchecked(this.bytes[i]);
      if (c != text.charCodeAt(i)) return false;
    }
    return true;
  }

  /** The whole number that a JSON number says; -1 for a negative one, a fraction, or what is none. */
  count(): f64 {
    const size = this.size;
    if (size == 0 || size > MAX_BYTES || !isDigit(this.bytes[0])) return -1;
    let part = firstPart(this.bytes[0]);
    let text = '';
    for (let i = 0; i < size; i++) {
      const c: i32 = this.bytes[i];
      text += String.fromCharCode(c);
      if (i == 0 || (takesDigits(part) && isDigit(c))) continue;
      part = partAfter(part, c);
      if (part < 0) return -1;
    }
    if (!mayEnd(part)) return -1;
    const value: f64 = parseFloat(text);
    return value <= MAX_COUNT && Math.floor(value) == value ? value : -1;
  }
}
