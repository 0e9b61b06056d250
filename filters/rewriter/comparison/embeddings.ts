/** Reads the embeddings of an OpenAI answer: lists of numbers, or base64 of their f32. */
import {
  CLOSE_LIST,
  CLOSE_OBJECT,
  OPEN_LIST,
  OPEN_OBJECT,
  TensorScan,
} from '../../wire/tensor-scan.ts';
import { decodeBase64 } from './base64.ts';
import { elementBytes, TYPE_FP32 } from './datatype.ts';
import { FORM_NONE, FORM_RAW, Output } from './output.ts';
import { KIND_EMBEDDINGS, TensorAnswer } from './tensor-answer.ts';

/** As many inputs as one request may have. */
const MAX_EMBEDDINGS: i32 = 2048;

/** The answer whose `data` is what comes next, or null. */
export function readEmbeddings(scan: TensorScan): TensorAnswer | null {
  const answer = new TensorAnswer(KIND_EMBEDDINGS);
  if (!scan.take(OPEN_LIST)) return null;
  while (answer.outputs.length < MAX_EMBEDDINGS) {
    const output = new Output();
    output.index = answer.outputs.length;
    if (!readEmbedding(scan, output)) return null;
    answer.outputs.push(output);
    if (scan.take(CLOSE_LIST)) return answer;
    if (!scan.takeComma()) return null;
  }
  return null;
}

function readEmbedding(scan: TensorScan, output: Output): boolean {
  if (!scan.take(OPEN_OBJECT)) return false;
  while (true) {
    if (!scan.key()) return false;
    let known = false;
    if (scan.isText('embedding')) {
      known = output.form == FORM_NONE && readVector(scan, output);
    } else if (scan.isText('index')) {
      output.index = scan.whole();
      known = output.index >= 0;
    } else {
      known = scan.value();
    }
    if (!known) return false;
    if (scan.take(CLOSE_OBJECT)) return output.form != FORM_NONE;
    if (!scan.takeComma()) return false;
  }
}

/** Servers compute in f32 and write that in either form, so both are read as such. */
function readVector(scan: TensorScan, output: Output): boolean {
  if (scan.peek() == OPEN_LIST) {
    const end = output.takeList(scan.bytes, scan.at);
    if (end < 0) return false;
    scan.at = end;
    output.takeListShape();
    output.datatype = TYPE_FP32;
    return output.dimensions.length == 1;
  }
  if (!scan.string()) return false;
  const bytes = decodeBase64(scan.bytes, scan.textStart, scan.textEnd);
  if (bytes === null) return false;
  output.datatype = TYPE_FP32;
  output.dimensions = [i32(bytes.length / elementBytes(TYPE_FP32))];
  output.shaped = true;
  output.take(FORM_RAW, bytes, 0, bytes.length);
  return true;
}
