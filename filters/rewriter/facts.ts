/** What is noted of a request's attempts, beside what the chain has noted: for the access log and the caller. */
import {
  NOTED_ATTEMPTS,
  NOTED_REASON,
  NOTED_VARIANT,
  REASON_FALLBACK,
  SHOWN_DECISION,
  SHOWN_VARIANT,
} from '../contract/headers.ts';
import { Property } from '../host/property.ts';
import { HeaderSource } from '../wire/header-source.ts';
import { withAnswer, withAttempt, withFallback } from './attempts.ts';

const ATTEMPTS = new Property(NOTED_ATTEMPTS);
const VARIANT = new Property(NOTED_VARIANT);
const REASON = new Property(NOTED_REASON);
const SHOWN = new Property(SHOWN_VARIANT);
const DECISION = new Property(SHOWN_DECISION);
/** What the first fallback found there: the chosen variant may yet be the one that answers. */
const CHOSEN_REASON = new Property('modelweir.rewriter.reason');
const CHOSEN_DECISION = new Property('modelweir.rewriter.decision');

export function noteAttempt(variant: string): void {
  ATTEMPTS.set(withAttempt(ATTEMPTS.get(), variant));
}

/** `headers`: of the answer to the last attempt. */
export function noteAnswer(headers: HeaderSource): void {
  const status = headers.get(':status');
  ATTEMPTS.set(withAnswer(ATTEMPTS.get(), status, headers.get('grpc-status')));
}

/** Another variant than the chosen one answers. The last attempt that is answered wins. */
export function noteFallback(variant: string): void {
  const reason = REASON.get();
  const decision = DECISION.get();
  if (reason != REASON_FALLBACK) {
    CHOSEN_REASON.set(reason);
    CHOSEN_DECISION.set(decision);
    REASON.set(REASON_FALLBACK);
  }
  noteVariant(variant);
  if (decision.length > 0) DECISION.set(withFallback(decision, variant));
}

/** The chosen variant answers: it may be told to have been given up. */
export function noteChosen(variant: string): void {
  if (REASON.get() != REASON_FALLBACK) return;
  REASON.set(CHOSEN_REASON.get());
  noteVariant(variant);
  const decision = CHOSEN_DECISION.get();
  if (decision.length > 0) DECISION.set(decision);
}

function noteVariant(variant: string): void {
  VARIANT.set(variant);
  if (SHOWN.get().length > 0) SHOWN.set(variant);
}
