/** What the rewriter counts. Defined once per virtual machine: the host holds a metric defined twice twice. */
import { CounterSet, Gauge } from '../host/metrics.ts';
import { TargetProgram } from './program.ts';

export const SENT: string = 'sent';
/** Sent to a backend that the configuration does not know, or not sent as it could not be changed. */
export const MISMATCHED: string = 'mismatched';

export const RESTORED: string = 'restored';
/** There was nothing to restore. */
export const PLAIN: string = 'plain';
/** Compressed: it cannot be read. */
export const ENCODED: string = 'encoded';
/** The model was not found in as many bytes as an answer is held for. */
export const TOO_LONG: string = 'too_long';

const counters = new CounterSet();
const heldAnswers = new Gauge('modelweir_shadow_held_bytes');

/** Bytes of answers that wait for their other one, in all workers. */
export function countHeldAnswers(more: i32): void {
  if (more != 0) heldAnswers.add(more);
}

export function countAttempt(target: TargetProgram, outcome: string): void {
  counters.add('modelweir_rewriter_attempts_total' + target.labels + ';outcome=' + outcome, 1);
}

export function countAnswer(target: TargetProgram, outcome: string): void {
  counters.add('modelweir_rewriter_answers_total' + target.labels + ';outcome=' + outcome, 1);
}

/** Tokens that an answer said; below 0: it did not. */
export function countTokens(target: TargetProgram, tokensIn: f64, tokensOut: f64): void {
  const name = 'modelweir_tokens_total' + target.labels + ';direction=';
  if (tokensIn > 0) counters.add(name + 'in', tokensIn);
  if (tokensOut > 0) counters.add(name + 'out', tokensOut);
}

/** `outcome`: how the answers of a variant and of its shadow compare, or why they do not. */
export function countComparison(
  route: string,
  variant: string,
  shadow: string,
  outcome: string,
  count: i32,
): void {
  const labels = ';route=' + route + ';variant=' + variant + ';shadow=' + shadow;
  counters.add('modelweir_shadow_comparisons_total' + labels + ';outcome=' + outcome, count);
}
