/** What every reader of answers offers, whatever their format. */

export abstract class AnswerEditor {
  /** All edits that will ever be made have been made, or none will be: `growth` is final. */
  settled: boolean = false;
  /** Bytes gained so far; below 0: lost. */
  growth: f64 = 0;
  /** Names that another one took the place of. */
  replaced: i32 = 0;
  /** From `usage`, the last that was said; -1: it was not. */
  tokensIn: f64 = -1;
  tokensOut: f64 = -1;

  /**
   * Takes the next `size` bytes of the body. Returns what to send on in their place, which may be nothing at
   * all, or null: they go on as they are. A few bytes may be kept back until the next call, unless `end`
   * says that there is none.
   */
  abstract transform(bytes: Uint8Array, size: i32, end: boolean): Uint8Array | null;
}
