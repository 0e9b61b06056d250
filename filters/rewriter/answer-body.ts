/**
 * An answer on its way through an editor. One that does not say how long it is streams: each piece goes on at
 * once. One that does is held until its new length is known, up to a limit; what follows then keeps its length.
 */
import { AnswerEditor } from './answer/editor.ts';

/** What becomes of a piece, and of all that was held before it. */
export const KEEP: i32 = 0;
/** Replaced by `output`. */
export const REPLACE: i32 = 1;
/** Held, with the headers. */
export const WAIT: i32 = 2;

const STREAMING: i32 = 0;
const HOLDING: i32 = 1;
/** Its length has been told: no piece may become longer or shorter. */
const PROMISED: i32 = 2;
/** Nothing is edited any more. */
const GIVEN_UP: i32 = 3;

const NOTHING: Uint8Array = new Uint8Array(0);

export class AnswerBody {
  readonly editor: AnswerEditor;
  /** After REPLACE: all that goes on. */
  output: Uint8Array = NOTHING;
  /** Bytes that are held: pieces that come next begin there. */
  held: i32 = 0;
  /** Bytes that the held part has gained when it was let go. */
  growth: i32 = 0;
  /** More was held than may be, and the length could not be told. */
  tooLong: boolean = false;
  private state: i32 = STREAMING;
  private maxHoldBytes: i32;
  /** Whether an answer that is too long may go on without saying its length. */
  private mayDropLength: boolean;
  private pieces: Uint8Array[] = [];
  /** Whether the pieces differ from what came. */
  private changed: boolean = false;

  /** `holds`: the answer says its length. */
  constructor(editor: AnswerEditor, holds: boolean, maxHoldBytes: i32, mayDropLength: boolean) {
    this.editor = editor;
    this.state = holds ? HOLDING : STREAMING;
    this.maxHoldBytes = maxHoldBytes;
    this.mayDropLength = mayDropLength;
  }

  get holding(): boolean {
    return this.state == HOLDING;
  }

  /** Takes the next `size` bytes. `end`: nothing follows them. */
  take(bytes: Uint8Array, size: i32, end: boolean): i32 {
    if (this.state == GIVEN_UP) return KEEP;
    const out = this.editor.transform(bytes, size, end);
    if (this.state == HOLDING) return this.hold(bytes, size, end, out);
    if (out === null || (this.state == PROMISED && out.length != size)) return KEEP;
    this.output = out;
    return REPLACE;
  }

  private hold(bytes: Uint8Array, size: i32, end: boolean, out: Uint8Array | null): i32 {
    const before = this.held;
    this.held += size;
    const done = this.editor.settled || end;
    if (out !== null) this.changed = true;
    if (!done && this.held <= this.maxHoldBytes) {
      this.pieces.push(out === null ? bytes.slice(0, size) : out);
      return WAIT;
    }
    this.state = PROMISED;
    if (!done) {
      this.tooLong = true;
      this.state = this.mayDropLength ? STREAMING : GIVEN_UP;
    }
    const action = this.state == GIVEN_UP ? KEEP : this.join(bytes, size, out, before);
    if (this.state == PROMISED && action == REPLACE) this.growth = this.output.length - this.held;
    this.held = 0;
    this.pieces = [];
    return action;
  }

  /** Puts the held pieces and the last one together; `before`: bytes that were held before it. */
  private join(bytes: Uint8Array, size: i32, out: Uint8Array | null, before: i32): i32 {
    if (!this.changed) return KEEP;
    if (before == 0 && out !== null) {
      this.output = out;
      return REPLACE;
    }
    const last = out === null ? bytes.subarray(0, size) : out;
    let length = last.length;
    for (let i = 0; i < this.pieces.length; i++) length += this.pieces[i].length;
    const joined: Uint8Array = new Uint8Array(length);
    let at = 0;
    for (let i = 0; i < this.pieces.length; i++) {
      joined.set(this.pieces[i], at);
      at += this.pieces[i].length;
    }
    joined.set(last, at);
    this.output = joined;
    return REPLACE;
  }
}
