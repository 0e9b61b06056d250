/** Keeps one token of a body while its bytes come, in as many pieces as they may. */
import { decodeJsonString } from './json-string.ts';
import { StringRun } from './string-run.ts';

export class TokenCapture {
  /** Whether the token is longer than was asked for: then its text is not known. */
  tooLong: boolean = false;
  /** First byte of the token in the chunk at hand; its earlier bytes are held. */
  private from: i32 = 0;
  private held: Uint8Array | null = null;
  private size: i32 = 0;
  private maxBytes: i32 = 0;
  private run: StringRun;

  constructor(run: StringRun) {
    this.run = run;
  }

  /** The token begins at `at` of the chunk at hand. */
  begin(at: i32, maxBytes: i32): void {
    this.from = at;
    this.size = 0;
    this.maxBytes = maxBytes;
    this.tooLong = false;
  }

  /** The chunk is at its end, the token is not: it goes on at the next one's beginning. */
  suspend(bytes: Uint8Array, to: i32): void {
    this.hold(bytes, to);
    this.from = 0;
  }

  /** A new chunk's first byte is at `at`. */
  resume(at: i32): void {
    this.from = at;
  }

  /** The token, which ends before `at`, as the content of a JSON string; null where it is none. */
  jsonText(bytes: Uint8Array, at: i32): string | null {
    if (this.size == 0) {
      this.tooLong = at - this.from > this.maxBytes;
      if (this.tooLong) return '';
      const plain = this.run.plainText(bytes, this.from, at);
      return plain !== null ? plain : decodeJsonString(bytes, this.from, at);
    }
    this.hold(bytes, at);
    const held = this.held;
    return this.tooLong || held === null ? '' : decodeJsonString(held, 0, this.size);
  }

  /** The token, which ends before `at`, byte by byte: for numbers. */
  asciiText(bytes: Uint8Array, at: i32): string {
    this.hold(bytes, at);
    const held = this.held;
    let text = '';
    if (this.tooLong || held === null) return text;
    for (let i = 0; i < this.size; i++) text += String.fromCharCode(held[i]);
    return text;
  }

  private hold(bytes: Uint8Array, to: i32): void {
    let held = this.held;
    if (held === null || held.length < this.maxBytes) {
      held = new Uint8Array(this.maxBytes);
      this.held = held;
    }
    if (this.size + to - this.from > this.maxBytes) this.tooLong = true;
    for (let i = this.from; i < to && this.size < this.maxBytes; i++) {
      held[this.size++] = bytes[i];
    }
  }
}
