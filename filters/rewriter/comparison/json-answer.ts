/**
 * Reads an answer in JSON that is made of outputs: where their data stands and what shape it has. Numbers
 * are not read yet, and nothing is kept of other fields.
 */
import { decodeJsonString } from '../../wire/json-string.ts';
import {
  CLOSE_LIST,
  CLOSE_OBJECT,
  OPEN_LIST,
  OPEN_OBJECT,
  TensorScan,
} from '../../wire/tensor-scan.ts';
import { datatypeOf } from './datatype.ts';
import { readEmbeddings } from './embeddings.ts';
import { FORM_NONE, FORM_RAW, Output } from './output.ts';
import {
  KIND_PREDICTIONS,
  KIND_TENSORS,
  MAX_DIMENSIONS,
  MAX_TENSORS,
  TensorAnswer,
} from './tensor-answer.ts';

/** The answer in `json`, or null. Bytes from `binaryFrom` on of `body` are its binary tensors. */
export function readJsonAnswer(
  json: Uint8Array,
  body: Uint8Array,
  binaryFrom: i32,
): TensorAnswer | null {
  const scan = new TensorScan(json);
  if (!scan.take(OPEN_OBJECT)) return null;
  let answer: TensorAnswer | null = null;
  while (true) {
    if (!scan.key()) return null;
    const isTensors = scan.isText('outputs');
    const isPredictions = scan.isText('predictions');
    if (isTensors || isPredictions || scan.isText('data')) {
      if (answer !== null) return null;
      if (isTensors) answer = readTensors(scan, body, binaryFrom);
      else answer = isPredictions ? readPredictions(scan) : readEmbeddings(scan);
      if (answer === null) return null;
    } else if (!scan.value()) return null;
    if (scan.take(CLOSE_OBJECT)) break;
    if (!scan.takeComma()) return null;
  }
  if (scan.peek() >= 0 || answer === null || !answer.settle()) return null;
  return answer;
}

function readPredictions(scan: TensorScan): TensorAnswer | null {
  const answer = new TensorAnswer(KIND_PREDICTIONS);
  const output = new Output();
  scan.peek();
  const end = output.takeList(scan.bytes, scan.at);
  if (end < 0) return null;
  scan.at = end;
  output.takeListShape();
  answer.outputs.push(output);
  return answer;
}

function readTensors(scan: TensorScan, body: Uint8Array, binaryFrom: i32): TensorAnswer | null {
  const answer = new TensorAnswer(KIND_TENSORS);
  let binaryAt = binaryFrom;
  if (!scan.take(OPEN_LIST)) return null;
  while (answer.outputs.length < MAX_TENSORS) {
    const output = new Output();
    const size = readTensor(scan, output);
    if (size < 0 || size > body.length - binaryAt) return null;
    if (output.form == FORM_NONE) {
      output.take(FORM_RAW, body, binaryAt, binaryAt + size);
      binaryAt += size;
    } else if (size > 0) return null;
    answer.outputs.push(output);
    if (scan.take(CLOSE_LIST)) return binaryAt == body.length ? answer : null;
    if (!scan.takeComma()) return null;
  }
  return null;
}

/** Reads one tensor. Returns the bytes of its binary data, 0 where it has none, or -1. */
function readTensor(scan: TensorScan, output: Output): i32 {
  let binary: i32 = 0;
  let named = false;
  if (!scan.take(OPEN_OBJECT)) return -1;
  while (true) {
    if (!scan.key()) return -1;
    let known = false;
    if (scan.isText('data')) {
      known = output.form == FORM_NONE && readData(scan, output);
    } else if (scan.isText('shape')) {
      known = !output.shaped && readShape(scan, output);
    } else if (scan.isText('name')) {
      known = !named && readName(scan, output);
      named = true;
    } else if (scan.isText('datatype')) {
      known = readDatatype(scan, output);
    } else if (scan.isText('parameters')) {
      binary = readBinarySize(scan);
      known = binary >= 0;
    } else {
      known = scan.value();
    }
    if (!known) return -1;
    if (scan.take(CLOSE_OBJECT)) return named && output.datatype != 0 ? binary : -1;
    if (!scan.takeComma()) return -1;
  }
}

function readData(scan: TensorScan, output: Output): boolean {
  scan.peek();
  const end = output.takeList(scan.bytes, scan.at);
  if (end >= 0) scan.at = end;
  return end >= 0;
}

function readShape(scan: TensorScan, output: Output): boolean {
  output.shaped = true;
  if (!scan.take(OPEN_LIST)) return false;
  if (scan.take(CLOSE_LIST)) return true;
  while (output.dimensions.length < MAX_DIMENSIONS) {
    const dimension = scan.whole();
    if (dimension < 0) return false;
    output.dimensions.push(dimension);
    if (scan.take(CLOSE_LIST)) return true;
    if (!scan.takeComma()) return false;
  }
  return false;
}

function readName(scan: TensorScan, output: Output): boolean {
  if (!scan.string()) return false;
  const name = decodeJsonString(scan.bytes, scan.textStart, scan.textEnd);
  if (name !== null) output.name = name;
  return name !== null;
}

function readDatatype(scan: TensorScan, output: Output): boolean {
  if (output.datatype != 0 || !scan.string()) return false;
  const name = decodeJsonString(scan.bytes, scan.textStart, scan.textEnd);
  output.datatype = name === null ? -1 : datatypeOf(name);
  return output.datatype >= 0;
}

/** `binary_data_size` among the parameters; 0: it is not there; -1: they cannot be read. */
function readBinarySize(scan: TensorScan): i32 {
  let size: i32 = 0;
  if (scan.peek() != OPEN_OBJECT) return scan.value() ? 0 : -1;
  scan.at++;
  if (scan.take(CLOSE_OBJECT)) return 0;
  while (true) {
    if (!scan.key()) return -1;
    if (scan.isText('binary_data_size')) {
      size = scan.whole();
      if (size < 0) return -1;
    } else if (!scan.value()) return -1;
    if (scan.take(CLOSE_OBJECT)) return size;
    if (!scan.takeComma()) return -1;
  }
}
