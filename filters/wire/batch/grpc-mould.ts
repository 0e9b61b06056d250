/**
 * A gRPC message as the mould of another one: copied as it stands, but for its rows, elements and id, and the
 * lengths that change with them. Lengths stand before what they count, so all are known before a byte is written.
 */
import { ByteWriter, varintLength } from './byte-writer.ts';
import {
  EDIT_MESSAGE_LENGTH,
  EDIT_RAW,
  EDIT_ROWS,
  EDIT_SHAPE_LENGTH,
  EDIT_TENSOR_LENGTH,
  Edit,
} from './edit.ts';
import { GrpcTensor } from './grpc-tensor.ts';

/** A flag, 0 for a message that is not compressed, and four bytes of length. */
export const GRPC_FRAME_BYTES: i32 = 5;

/** What goes into the mould. */
export abstract class GrpcFilling {
  abstract rows(): i32;
  /** Of the message's id. */
  abstract id(): Uint8Array;
  abstract rawLength(slot: i32): i32;
  abstract writeRaw(slot: i32, writer: ByteWriter): void;
}

export class GrpcMould {
  readonly bytes: Uint8Array;
  tensors: GrpcTensor[] = [];
  /** In the order of the bytes. */
  edits: Edit[] = [];

  /** `bytes` with the frame. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.edits.push(new Edit(EDIT_MESSAGE_LENGTH, 1, GRPC_FRAME_BYTES, 0));
  }

  /** The filled message, with its frame. */
  fill(filling: GrpcFilling): Uint8Array {
    let length = this.bytes.length;
    for (let i = 0; i < this.edits.length; i++) {
      const edit = this.edits[i];
      length += this.lengthOf(edit, filling) - (edit.end - edit.start);
    }
    const writer = new ByteWriter(length);
    let at: i32 = 0;
    for (let i = 0; i < this.edits.length; i++) {
      const edit = this.edits[i];
      writer.copy(this.bytes, at, edit.start);
      this.write(edit, filling, length, writer);
      at = edit.end;
    }
    writer.copy(this.bytes, at, this.bytes.length);
    return writer.bytes;
  }

  private lengthOf(edit: Edit, filling: GrpcFilling): i32 {
    if (edit.kind == EDIT_MESSAGE_LENGTH) return edit.end - edit.start;
    if (edit.kind == EDIT_RAW) return textLength(filling.rawLength(edit.part));
    if (edit.kind == EDIT_ROWS) return varintLength(filling.rows());
    if (edit.kind == EDIT_SHAPE_LENGTH) {
      return varintLength(shapeSize(this.tensors[edit.part], filling));
    }
    if (edit.kind == EDIT_TENSOR_LENGTH) {
      return varintLength(tensorSize(this.tensors[edit.part], filling));
    }
    return textLength(filling.id().length);
  }

  private write(edit: Edit, filling: GrpcFilling, length: i32, writer: ByteWriter): void {
    if (edit.kind == EDIT_MESSAGE_LENGTH) writer.bigEndian(length - GRPC_FRAME_BYTES);
    else if (edit.kind == EDIT_RAW) {
      writer.varint(filling.rawLength(edit.part));
      filling.writeRaw(edit.part, writer);
    } else if (edit.kind == EDIT_ROWS) writer.varint(filling.rows());
    else if (edit.kind == EDIT_SHAPE_LENGTH) {
      writer.varint(shapeSize(this.tensors[edit.part], filling));
    } else if (edit.kind == EDIT_TENSOR_LENGTH) {
      writer.varint(tensorSize(this.tensors[edit.part], filling));
    } else {
      const id = filling.id();
      writer.varint(id.length);
      writer.copy(id, 0, id.length);
    }
  }
}

/** With the length before it. */
function textLength(size: i32): i32 {
  return varintLength(size) + size;
}

function rowsGrowth(tensor: GrpcTensor, filling: GrpcFilling): i32 {
  return varintLength(filling.rows()) - tensor.rowsAt.length;
}

function shapeSize(tensor: GrpcTensor, filling: GrpcFilling): i32 {
  return tensor.shapeSize + rowsGrowth(tensor, filling);
}

function tensorSize(tensor: GrpcTensor, filling: GrpcFilling): i32 {
  const size = tensor.size + rowsGrowth(tensor, filling);
  const place = tensor.shapeLengthAt;
  if (place.missing) return size;
  return size + varintLength(shapeSize(tensor, filling)) - place.length;
}

/** Whether `bytes` are one whole message behind its frame, not compressed. */
export function isOneMessage(bytes: Uint8Array): boolean {
  const size = bytes.length - GRPC_FRAME_BYTES;
  if (size < 0 || unchecked(bytes[0]) != 0) return false;
  const high: i32 = (i32(unchecked(bytes[1])) << 24) | (i32(unchecked(bytes[2])) << 16);
  return (high | (i32(unchecked(bytes[3])) << 8) | i32(unchecked(bytes[4]))) == size;
}
