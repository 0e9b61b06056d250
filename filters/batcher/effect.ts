/** What the rules want done. The adapter does it, in order. */
import { Batch, Member } from './batch.ts';

/** Call the batch's cluster with the joined body, for at most `ms`. */
export const CALL: i32 = 1;
/** Let the request go on, unchanged, on its own way. */
export const RESUME: i32 = 2;
/** As RESUME, after a call in which it had no luck. */
export const RETRY: i32 = 3;
/** Answer the request with its part of the batch's answer. */
export const ANSWER: i32 = 4;
/** Answer the request: its time is up. */
export const TIME_UP: i32 = 5;
/** Have the tick come every `ms`; 0 ends it. */
export const TICK: i32 = 6;
/** Answer the request with what came instead of an answer to the batch. */
export const SHARE_FAILURE: i32 = 7;

export class Effect {
  readonly kind: i32;
  member: Member | null = null;
  batch: Batch | null = null;
  /** Place of the member in its batch. */
  index: i32 = 0;
  ms: i32 = 0;

  constructor(kind: i32) {
    this.kind = kind;
  }
}

export function memberEffect(kind: i32, member: Member): Effect {
  const effect = new Effect(kind);
  effect.member = member;
  return effect;
}

export function callEffect(batch: Batch, ms: i32): Effect {
  const effect = new Effect(CALL);
  effect.batch = batch;
  effect.ms = ms;
  return effect;
}

/** `kind`: ANSWER or SHARE_FAILURE. */
export function answerEffect(kind: i32, batch: Batch, index: i32): Effect {
  const effect = new Effect(kind);
  effect.member = batch.members[index];
  effect.batch = batch;
  effect.index = index;
  return effect;
}

export function tickEffect(ms: i32): Effect {
  const effect = new Effect(TICK);
  effect.ms = ms;
  return effect;
}
