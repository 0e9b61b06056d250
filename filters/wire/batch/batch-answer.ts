/**
 * The answer to joined requests, and where to cut it. It is the mould of each member's answer: only what
 * differs from member to member is replaced.
 */
import { BatchShare } from './batch-share.ts';
import { ByteWriter, wholeLength } from './byte-writer.ts';
import { EDIT_COUNT, EDIT_ID, EDIT_ITEMS, EDIT_LIST, EDIT_ROWS, Edit } from './edit.ts';

const NO_BYTES: Uint8Array = new Uint8Array(0);

export class AnswerPart {
  readonly bytes: Uint8Array;
  /** For the header Inference-Header-Content-Length; -1: none. */
  readonly jsonBytes: i32;

  constructor(bytes: Uint8Array, jsonBytes: i32) {
    this.bytes = bytes;
    this.jsonBytes = jsonBytes;
  }
}

export class BatchAnswer {
  readonly share: BatchShare;
  readonly bytes: Uint8Array;
  readonly jsonEnd: i32;
  readonly hasHeader: boolean;
  /** In the order of the bytes. */
  edits: Edit[] = [];
  /** Of each list or tensor: where each member's part of it starts and ends, in turns. */
  cuts: i32[][] = [];
  /** Of each divided number: each member's part of it. */
  counts: i32[][] = [];
  /** Start and end of each row's own index, in turns. */
  indexes: i32[] = [];
  /** The tensors behind the JSON, in their order. */
  binaryParts: i32[] = [];
  /** The row that each member begins with. */
  private firstRows: i32[] = [];

  constructor(share: BatchShare, bytes: Uint8Array, jsonBytes: i32) {
    this.share = share;
    this.bytes = bytes;
    this.hasHeader = jsonBytes >= 0;
    this.jsonEnd = jsonBytes >= 0 ? jsonBytes : bytes.length;
    let row: i32 = 0;
    for (let i = 0; i < share.rows.length; i++) {
      this.firstRows.push(row);
      row += share.rows[i];
    }
  }

  /** The answer of one member, as it would have got it alone. */
  slice(index: i32): AnswerPart {
    if (index < 0 || index >= this.share.rows.length) return new AnswerPart(NO_BYTES, -1);
    const jsonBytes = this.jsonLength(index);
    let length = jsonBytes;
    for (let i = 0; i < this.binaryParts.length; i++) {
      length += this.cutLength(this.binaryParts[i], index);
    }
    const writer = new ByteWriter(length);
    let at: i32 = 0;
    for (let i = 0; i < this.edits.length; i++) {
      const edit = this.edits[i];
      writer.copy(this.bytes, at, edit.start);
      this.write(edit, index, writer);
      at = edit.end;
    }
    writer.copy(this.bytes, at, this.jsonEnd);
    for (let i = 0; i < this.binaryParts.length; i++) {
      this.writeCut(this.binaryParts[i], index, writer);
    }
    return new AnswerPart(writer.bytes, this.hasHeader ? jsonBytes : -1);
  }

  private jsonLength(index: i32): i32 {
    let length = this.jsonEnd;
    for (let i = 0; i < this.edits.length; i++) {
      const edit = this.edits[i];
      length += this.lengthOf(edit, index) - (edit.end - edit.start);
    }
    return length;
  }

  private lengthOf(edit: Edit, index: i32): i32 {
    if (edit.kind == EDIT_ROWS) return wholeLength(this.share.rows[index]);
    if (edit.kind == EDIT_ID) return this.share.ids[index].length;
    if (edit.kind == EDIT_COUNT) return wholeLength(this.counts[edit.part][index]);
    const length = this.cutLength(edit.part, index);
    if (edit.kind == EDIT_LIST) return length;
    return edit.kind == EDIT_ITEMS ? length + this.indexGrowth(index) : wholeLength(length);
  }

  private write(edit: Edit, index: i32, writer: ByteWriter): void {
    if (edit.kind == EDIT_ROWS) writer.whole(this.share.rows[index]);
    else if (edit.kind == EDIT_COUNT) writer.whole(this.counts[edit.part][index]);
    else if (edit.kind == EDIT_LIST) this.writeCut(edit.part, index, writer);
    else if (edit.kind == EDIT_ITEMS) this.writeItems(edit.part, index, writer);
    else if (edit.kind == EDIT_ID) {
      const id = this.share.ids[index];
      writer.copy(id, 0, id.length);
    } else writer.whole(this.cutLength(edit.part, index));
  }

  private cutLength(part: i32, index: i32): i32 {
    const cuts = this.cuts[part];
    return cuts[index * 2 + 1] - cuts[index * 2];
  }

  private writeCut(part: i32, index: i32, writer: ByteWriter): void {
    const cuts = this.cuts[part];
    writer.copy(this.bytes, cuts[index * 2], cuts[index * 2 + 1]);
  }

  private indexGrowth(index: i32): i32 {
    const first = this.firstRows[index];
    let growth: i32 = 0;
    for (let i = 0; i < this.share.rows[index]; i++) {
      const at = (first + i) * 2;
      growth += wholeLength(i) - (this.indexes[at + 1] - this.indexes[at]);
    }
    return growth;
  }

  private writeItems(part: i32, index: i32, writer: ByteWriter): void {
    const first = this.firstRows[index];
    let from = this.cuts[part][index * 2];
    for (let i = 0; i < this.share.rows[index]; i++) {
      const at = (first + i) * 2;
      writer.copy(this.bytes, from, this.indexes[at]);
      writer.whole(i);
      from = this.indexes[at + 1];
    }
    writer.copy(this.bytes, from, this.cuts[part][index * 2 + 1]);
  }
}
