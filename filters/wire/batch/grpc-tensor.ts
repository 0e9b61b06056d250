/** Reads what stands before a tensor's elements in a gRPC message: inputs and outputs look alike. */
import { BYTES_DATATYPE, bytesElementsEnd, elementBytes, UNKNOWN_DATATYPE } from './datatype.ts';
import { EDIT_ROWS, EDIT_SHAPE_LENGTH, EDIT_TENSOR_LENGTH, Edit } from './edit.ts';
import { GrpcParameters } from './grpc-parameters.ts';
import { FIELD, FIELDS_END, GrpcScan, WIRE_LENGTH, WIRE_VARINT } from './grpc-scan.ts';
import { rowSize } from './shape.ts';
import { addText, Signature } from './signature.ts';
import { NO_SPAN, Span } from './span.ts';

const MAX_DIMENSIONS: i32 = 16;

const NAME: i32 = 1;
const DATATYPE: i32 = 2;
const SHAPE: i32 = 3;
const PARAMETERS: i32 = 4;
const CONTENTS: i32 = 5;

export class GrpcTensor {
  /** Place of the length before it, and that length. */
  readonly lengthAt: Span;
  readonly size: i32;
  name: Span = NO_SPAN;
  datatype: Span = NO_SPAN;
  dimensions: i32[] = [];
  parameters: GrpcParameters | null = null;
  /** Place of the first dimension. */
  rowsAt: Span = NO_SPAN;
  /** The same of the shape, where its numbers stand together behind one length; else missing. */
  shapeLengthAt: Span = NO_SPAN;
  shapeSize: i32 = 0;
  /** Whether its elements stand in it, each as a number of protobuf. */
  isTyped: boolean = false;
  private index: i32;

  /** `scan` has just met it, as the message's tensor number `index`. */
  constructor(scan: GrpcScan, index: i32) {
    this.lengthAt = scan.lengthSpan();
    this.size = scan.end - scan.start;
    this.index = index;
  }

  /** Reads it, and notes what changes with the rows. False for what is unknown, and where `isTyped`. */
  read(scan: GrpcScan, edits: Edit[]): boolean {
    edits.push(new Edit(EDIT_TENSOR_LENGTH, this.lengthAt.start, this.lengthAt.end, this.index));
    const fields = scan.inside();
    let next = fields.next();
    while (next == FIELD) {
      if (!this.field(fields, edits)) return false;
      next = fields.next();
    }
    return next == FIELDS_END && this.dimensions.length > 0;
  }

  private field(fields: GrpcScan, edits: Edit[]): boolean {
    const field = fields.field;
    if (field == SHAPE && fields.wire == WIRE_VARINT) {
      // Some numbers behind a common length and some alone: nobody writes that.
      return (
        this.shapeLengthAt.missing && this.dimension(fields.number, fields.start, fields.end, edits)
      );
    }
    if (fields.wire != WIRE_LENGTH) return false;
    if (field == SHAPE) return this.packedShape(fields, edits);
    if (field == NAME && this.name.missing) {
      this.name = fields.span();
      return true;
    }
    if (field == DATATYPE && this.datatype.missing) {
      this.datatype = fields.span();
      return true;
    }
    if (field == PARAMETERS) {
      let parameters = this.parameters;
      if (parameters === null) {
        parameters = new GrpcParameters(fields.bytes);
        this.parameters = parameters;
      }
      return parameters.take(fields.inside());
    }
    if (field == CONTENTS) this.isTyped = true;
    return false;
  }

  private packedShape(fields: GrpcScan, edits: Edit[]): boolean {
    if (this.dimensions.length > 0) return false;
    this.shapeLengthAt = fields.lengthSpan();
    this.shapeSize = fields.end - fields.start;
    const place = this.shapeLengthAt;
    edits.push(new Edit(EDIT_SHAPE_LENGTH, place.start, place.end, this.index));
    const numbers = fields.inside();
    while (numbers.hasMore) {
      const start = numbers.position;
      if (!numbers.varint()) return false;
      if (!this.dimension(numbers.number, start, numbers.position, edits)) return false;
    }
    return this.dimensions.length > 0;
  }

  private dimension(value: i32, start: i32, end: i32, edits: Edit[]): boolean {
    const count = this.dimensions.length;
    if (value < 0 || count >= MAX_DIMENSIONS) return false;
    if (count == 0) {
      this.rowsAt = new Span(start, end);
      edits.push(new Edit(EDIT_ROWS, start, end, this.index));
    }
    this.dimensions.push(value);
    return true;
  }

  /** Whether `raw` has just as many elements as the shape says. */
  fits(bytes: Uint8Array, raw: Span): boolean {
    const type = elementBytes(bytes, this.datatype.start, this.datatype.end);
    const elements = f64(this.dimensions[0]) * rowSize(this.dimensions);
    // Each element takes a byte at least, so whatever fits is below 2^31.
    if (type == UNKNOWN_DATATYPE || elements <= 0 || elements > f64(raw.length)) return false;
    if (type != BYTES_DATATYPE) return elements * f64(type) == f64(raw.length);
    return bytesElementsEnd(bytes, raw.start, raw.end, i32(elements)) == raw.end;
  }

  /** All that it says but for the rows. */
  addTo(signature: Signature, bytes: Uint8Array): void {
    addText(signature, bytes, this.name);
    addText(signature, bytes, this.datatype);
    signature.whole(this.dimensions.length);
    for (let i = 1; i < this.dimensions.length; i++) signature.whole(this.dimensions[i]);
    const parameters = this.parameters;
    if (parameters === null) signature.whole(0);
    else parameters.addTo(signature);
  }
}
