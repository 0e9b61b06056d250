/**
 * Reads the one `ModelInferResponse` of a gRPC answer: tensors in `raw_output_contents`, or in the typed
 * lists of `contents`. Of these, strings are not read.
 */
import { decodeUtf8 } from '../../wire/utf8.ts';
import {
  datatypeOf,
  isWholeType,
  TYPE_BOOL,
  TYPE_BYTES,
  TYPE_FP32,
  TYPE_FP64,
} from './datatype.ts';
import { FORM_NONE, FORM_RAW, FORM_VARINTS, Output } from './output.ts';
import { ProtobufFields, WIRE_LENGTH, WIRE_VARINT } from './protobuf-fields.ts';
import { KIND_TENSORS, MAX_DIMENSIONS, MAX_TENSORS, TensorAnswer } from './tensor-answer.ts';

/** A flag, and the message's length in four bytes. */
const FRAME_BYTES: i32 = 5;

/** Fields of `ModelInferResponse`. */
const OUTPUTS: i32 = 5;
const RAW_CONTENTS: i32 = 6;
/** Fields of `InferOutputTensor`. */
const NAME: i32 = 1;
const DATATYPE: i32 = 2;
const SHAPE: i32 = 3;
const CONTENTS: i32 = 5;
/** Fields of `InferTensorContents`. */
const FIRST_VARINTS: i32 = 1;
const LAST_VARINTS: i32 = 5;
const FP32_CONTENTS: i32 = 6;
const FP64_CONTENTS: i32 = 7;

/** The answer in `body`, or null. */
export function readGrpcAnswer(body: Uint8Array): TensorAnswer | null {
  if (!isOneFrame(body)) return null;
  const answer = new TensorAnswer(KIND_TENSORS);
  const fields = new ProtobufFields(body, FRAME_BYTES, body.length);
  let raws: i32 = 0;
  while (fields.next()) {
    if (fields.field == OUTPUTS) {
      if (fields.wire != WIRE_LENGTH || answer.outputs.length == MAX_TENSORS) return null;
      const output = new Output();
      if (!readOutput(body, fields.from, fields.to, output)) return null;
      answer.outputs.push(output);
    } else if (fields.field == RAW_CONTENTS) {
      // Fields come in ascending order, so all outputs are known.
      if (fields.wire != WIRE_LENGTH || raws >= answer.outputs.length) return null;
      const output = answer.outputs[raws++];
      if (output.form != FORM_NONE) return null;
      output.take(FORM_RAW, body, fields.from, fields.to);
    }
  }
  return !fields.malformed && answer.settle() ? answer : null;
}

/** Whether the body is one message that is not compressed. */
function isOneFrame(body: Uint8Array): boolean {
  if (body.length < FRAME_BYTES || i32(unchecked(body[0])) != 0) return false;
  let length: f64 = 0;
  for (let i = 1; i < FRAME_BYTES; i++) length = length * 256 + f64(unchecked(body[i]));
  return length == f64(body.length - FRAME_BYTES);
}

function readOutput(body: Uint8Array, from: i32, to: i32, output: Output): boolean {
  const fields = new ProtobufFields(body, from, to);
  output.shaped = true;
  while (fields.next()) {
    const field = fields.field;
    if (field == SHAPE) {
      if (!readShape(fields, output)) return false;
    } else if (field == NAME || field == DATATYPE) {
      const text = fields.wire == WIRE_LENGTH ? decodeUtf8(body, fields.from, fields.to) : null;
      if (text === null) return false;
      if (field == NAME) output.name = text;
      else output.datatype = datatypeOf(text);
    } else if (field == CONTENTS) {
      if (fields.wire != WIRE_LENGTH) return false;
      if (!readContents(body, fields.from, fields.to, output)) return false;
    }
  }
  return !fields.malformed && output.datatype >= TYPE_BOOL && isContentOf(output);
}

/** Adds dimensions: one varint, or many packed. */
function readShape(fields: ProtobufFields, output: Output): boolean {
  if (fields.wire != WIRE_VARINT && fields.wire != WIRE_LENGTH) return false;
  let dimension: f64 = 0;
  let power: f64 = 1;
  for (let at = fields.from; at < fields.to; at++) {
    const c: i32 = unchecked(fields.bytes[at]);
    dimension += f64(c & 0x7f) * power;
    power *= 128;
    if (c >= 0x80) continue;
    if (dimension > f64(i32.MAX_VALUE) || output.dimensions.length == MAX_DIMENSIONS) return false;
    output.dimensions.push(i32(dimension));
    dimension = 0;
    power = 1;
  }
  return power == 1;
}

function readContents(body: Uint8Array, from: i32, to: i32, output: Output): boolean {
  const fields = new ProtobufFields(body, from, to);
  while (fields.next()) {
    if (fields.wire != WIRE_LENGTH || output.form != FORM_NONE) return false;
    if (fields.field >= FIRST_VARINTS && fields.field <= LAST_VARINTS) {
      output.take(FORM_VARINTS, body, fields.from, fields.to);
    } else if (fields.field == FP32_CONTENTS || fields.field == FP64_CONTENTS) {
      const datatype = fields.field == FP32_CONTENTS ? TYPE_FP32 : TYPE_FP64;
      if (output.datatype != datatype) return false;
      output.take(FORM_RAW, body, fields.from, fields.to);
    } else {
      return false;
    }
  }
  return !fields.malformed;
}

/** Whether typed contents, if there are any, are of the output's datatype. */
function isContentOf(output: Output): boolean {
  if (output.form == FORM_VARINTS) return isWholeType(output.datatype);
  return output.form == FORM_NONE || output.datatype != TYPE_BYTES;
}
