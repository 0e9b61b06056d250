/**
 * Where the answers of requests and of their shadows meet: in the memory of one worker, which runs the filters
 * of both. Each route has its own place for them, so that what is lost is told of it; they share one bound.
 */
import { RewriterConfig } from '../contract/rewriter-config.ts';
import { nowMs } from '../host/clock.ts';
import { AnswerCapture } from './answer-capture.ts';
import { CapturedAnswer } from './comparison/captured-answer.ts';
import { AGREE, Comparison, Comparisons, DISAGREE } from './comparison/comparisons.ts';
import { countComparison, countHeldAnswers } from './counts.ts';
import { Plan } from './plan.ts';
import { TargetProgram } from './program.ts';

/** Not known of an answer whose other one has not come. */
const UNKNOWN: string = '';

const meetings = new Map<string, Meeting>();
/** Of all answers that wait. */
let heldBytes: i32 = 0;

class Meeting {
  readonly route: string;
  /** Configurations that are alive. */
  roots: i32 = 0;
  readonly comparisons: Comparisons = new Comparisons();

  constructor(route: string) {
    this.route = route;
  }

  /** Call it after each change: counts what is not told by a comparison. */
  count(heldBefore: i32): void {
    const comparisons = this.comparisons;
    const more = comparisons.heldBytes - heldBefore;
    heldBytes += more;
    countHeldAnswers(more);
    this.countMany('lost', comparisons.takeLost());
    this.countMany('over_limit', comparisons.takeOverLimit());
  }

  private countMany(outcome: string, count: i32): void {
    if (count > 0) countComparison(this.route, UNKNOWN, UNKNOWN, outcome, count);
  }
}

/** Says that a configuration lives that compares answers. */
export function joinMeeting(config: RewriterConfig): void {
  const route = config.route;
  if (!meetings.has(route)) meetings.set(route, new Meeting(route));
  const meeting = meetings.get(route);
  meeting.roots++;
  meeting.comparisons.configure(config.maxCompareHeldBytes, config.compareTimeoutMs);
}

/** The opposite. With the last configuration of a route go the answers that wait there. */
export function leaveMeeting(config: RewriterConfig): void {
  const route = config.route;
  if (!meetings.has(route)) return;
  const meeting = meetings.get(route);
  meeting.roots--;
  if (meeting.roots > 0) return;
  expire(meeting, f64.MAX_VALUE);
  meetings.delete(route);
}

/** Drops what has waited too long. Whether anything still waits. */
export function expireAnswers(config: RewriterConfig): bool {
  if (!meetings.has(config.route)) return false;
  const meeting = meetings.get(config.route);
  expire(meeting, nowMs());
  return meeting.comparisons.heldBytes > 0;
}

function expire(meeting: Meeting, atMs: f64): void {
  const before = meeting.comparisons.heldBytes;
  meeting.comparisons.expire(atMs);
  meeting.count(before);
}

/**
 * Gives in an answer: null where it failed or could not be kept. Compares it, if its other one is there.
 * Whether anything waits now.
 */
export function offerAnswer(
  config: RewriterConfig,
  target: TargetProgram,
  plan: Plan,
  capture: AnswerCapture | null,
): bool {
  if (!meetings.has(config.route)) return false;
  const meeting = meetings.get(config.route);
  let answer: CapturedAnswer | null = null;
  if (capture !== null && !capture.tooLong) answer = capture.answer;
  const comparison = offer(meeting, config, target, plan, answer);
  if (comparison !== null) {
    const outcome = outcomeOf(comparison.outcome);
    countComparison(config.route, comparison.variant, comparison.shadow, outcome, 1);
  } else if (answer !== null && heldBytes > config.maxCompareHeldBytes) {
    // It waits: that it cannot be compared takes the place of what there is no room for.
    offer(meeting, config, target, plan, null);
    countComparison(config.route, UNKNOWN, UNKNOWN, 'over_limit', 1);
  }
  return meeting.comparisons.heldBytes > 0;
}

function offer(
  meeting: Meeting,
  config: RewriterConfig,
  target: TargetProgram,
  plan: Plan,
  answer: CapturedAnswer | null,
): Comparison | null {
  const comparisons = meeting.comparisons;
  const before = comparisons.heldBytes;
  const comparison = comparisons.offer(
    plan.comparison,
    config.shadow,
    target.variant,
    answer,
    config.compare,
    config.toleranceMillionths,
    nowMs(),
  );
  meeting.count(before);
  return comparison;
}

function outcomeOf(outcome: i32): string {
  if (outcome == AGREE) return 'agree';
  return outcome == DISAGREE ? 'disagree' : 'incomparable';
}
