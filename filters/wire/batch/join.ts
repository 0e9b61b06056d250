/**
 * Joins requests into one. The first is the mould; of the others only their elements are taken, at their
 * commas, and their binary tensors. Each byte is copied once, into a buffer of the exact size.
 */
import { BATCH_GRPC, BatchRequest } from './batch-request.ts';
import { ByteWriter, wholeLength } from './byte-writer.ts';
import { EDIT_LIST, EDIT_ROWS, Edit } from './edit.ts';
import { joinGrpc } from './grpc-join.ts';

/** Far above what a proxy holds, and far below where sizes overflow. */
const MAX_JOINED_BYTES: f64 = 1073741824;

const COMMA: i32 = 0x2c;
const OPEN_LIST: i32 = 0x5b;
const CLOSE_LIST: i32 = 0x5d;

export class JoinedBody {
  readonly bytes: Uint8Array;
  /** For the header Inference-Header-Content-Length; -1: none. */
  readonly jsonBytes: i32;
  readonly isGrpc: boolean;

  constructor(bytes: Uint8Array, jsonBytes: i32, isGrpc: boolean) {
    this.bytes = bytes;
    this.jsonBytes = jsonBytes;
    this.isGrpc = isGrpc;
  }
}

/**
 * The joined body of at least one request. Null where there is none, where one does not join with the
 * first, and beyond 1 GiB: whoever keeps the rules does not see it.
 */
export function joinBatch(requests: BatchRequest[]): JoinedBody | null {
  if (requests.length == 0) return null;
  const first = requests[0];
  const header = first.hasHeader ? first.jsonEnd : -1;
  const isGrpc = first.kind == BATCH_GRPC;
  if (requests.length == 1) return new JoinedBody(first.bytes, header, isGrpc);
  let most: f64 = 0;
  for (let i = 0; i < requests.length; i++) {
    if (!first.joinsWith(requests[i])) return null;
    most += f64(requests[i].bytes.length);
  }
  if (most > MAX_JOINED_BYTES) return null;
  if (isGrpc) return new JoinedBody(joinGrpc(requests), -1, true);
  return new Joining(requests).join();
}

class Joining {
  private requests: BatchRequest[];
  private first: BatchRequest;
  private rows: i32 = 0;
  /** Bytes of each slot, all members together. */
  private slotBytes: i32[] = [];

  constructor(requests: BatchRequest[]) {
    this.requests = requests;
    this.first = requests[0];
    for (let i = 0; i < requests.length; i++) this.rows += requests[i].rows;
    for (let slot = 0; slot < this.first.slots.length; slot++) {
      let size: i32 = 0;
      for (let i = 0; i < requests.length; i++) size += requests[i].slots[slot].length;
      this.slotBytes.push(size);
    }
  }

  join(): JoinedBody {
    const first = this.first;
    const jsonBytes = this.jsonLength();
    let length = jsonBytes;
    for (let i = 0; i < first.binarySlots.length; i++) {
      length += this.slotBytes[first.binarySlots[i]];
    }
    const writer = new ByteWriter(length);
    let at: i32 = 0;
    for (let i = 0; i < first.edits.length; i++) {
      const edit = first.edits[i];
      writer.copy(first.bytes, at, edit.start);
      this.write(edit, writer);
      at = edit.end;
    }
    writer.copy(first.bytes, at, first.jsonEnd);
    for (let i = 0; i < first.binarySlots.length; i++) {
      this.writeSlot(first.binarySlots[i], -1, writer);
    }
    return new JoinedBody(writer.bytes, first.hasHeader ? jsonBytes : -1, false);
  }

  private jsonLength(): i32 {
    let length = this.first.jsonEnd;
    for (let i = 0; i < this.first.edits.length; i++) {
      const edit = this.first.edits[i];
      length += this.lengthOf(edit) - (edit.end - edit.start);
    }
    return length;
  }

  private lengthOf(edit: Edit): i32 {
    if (edit.kind == EDIT_ROWS) return wholeLength(this.rows);
    if (edit.kind != EDIT_LIST) return wholeLength(this.slotBytes[edit.part]);
    const brackets = edit.part == this.first.loneSlot ? 2 : 0;
    return this.slotBytes[edit.part] + this.requests.length - 1 + brackets;
  }

  private write(edit: Edit, writer: ByteWriter): void {
    if (edit.kind == EDIT_ROWS) writer.whole(this.rows);
    else if (edit.kind != EDIT_LIST) writer.whole(this.slotBytes[edit.part]);
    else if (edit.part == this.first.loneSlot) {
      writer.byte(OPEN_LIST);
      this.writeSlot(edit.part, COMMA, writer);
      writer.byte(CLOSE_LIST);
    } else this.writeSlot(edit.part, COMMA, writer);
  }

  /** All members' bytes of a slot, `between` each two; -1: nothing. */
  private writeSlot(slot: i32, between: i32, writer: ByteWriter): void {
    for (let i = 0; i < this.requests.length; i++) {
      if (i > 0 && between >= 0) writer.byte(between);
      const request = this.requests[i];
      const span = request.slots[slot];
      writer.copy(request.bytes, span.start, span.end);
    }
  }
}
