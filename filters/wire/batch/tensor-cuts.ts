/** Cuts a binary tensor into its members' rows. */
import { BYTES_DATATYPE, bytesElementsEnd, UNKNOWN_DATATYPE } from './datatype.ts';

/**
 * Start and end of each member's rows, in turns, of the tensor at `from` to `to`; null where it has not
 * exactly as many elements as they are. `rowElements` is a whole number, `type` is from `elementBytes`.
 */
export function binaryCuts(
  bytes: Uint8Array,
  from: i32,
  to: i32,
  type: i32,
  rowElements: f64,
  rows: i32[],
): i32[] | null {
  if (type == UNKNOWN_DATATYPE) return null;
  const cuts: i32[] = [];
  let at = from;
  for (let i = 0; i < rows.length; i++) {
    const elements = rowElements * f64(rows[i]);
    const left = f64(to - at);
    cuts.push(at);
    if (type == BYTES_DATATYPE) {
      if (elements > left) return null;
      at = bytesElementsEnd(bytes, at, to, i32(elements));
      if (at < 0) return null;
    } else {
      const size = elements * f64(type);
      if (size > left) return null;
      at += i32(size);
    }
    cuts.push(at);
  }
  return at == to ? cuts : null;
}
