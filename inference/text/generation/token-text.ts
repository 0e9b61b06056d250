/** A character has at most so many bytes; more tokens than this end none, so they are not waited for. */
const MAX_HELD_TOKENS = 8;
const PARTIAL = '\uFFFD';

/**
 * Text of tokens that come one by one. A character whose bytes are spread over tokens comes with its last one,
 * and the text of a token may depend on the one before it, so a few are decoded again each time.
 */
export class TokenText {
  readonly #decode: (ids: number[]) => string;
  /** Those that are still needed: the last that are told in full, and those after them. */
  #ids: number[] = [];
  /** How many of `#ids` are told in full. */
  #told = 0;
  /** What was told of the text of the others. */
  #toldChars = 0;

  constructor(decode: (ids: number[]) => string) {
    this.#decode = decode;
  }

  /** The text that this token adds: often some characters, at times none. */
  push(id: number): string {
    this.#ids.push(id);
    const fresh = this.#freshText();
    const held = this.#ids.length - this.#told;
    const whole = held > MAX_HELD_TOKENS ? fresh : withoutPartial(fresh);
    const text = whole.slice(this.#toldChars);
    this.#toldChars = Math.max(this.#toldChars, whole.length);
    if (whole.length === fresh.length) this.#advance();
    return text;
  }

  /** What is left when no more tokens come: half a character becomes U+FFFD. */
  end(): string {
    const text = this.#freshText().slice(this.#toldChars);
    this.#advance();
    return text;
  }

  #freshText(): string {
    const before = this.#decode(this.#ids.slice(0, this.#told));
    return this.#decode(this.#ids).slice(before.length);
  }

  #advance(): void {
    this.#ids = this.#ids.slice(this.#told);
    this.#told = this.#ids.length;
    this.#toldChars = 0;
  }
}

function withoutPartial(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === PARTIAL) end--;
  return text.slice(0, end);
}
