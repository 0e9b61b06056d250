/**
 * What is told of a request's attempts, in the order in which they were made: `canary;reset, stable;status=200`.
 * An attempt counts as reset until it is answered: of one that never is, nobody would tell.
 */
import { REASON_FALLBACK } from '../contract/headers.ts';

const RESET: string = ';reset';
const VARIANT: string = ';variant=';
const CONFIGURATION: string = ';configuration=';

/** `text` with one more attempt, at a backend of `variant`. */
export function withAttempt(text: string, variant: string): string {
  return (text.length == 0 ? variant : text + ', ' + variant) + RESET;
}

/** `text` after its last attempt was answered. `grpcStatus` is empty where the answer's head has none. */
export function withAnswer(text: string, status: string, grpcStatus: string): string {
  if (!text.endsWith(RESET)) return text;
  const answered = text.substring(0, text.length - RESET.length) + ';status=' + status;
  return grpcStatus.length == 0 ? answered : answered + ';grpc-status=' + grpcStatus;
}

/** What the caller is told of the decision, after another variant than the chosen one has answered. */
export function withFallback(decision: string, variant: string): string {
  const from = decision.indexOf(VARIANT);
  const to = decision.indexOf(CONFIGURATION);
  if (from < 0 || to < from) return decision;
  const why = VARIANT + variant + ';reason=' + REASON_FALLBACK;
  return decision.substring(0, from) + why + decision.substring(to);
}
