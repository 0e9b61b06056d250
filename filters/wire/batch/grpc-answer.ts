/**
 * The answer to joined gRPC requests, a ModelInferResponse with raw contents, and where to cut it. The first
 * dimension of every output must be that of all members together: a row too few or too many, and nobody gets any.
 */
import { AnswerPart, BatchAnswer } from './batch-answer.ts';
import { BatchShare } from './batch-share.ts';
import { ByteWriter } from './byte-writer.ts';
import { elementBytes } from './datatype.ts';
import { EDIT_RAW, EDIT_TEXT_ID, Edit } from './edit.ts';
import { GRPC_FRAME_BYTES, GrpcFilling, GrpcMould, isOneMessage } from './grpc-mould.ts';
import { FIELD, FIELDS_END, GrpcScan, WIRE_LENGTH } from './grpc-scan.ts';
import { GrpcTensor } from './grpc-tensor.ts';
import { rowSize } from './shape.ts';
import { Span } from './span.ts';
import { binaryCuts } from './tensor-cuts.ts';

const MAX_TENSORS: i32 = 64;

const ID: i32 = 3;
const OUTPUTS: i32 = 5;
const RAW_OUTPUT_CONTENTS: i32 = 6;

/** What one member gets. */
class Part extends GrpcFilling {
  private answer: GrpcBatchAnswer;
  private index: i32;

  constructor(answer: GrpcBatchAnswer, index: i32) {
    super();
    this.answer = answer;
    this.index = index;
  }

  rows(): i32 {
    return this.answer.share.rows[this.index];
  }

  id(): Uint8Array {
    return this.answer.share.ids[this.index];
  }

  rawLength(slot: i32): i32 {
    const cuts = this.answer.cuts[slot];
    return cuts[this.index * 2 + 1] - cuts[this.index * 2];
  }

  writeRaw(slot: i32, writer: ByteWriter): void {
    const cuts = this.answer.cuts[slot];
    writer.copy(this.answer.bytes, cuts[this.index * 2], cuts[this.index * 2 + 1]);
  }
}

class GrpcBatchAnswer extends BatchAnswer {
  readonly mould: GrpcMould;

  constructor(share: BatchShare, bytes: Uint8Array) {
    super(share, bytes, -1);
    this.mould = new GrpcMould(bytes);
  }

  /** A whole message with its frame. */
  override slice(index: i32): AnswerPart {
    if (index < 0 || index >= this.share.rows.length) return new AnswerPart(new Uint8Array(0), -1);
    return new AnswerPart(this.mould.fill(new Part(this, index)), -1);
  }
}

/** `bytes` with the frame; they are kept, not copied. Null where it cannot be cut. */
export function readGrpcAnswer(share: BatchShare, bytes: Uint8Array): BatchAnswer | null {
  if (!isOneMessage(bytes)) return null;
  const answer = new GrpcBatchAnswer(share, bytes);
  return new Reader(answer).read() ? answer : null;
}

class Reader {
  private answer: GrpcBatchAnswer;
  private scan: GrpcScan;
  private hasId: boolean = false;
  private raws: Span[] = [];

  constructor(answer: GrpcBatchAnswer) {
    this.answer = answer;
    this.scan = new GrpcScan(answer.bytes, GRPC_FRAME_BYTES, answer.bytes.length);
  }

  read(): boolean {
    let next = this.scan.next();
    while (next == FIELD) {
      if (!this.field()) return false;
      next = this.scan.next();
    }
    return next == FIELDS_END && this.cut();
  }

  private field(): boolean {
    const scan = this.scan;
    const field = scan.field;
    if (field != ID && field != OUTPUTS && field != RAW_OUTPUT_CONTENTS) return true;
    if (scan.wire != WIRE_LENGTH) return false;
    const mould = this.answer.mould;
    if (field == OUTPUTS) {
      const index = mould.tensors.length;
      if (index >= MAX_TENSORS) return false;
      const tensor = new GrpcTensor(scan, index);
      mould.tensors.push(tensor);
      return tensor.read(scan, mould.edits);
    }
    if (field == RAW_OUTPUT_CONTENTS) {
      if (this.raws.length >= MAX_TENSORS) return false;
      mould.edits.push(new Edit(EDIT_RAW, scan.lengthStart, scan.end, this.raws.length));
      this.raws.push(scan.span());
      return true;
    }
    if (this.hasId) return false;
    this.hasId = true;
    // Who sent none gets the one that the server made up.
    if (this.answer.share.ids.length > 0) {
      mould.edits.push(new Edit(EDIT_TEXT_ID, scan.lengthStart, scan.end, 0));
    }
    return true;
  }

  private cut(): boolean {
    const answer = this.answer;
    const raws = this.raws;
    const outputs = answer.mould.tensors;
    if (outputs.length == 0 || raws.length != outputs.length) return false;
    for (let i = 0; i < outputs.length; i++) {
      const output = outputs[i];
      if (output.dimensions[0] != answer.share.totalRows) return false;
      const raw = raws[i];
      const type = elementBytes(answer.bytes, output.datatype.start, output.datatype.end);
      const size = rowSize(output.dimensions);
      const cuts = binaryCuts(answer.bytes, raw.start, raw.end, type, size, answer.share.rows);
      if (cuts === null) return false;
      answer.cuts.push(cuts);
    }
    return true;
  }
}
