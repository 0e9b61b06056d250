export interface StoppedText {
  /** What can be told: no part of it can belong to a stop text that is still to come. */
  readonly text: string;
  /** Whether a stop text was found; `text` ends before it. */
  readonly stopped: boolean;
}

/** Looks for stop texts in text that comes in pieces, and keeps back what may be the start of one. */
export class StopTexts {
  readonly #stops: readonly string[];
  #held = '';

  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== '');
  }

  push(piece: string): StoppedText {
    const text = this.#held + piece;
    let at = text.length + 1;
    for (const stop of this.#stops) {
      const found = text.indexOf(stop);
      if (found >= 0) at = Math.min(at, found);
    }
    if (at <= text.length) {
      this.#held = '';
      return { text: text.slice(0, at), stopped: true };
    }
    const kept = this.#startLength(text);
    this.#held = text.slice(text.length - kept);
    return { text: text.slice(0, text.length - kept), stopped: false };
  }

  /** What was kept back, when no more comes. */
  end(): string {
    const text = this.#held;
    this.#held = '';
    return text;
  }

  /** Length of the longest end of `text` with which a stop text begins. */
  #startLength(text: string): number {
    let longest = 0;
    for (const stop of this.#stops) {
      for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
        if (text.endsWith(stop.slice(0, length))) longest = length;
      }
    }
    return longest;
  }
}
