import { simpleEscape } from './json-string.ts';

/** The innermost loop of every JSON reader: how far a string goes on without anything special. */
export class StringRun {
  /**
   * Index of the first byte from `from` to `to` that is a quote, a control character, or a backslash that does
   * not begin an escape of two bytes; `to` where there is none. Under a proxy the host gives a faster one of the
   * same meaning.
   */
  end(bytes: Uint8Array, from: i32, to: i32): i32 {
    let at = from;
    while (at < to) {
      const c: i32 = unchecked(bytes[at]);
      if (c == 0x5c) {
        if (at + 1 >= to || simpleEscape(unchecked(bytes[at + 1])) < 0) break;
        at++;
      } else if (c == 0x22 || c < 0x20) break;
      at++;
    }
    return at;
  }

  /** The text of bytes `from` to `to`, if all of them are ASCII and none is special; else null. */
  plainText(bytes: Uint8Array, from: i32, to: i32): string | null {
    const units: i32[] = [];
    for (let i = from; i < to; i++) {
      const c: i32 = bytes[i];
      if (c < 0x20 || c >= 0x7f || c == 0x22 || c == 0x5c) return null;
      units.push(c);
    }
    return String.fromCharCodes(units);
  }
}
