/**
 * Whether two answers to the same request say the same. It only reads them: no answer makes it trap, and what
 * it cannot read is INCOMPARABLE.
 */
import { COMPARE_LABELS, COMPARE_TENSORS, COMPARE_TEXT } from '../../contract/rewriter-config.ts';
import { bodyOf, CapturedAnswer } from './captured-answer.ts';
import { compareLabels, compareTensors, hasLabels } from './compare-outputs.ts';
import { EventStream } from './event-stream.ts';
import { readGrpcAnswer } from './grpc-answer.ts';
import { readJsonAnswer } from './json-answer.ts';
import { AGREE, DISAGREE, INCOMPARABLE } from './outcome.ts';
import { KIND_EMBEDDINGS, TensorAnswer } from './tensor-answer.ts';
import { collectText } from './text-answer.ts';
import { TextSlots } from './text-slots.ts';

const OK: i32 = 200;
const MILLION: f64 = 1000000;

/** AGREE, DISAGREE or INCOMPARABLE. `by` is one of `COMPARISONS`. */
export function compareAnswers(
  by: string,
  toleranceMillionths: i32,
  a: CapturedAnswer,
  b: CapturedAnswer,
): i32 {
  if (a.status != OK || b.status != OK) return INCOMPARABLE;
  if (by == COMPARE_TEXT) return compareText(a, b);
  const byLabels = by == COMPARE_LABELS;
  if (!byLabels && by != COMPARE_TENSORS) return INCOMPARABLE;
  const left = readTensors(a);
  const right = readTensors(b);
  if (left === null || right === null || left.kind != right.kind) return INCOMPARABLE;
  if (byLabels && left.kind == KIND_EMBEDDINGS) return INCOMPARABLE;
  return compareAll(left, right, byLabels, f64(toleranceMillionths) / MILLION);
}

/** The outcome of the first pair of outputs that do not agree. */
function compareAll(a: TensorAnswer, b: TensorAnswer, byLabels: boolean, tolerance: f64): i32 {
  let compared: i32 = 0;
  if (a.outputs.length != b.outputs.length) return DISAGREE;
  for (let i = 0; i < a.outputs.length; i++) {
    const output = a.outputs[i];
    const other = b.pair(output, i);
    if (other === null) return DISAGREE;
    if (byLabels && !hasLabels(output, other)) continue;
    const outcome = byLabels
      ? compareLabels(output, other)
      : compareTensors(output, other, tolerance);
    if (outcome != AGREE) return outcome;
    compared++;
  }
  return compared > 0 ? AGREE : INCOMPARABLE;
}

function readTensors(answer: CapturedAnswer): TensorAnswer | null {
  const body = bodyOf(answer);
  if (isOfType(answer, 'application/grpc')) return readGrpcAnswer(body);
  if (answer.jsonBytes < 0) return readJsonAnswer(body, body, body.length);
  if (answer.jsonBytes > body.length) return null;
  return readJsonAnswer(body.subarray(0, answer.jsonBytes), body, answer.jsonBytes);
}

function compareText(a: CapturedAnswer, b: CapturedAnswer): i32 {
  const left = readText(a);
  const right = readText(b);
  if (left === null || right === null) return INCOMPARABLE;
  if (!left.same(right)) return DISAGREE;
  // Two answers that are only tool calls, say, are equal in that neither has text: that proves nothing.
  return left.found && right.found ? AGREE : INCOMPARABLE;
}

function readText(answer: CapturedAnswer): TextSlots | null {
  const slots = new TextSlots();
  const body = bodyOf(answer);
  if (!isOfType(answer, 'text/event-stream')) return collectText(body, slots) ? slots : null;
  const events = new EventStream(body);
  while (events.next()) {
    if (!collectText(body.subarray(events.from, events.to), slots)) return null;
  }
  return slots;
}

/** Whether the content type is `type`, or that with a suffix or parameters. */
function isOfType(answer: CapturedAnswer, type: string): boolean {
  const actual = answer.contentType.trim().toLowerCase();
  if (!actual.startsWith(type)) return false;
  if (actual.length == type.length) return true;
  const next = actual.charCodeAt(type.length);
  return next == 0x3b || next == 0x2b || next == 0x20;
}
