/**
 * Reads an inference request of the Open Inference Protocol in JSON, just enough to join it with others:
 * where things stand, what its tensors are, and that their data has as many numbers as the shape says
 * (else one member's missing number would come out of another's).
 */

import {
  InferTensor,
  NO_SPAN,
  readShape,
  rowSize,
  Span,
  takeSpan,
  takeTextSpan,
} from './tensor.ts';
import { DataWalk, NO_RUNS } from './tensor-data.ts';
import { containsWord, EDIT_DATA, Edit } from './tensor-edit.ts';
import { CLOSE_LIST, CLOSE_OBJECT, OPEN_LIST, OPEN_OBJECT, TensorScan } from './tensor-scan.ts';

const MAX_TENSORS: i32 = 64;

export class InferRequest {
  readonly bytes: Uint8Array;
  /** The first dimension of all its tensors. */
  rows: i32 = 0;
  id: Span = NO_SPAN;
  parameters: Span = NO_SPAN;
  outputs: Span = NO_SPAN;
  tensors: InferTensor[] = [];
  /** The rows and data of each tensor, in the order of the bytes. */
  edits: Edit[] = [];

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** The request in `bytes`, or null where it must go on alone and unchanged. */
export function readInferRequest(bytes: Uint8Array): InferRequest | null {
  const request = new InferRequest(bytes);
  const scan = new TensorScan(bytes);
  if (!readMessage(scan, request) || scan.peek() >= 0) return null;
  return mayBeJoined(request) ? request : null;
}

function readMessage(scan: TensorScan, request: InferRequest): boolean {
  if (!scan.take(OPEN_OBJECT)) return false;
  while (true) {
    if (!scan.key()) return false;
    let known = false;
    if (scan.isText('inputs')) {
      known = request.tensors.length == 0 && readTensors(scan, request);
    } else if (scan.isText('id')) {
      request.id = takeTextSpan(scan, request.id);
      known = !request.id.missing;
    } else if (scan.isText('parameters')) {
      request.parameters = takeSpan(scan, request.parameters);
      known = !request.parameters.missing;
    } else if (scan.isText('outputs')) {
      request.outputs = takeSpan(scan, request.outputs);
      known = !request.outputs.missing;
    }
    if (!known) return false;
    if (scan.take(CLOSE_OBJECT)) return true;
    if (!scan.takeComma()) return false;
  }
}

function readTensors(scan: TensorScan, request: InferRequest): boolean {
  if (!scan.take(OPEN_LIST)) return false;
  while (true) {
    if (request.tensors.length >= MAX_TENSORS || !readTensor(scan, request)) return false;
    if (scan.take(CLOSE_LIST)) return true;
    if (!scan.takeComma()) return false;
  }
}

function readTensor(scan: TensorScan, request: InferRequest): boolean {
  const tensor = new InferTensor();
  const index = request.tensors.length;
  request.tensors.push(tensor);
  if (!scan.take(OPEN_OBJECT)) return false;
  while (true) {
    if (!scan.key()) return false;
    let known = false;
    if (scan.isText('data')) {
      known = readData(scan, tensor, request.edits, index);
    } else if (scan.isText('shape')) {
      known = readShape(scan, tensor, request.edits, index);
    } else if (scan.isText('name')) {
      tensor.name = takeTextSpan(scan, tensor.name);
      known = !tensor.name.missing;
    } else if (scan.isText('datatype')) {
      tensor.datatype = takeTextSpan(scan, tensor.datatype);
      known = !tensor.datatype.missing;
    } else if (scan.isText('parameters')) {
      tensor.parameters = takeSpan(scan, tensor.parameters);
      known = !tensor.parameters.missing;
    }
    if (!known) return false;
    if (scan.take(CLOSE_OBJECT)) return isWhole(tensor);
    if (!scan.takeComma()) return false;
  }
}

function readData(scan: TensorScan, tensor: InferTensor, edits: Edit[], index: i32): boolean {
  if (tensor.data !== null) return false;
  const walk = new DataWalk(scan.bytes, NO_RUNS);
  scan.peek();
  const after = walk.walk(scan.at);
  if (after < 0) return false;
  scan.at = after;
  tensor.data = walk;
  edits.push(new Edit(EDIT_DATA, walk.start, walk.end, index));
  return true;
}

/** Whether the tensor has all it needs, and exactly as much data as its shape says. */
function isWhole(tensor: InferTensor): boolean {
  const data = tensor.data;
  if (data === null || tensor.name.missing || tensor.datatype.missing) return false;
  const dimensions = tensor.dimensions;
  if (dimensions.length == 0 || dimensions[0] <= 0) return false;
  const size = f64(dimensions[0]) * rowSize(dimensions);
  if (size <= 0 || size != f64(data.leaves)) return false;
  return !data.nested || data.elements == dimensions[0];
}

/** Stateful sequences and binary answers cannot share a call. */
function mayBeJoined(request: InferRequest): boolean {
  if (request.tensors.length == 0) return false;
  request.rows = request.tensors[0].dimensions[0];
  for (let i = 1; i < request.tensors.length; i++) {
    if (request.tensors[i].dimensions[0] != request.rows) return false;
  }
  const bytes = request.bytes;
  const parameters = request.parameters;
  const outputs = request.outputs;
  if (containsWord(bytes, parameters.start, parameters.end, 'sequence_')) return false;
  if (containsWord(bytes, parameters.start, parameters.end, 'binary_data')) return false;
  return (
    !containsWord(bytes, outputs.start, outputs.end, 'binary_data') &&
    !containsWord(bytes, outputs.start, outputs.end, 'shared_memory')
  );
}

/** Whether two requests may share a call: all but their rows, data and id is equal. */
export function isCompatible(a: InferRequest, b: InferRequest): boolean {
  if (a.tensors.length != b.tensors.length || a.id.missing != b.id.missing) return false;
  if (!a.parameters.same(a.bytes, b.parameters, b.bytes)) return false;
  if (!a.outputs.same(a.bytes, b.outputs, b.bytes)) return false;
  for (let i = 0; i < a.tensors.length; i++) {
    if (!sameTensor(a, a.tensors[i], b, b.tensors[i])) return false;
  }
  return true;
}

function sameTensor(
  a: InferRequest,
  left: InferTensor,
  b: InferRequest,
  right: InferTensor,
): boolean {
  if (left.dimensions.length != right.dimensions.length) return false;
  for (let i = 1; i < left.dimensions.length; i++) {
    if (left.dimensions[i] != right.dimensions[i]) return false;
  }
  const leftData = left.data;
  const rightData = right.data;
  if (leftData === null || rightData === null) return false;
  if (leftData.levels != rightData.levels) return false;
  return (
    left.name.same(a.bytes, right.name, b.bytes) &&
    left.datatype.same(a.bytes, right.datatype, b.bytes) &&
    left.parameters.same(a.bytes, right.parameters, b.bytes)
  );
}
