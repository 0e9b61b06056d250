/**
 * Reads a ModelInferRequest with raw contents: just enough to join it with others. Elements are never decoded;
 * there must be as many as the shapes say, else one member's missing ones would come out of another's.
 */
import { BATCH_GRPC, BatchRequest } from './batch-request.ts';
import { EDIT_RAW, EDIT_TEXT_ID, Edit } from './edit.ts';
import { GRPC_FRAME_BYTES, GrpcMould, isOneMessage } from './grpc-mould.ts';
import { GrpcParameters } from './grpc-parameters.ts';
import { FIELD, FIELDS_END, GrpcScan, WIRE_LENGTH } from './grpc-scan.ts';
import { GrpcTensor } from './grpc-tensor.ts';
import { addText, Signature } from './signature.ts';
import { NO_SPAN, Span } from './span.ts';

const MAX_TENSORS: i32 = 64;

const MODEL_NAME: i32 = 1;
const MODEL_VERSION: i32 = 2;
const ID: i32 = 3;
const PARAMETERS: i32 = 4;
const INPUTS: i32 = 5;
const OUTPUTS: i32 = 6;
const RAW_INPUT_CONTENTS: i32 = 7;

const OUTPUT_NAME: i32 = 1;
const OUTPUT_PARAMETERS: i32 = 2;

export class GrpcBatchRequest extends BatchRequest {
  readonly mould: GrpcMould;

  constructor(bytes: Uint8Array) {
    super(BATCH_GRPC, bytes, -1);
    this.mould = new GrpcMould(bytes);
  }
}

export class GrpcRequestReader {
  /** Why it was not read, for who counts. */
  reason: string = 'not_joinable';
  private request: GrpcBatchRequest;
  private scan: GrpcScan;
  private name: Span = NO_SPAN;
  private version: Span = NO_SPAN;
  private parameters: GrpcParameters;
  /** The requested outputs, as they go into the signature. */
  private outputs: Signature = new Signature();

  /** `bytes` with the frame. */
  constructor(bytes: Uint8Array) {
    this.request = new GrpcBatchRequest(bytes);
    this.scan = new GrpcScan(bytes, GRPC_FRAME_BYTES, bytes.length);
    this.parameters = new GrpcParameters(bytes);
  }

  /** Null where the request must go on alone and unchanged. The bytes are kept, not copied. */
  read(): BatchRequest | null {
    const bytes = this.request.bytes;
    if (!isOneMessage(bytes)) {
      if (bytes.length > 0 && unchecked(bytes[0]) == 1) this.reason = 'compressed';
      return null;
    }
    let next = this.scan.next();
    while (next == FIELD) {
      if (this.scan.wire != WIRE_LENGTH || !this.field()) return null;
      next = this.scan.next();
    }
    if (next != FIELDS_END || !this.agrees()) return null;
    this.request.signature = this.signature();
    return this.request;
  }

  private field(): boolean {
    const scan = this.scan;
    const field = scan.field;
    if (field == RAW_INPUT_CONTENTS) return this.raw();
    if (field == INPUTS) return this.input();
    if (field == OUTPUTS) return this.output();
    if (field == PARAMETERS) return this.parameters.take(scan.inside());
    if (field == MODEL_NAME && this.name.missing) {
      this.name = scan.span();
      return true;
    }
    if (field == MODEL_VERSION && this.version.missing) {
      this.version = scan.span();
      return true;
    }
    if (field != ID || !this.request.id.missing) return false;
    this.request.id = scan.span();
    this.request.mould.edits.push(new Edit(EDIT_TEXT_ID, scan.lengthStart, scan.end, 0));
    return true;
  }

  private input(): boolean {
    const mould = this.request.mould;
    const index = mould.tensors.length;
    if (index >= MAX_TENSORS) return false;
    const tensor = new GrpcTensor(this.scan, index);
    mould.tensors.push(tensor);
    if (tensor.read(this.scan, mould.edits)) return true;
    if (tensor.isTyped) this.reason = 'typed_contents';
    return false;
  }

  private output(): boolean {
    const fields = this.scan.inside();
    const parameters = new GrpcParameters(fields.bytes);
    let name = NO_SPAN;
    let next = fields.next();
    while (next == FIELD) {
      if (fields.wire != WIRE_LENGTH) return false;
      if (fields.field == OUTPUT_NAME && name.missing) name = fields.span();
      else if (fields.field != OUTPUT_PARAMETERS || !parameters.take(fields.inside())) return false;
      next = fields.next();
    }
    if (next != FIELDS_END) return false;
    addText(this.outputs, fields.bytes, name);
    parameters.addTo(this.outputs);
    return true;
  }

  private raw(): boolean {
    const slots = this.request.slots;
    const scan = this.scan;
    if (slots.length >= MAX_TENSORS) return false;
    this.request.mould.edits.push(new Edit(EDIT_RAW, scan.lengthStart, scan.end, slots.length));
    slots.push(scan.span());
    return true;
  }

  /** Whether each input has its elements, and all have the same rows. */
  private agrees(): boolean {
    const request = this.request;
    const inputs = request.mould.tensors;
    if (inputs.length == 0 || request.slots.length != inputs.length) return false;
    request.rows = inputs[0].dimensions[0];
    for (let i = 0; i < inputs.length; i++) {
      if (inputs[i].dimensions[0] != request.rows) return false;
      if (!inputs[i].fits(request.bytes, request.slots[i])) return false;
    }
    return request.rows > 0;
  }

  private signature(): Uint8Array {
    const bytes = this.request.bytes;
    const signature = new Signature();
    signature.byte(BATCH_GRPC);
    // A server may make up an id for who has none: that is kept from nobody, and shown to nobody else.
    signature.byte(this.request.id.missing ? 0 : 1);
    addText(signature, bytes, this.name);
    addText(signature, bytes, this.version);
    this.parameters.addTo(signature);
    const inputs = this.request.mould.tensors;
    signature.whole(inputs.length);
    for (let i = 0; i < inputs.length; i++) inputs[i].addTo(signature, bytes);
    const wanted = this.outputs.finish();
    signature.add(wanted, 0, wanted.length);
    return signature.finish();
  }
}
