/** Bytes that one worker may hold, over all configurations that are alive in it. */
import { Member } from './batch.ts';

/** What a held request costs beside its body: its headers, and our own notes. */
const REQUEST_BYTES: i32 = 1024;

export class Budget {
  usedBytes: f64 = 0;

  /** Raises what a request takes to that of a body of `size` bytes; false, and no change, beyond the limit. */
  take(member: Member, size: i32, limit: i32): boolean {
    const more = f64(size) + f64(REQUEST_BYTES) - f64(member.heldBytes);
    if (more <= 0) return true;
    if (this.usedBytes + more > f64(limit)) return false;
    this.usedBytes += more;
    member.heldBytes += i32(more);
    return true;
  }

  release(member: Member): void {
    this.usedBytes -= f64(member.heldBytes);
    member.heldBytes = 0;
  }
}
