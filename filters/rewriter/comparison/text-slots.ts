/** The texts of an answer as they grow: one for each choice. */
import { JsonText, TEXT_MALFORMED } from './json-text.ts';

/** As many choices as one request may ask for. */
const MAX_CHOICES: i32 = 128;
const FIRST_BYTES: i32 = 256;

export class TextSlots {
  /** Whether there was any string, be it empty. */
  found: boolean = false;
  private slots: TextSlot[] = [];

  /** Adds the string of JSON between quotes at `from` to `to`. False where it is none. */
  add(choice: i32, bytes: Uint8Array, from: i32, to: i32): boolean {
    if (choice < 0 || choice >= MAX_CHOICES) return false;
    while (this.slots.length <= choice) this.slots.push(new TextSlot());
    this.found = true;
    return this.slots[choice].add(bytes, from, to);
  }

  /** Whether all texts are equal. One that is not there is empty. */
  same(other: TextSlots): boolean {
    const count = Math.max(this.slots.length, other.slots.length);
    for (let i = 0; i < i32(count); i++) {
      if (!this.slot(i).same(other.slot(i))) return false;
    }
    return true;
  }

  private slot(index: i32): TextSlot {
    return index < this.slots.length ? this.slots[index] : NO_TEXT;
  }
}

class TextSlot {
  private bytes: Uint8Array = new Uint8Array(0);
  private size: i32 = 0;

  add(bytes: Uint8Array, from: i32, to: i32): boolean {
    const text = new JsonText(bytes);
    text.begin(from, to);
    this.reserve(to - from);
    let byte = text.next();
    while (byte >= 0) {
      this.bytes[this.size++] = byte;
      byte = text.next();
    }
    return byte != TEXT_MALFORMED;
  }

  same(other: TextSlot): boolean {
    if (this.size != other.size) return false;
    for (let i = 0; i < this.size; i++) {
      if (unchecked(this.bytes[i]) != unchecked(other.bytes[i])) return false;
    }
    return true;
  }

  /** Makes room for the longest text that so many bytes of JSON can be. */
  private reserve(more: i32): void {
    const least = this.size + more;
    if (least <= this.bytes.length) return;
    const length = i32(Math.max(least, Math.max(FIRST_BYTES, this.bytes.length * 2)));
    const grown: Uint8Array = new Uint8Array(length);
    if (this.size > 0) grown.set(this.bytes.subarray(0, this.size));
    this.bytes = grown;
  }
}

const NO_TEXT: TextSlot = new TextSlot();
