/** Parameters of a gRPC message, a protobuf map: in whatever order they were written, they mean the same. */
import { FIELD, FIELDS_END, GrpcScan, WIRE_LENGTH } from './grpc-scan.ts';
import { addText, Signature } from './signature.ts';
import { compareBytes, NO_SPAN, Span, startsWith } from './span.ts';

const MAX_PARAMETERS: i32 = 64;
const KEY: i32 = 1;
const VALUE: i32 = 2;

export class GrpcParameters {
  private bytes: Uint8Array;
  /** Sorted; values beside them. */
  private keys: Span[] = [];
  private values: Span[] = [];

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Takes an entry of the map. False where it is none, or belongs to one caller alone, or was there before. */
  take(entry: GrpcScan): boolean {
    let key = NO_SPAN;
    let value = NO_SPAN;
    let next = entry.next();
    while (next == FIELD) {
      if (entry.wire != WIRE_LENGTH) return false;
      if (entry.field == KEY && key.missing) key = entry.span();
      else if (entry.field == VALUE && value.missing) value = entry.span();
      else return false;
      next = entry.next();
    }
    if (next != FIELDS_END || key.missing || value.missing) return false;
    if (startsWith(this.bytes, key.start, key.end, 'sequence_')) return false;
    if (startsWith(this.bytes, key.start, key.end, 'shared_memory')) return false;
    return this.insert(key, value);
  }

  addTo(signature: Signature): void {
    signature.whole(this.keys.length);
    for (let i = 0; i < this.keys.length; i++) {
      addText(signature, this.bytes, this.keys[i]);
      addText(signature, this.bytes, this.values[i]);
    }
  }

  private insert(key: Span, value: Span): boolean {
    if (this.keys.length >= MAX_PARAMETERS) return false;
    const bytes = this.bytes;
    let at = this.keys.length;
    this.keys.push(key);
    this.values.push(value);
    while (at > 0) {
      const before = this.keys[at - 1];
      const order = compareBytes(bytes, before.start, before.end, bytes, key.start, key.end);
      if (order == 0) return false;
      if (order < 0) break;
      this.keys[at] = before;
      this.values[at] = this.values[at - 1];
      at--;
    }
    this.keys[at] = key;
    this.values[at] = value;
    return true;
  }
}
