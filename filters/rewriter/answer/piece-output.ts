/**
 * What is sent on in the place of one piece of a body: its bytes, some of them replaced, and its last ones
 * kept back where it takes the next piece to decide about them.
 */

/** The place of the bytes that were kept back, which stand before the first of the piece. */
export const HELD: i32 = -1;
const NOTHING: i32 = -2;

const MIN_HELD_BYTES: i32 = 128;

export class PieceOutput {
  /** Bytes kept back of earlier pieces. */
  heldSize: i32 = 0;
  private held: Uint8Array | null = null;
  /** The replacements, in the order of the body. */
  private froms: i32[] = [];
  private tos: i32[] = [];
  private parts: Uint8Array[] = [];
  private keptFrom: i32 = NOTHING;

  /** Puts `part` in the place of `from` to `to`; `HELD`: of all that was kept back, too. */
  replace(from: i32, to: i32, part: Uint8Array): void {
    this.froms.push(from);
    this.tos.push(to);
    this.parts.push(part);
  }

  /** Keeps back what follows `from`; `HELD`: all of it. */
  keep(from: i32): void {
    this.keptFrom = from;
  }

  /** What was kept back, and as much of the piece behind it as `maxBytes` leave room for. */
  joined(bytes: Uint8Array, size: i32, maxBytes: i32): Uint8Array {
    const heldSize = this.heldSize;
    const room = maxBytes > heldSize ? maxBytes - heldSize : 0;
    const more = size < room ? size : room;
    const out: Uint8Array = new Uint8Array(heldSize + more);
    const held = this.held;
    if (held !== null) out.set(held.subarray(0, heldSize));
    out.set(bytes.subarray(0, more), heldSize);
    return out;
  }

  /** Whether what was kept back and the first `to` bytes of the piece are `expected`. */
  heldIs(bytes: Uint8Array, to: i32, expected: Uint8Array): boolean {
    const held = this.held;
    const heldSize = this.heldSize;
    if (held === null || heldSize + to != expected.length) return false;
    return same(held, 0, heldSize, expected, 0) && same(bytes, 0, to, expected, heldSize);
  }

  /** What goes on in the place of the piece; null: the piece itself. Then comes the next piece. */
  take(bytes: Uint8Array, size: i32): Uint8Array | null {
    const keptFrom = this.keptFrom;
    const count = this.parts.length;
    if (count == 0 && this.heldSize == 0 && keptFrom == NOTHING) return null;
    const keepsHeld = keptFrom == HELD;
    const out = keepsHeld
      ? new Uint8Array(0)
      : this.assemble(bytes, keptFrom >= 0 ? keptFrom : size);
    if (!keepsHeld) this.heldSize = 0;
    if (keptFrom != NOTHING) this.hold(bytes, keepsHeld ? 0 : keptFrom, size);
    this.keptFrom = NOTHING;
    if (count > 0) {
      this.froms.length = 0;
      this.tos.length = 0;
      this.parts.length = 0;
    }
    return out;
  }

  private assemble(bytes: Uint8Array, size: i32): Uint8Array {
    const count = this.parts.length;
    const dropsHeld = count > 0 && this.froms[0] == HELD;
    const heldSize = dropsHeld ? 0 : this.heldSize;
    let total = heldSize + size;
    for (let i = 0; i < count; i++) {
      total += this.parts[i].length - this.tos[i] + start(this.froms[i]);
    }
    const out: Uint8Array = new Uint8Array(total);
    const held = this.held;
    if (held !== null && heldSize > 0) out.set(held.subarray(0, heldSize));
    let from = 0;
    let to = heldSize;
    for (let i = 0; i < count; i++) {
      const part = this.parts[i];
      const until = start(this.froms[i]);
      out.set(bytes.subarray(from, until), to);
      to += until - from;
      out.set(part, to);
      to += part.length;
      from = this.tos[i];
    }
    out.set(bytes.subarray(from, size), to);
    return out;
  }

  private hold(bytes: Uint8Array, from: i32, size: i32): void {
    const before = this.heldSize;
    const needed = before + size - from;
    let held = this.held;
    if (held === null || held.length < needed) {
      const larger: Uint8Array = new Uint8Array(
        needed < MIN_HELD_BYTES ? MIN_HELD_BYTES : needed * 2,
      );
      if (held !== null) larger.set(held.subarray(0, before));
      held = larger;
      this.held = larger;
    }
    held.set(bytes.subarray(from, size), before);
    this.heldSize = needed;
  }
}

function start(from: i32): i32 {
  return from == HELD ? 0 : from;
}

/** Whether bytes `from` to `to` are those of `expected` from `at` on, which has as many. */
export function same(
  bytes: Uint8Array,
  from: i32,
  to: i32,
  expected: Uint8Array,
  at: i32,
): boolean {
  for (let i = from; i < to; i++) {
    if (bytes[i] != expected[at + i - from]) return false;
  }
  return true;
}
