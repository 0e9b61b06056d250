/**
 * How the webhook's certificate is replaced without a call that fails: the authority of the next one is
 * trusted first, then the next one is used, and only then the former authority is forgotten. Each state can be
 * kept, so whoever leads next goes on from there. Pure.
 */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

/** PEM. */
export interface Issued {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
}

export interface CertificateState {
  /** What servers show. */
  readonly serving: Issued;
  /** Trusted already, and shown soon. */
  readonly next: Issued | null;
  /** PEM of an authority whose certificate was shown until now. */
  readonly former: string | null;
  /** When this state began: milliseconds since 1970. */
  readonly sinceMs: number;
}

export interface RotationOptions {
  /** DNS names and IP addresses that the certificate is for. */
  readonly names: readonly string[];
  readonly validMs: number;
  /** A certificate that is valid for less is replaced. */
  readonly renewMs: number;
  /** How long API servers and replicas have for each step. */
  readonly overlapMs: number;
}

export const ROTATION_DEFAULTS = {
  validMs: 90 * 24 * 3_600_000,
  renewMs: 30 * 24 * 3_600_000,
  overlapMs: 600_000,
};

/** `start`: what there is is of no use; `announce`: its successor is due. The others are the next step. */
export type RotationStep = 'start' | 'announce' | 'switch' | 'forget' | 'wait';

/** @param isTrusted whether API servers have been told to trust all of `authorities`. */
export function nextStep(
  state: CertificateState | null,
  isTrusted: boolean,
  nowMs: number,
  options: RotationOptions,
): RotationStep {
  if (state === null || !isUsable(state.serving, nowMs, options.names)) return 'start';
  const isDue = nowMs - state.sinceMs >= options.overlapMs;
  if (state.next !== null) {
    if (!isUsable(state.next, nowMs, options.names)) return 'announce';
    return isDue && isTrusted ? 'switch' : 'wait';
  }
  if (state.former !== null) return isDue ? 'forget' : 'wait';
  return endOf(state.serving) - nowMs < options.renewMs ? 'announce' : 'wait';
}

/** @param issued a new one, for `start` and `announce`. */
export function stepped(
  state: CertificateState | null,
  step: RotationStep,
  issued: Issued | null,
  nowMs: number,
): CertificateState | null {
  if (step === 'start' && issued !== null) {
    const former = state?.serving.authority ?? null;
    return { serving: issued, next: null, former, sinceMs: nowMs };
  }
  if (state === null) return null;
  if (step === 'announce') return { ...state, next: issued, sinceMs: nowMs };
  if (step === 'switch' && state.next !== null) {
    const former = state.serving.authority;
    return { serving: state.next, next: null, former, sinceMs: nowMs };
  }
  if (step === 'forget') return { ...state, former: null, sinceMs: nowMs };
  return state;
}

/** PEM of all that API servers are to trust. */
export function authorities({ serving, next, former }: CertificateState): string {
  return [serving.authority, next?.authority ?? '', former ?? ''].join('');
}

/** Valid now, for these names and with its key. */
function isUsable(issued: Issued, nowMs: number, names: readonly string[]): boolean {
  try {
    const certificate = new X509Certificate(issued.certificate);
    const authority = new X509Certificate(issued.authority);
    const isFor = (name: string) =>
      isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name);
    return (
      nowMs < certificate.validToDate.getTime() &&
      certificate.checkIssued(authority) &&
      names.every((name) => isFor(name) !== undefined)
    );
  } catch {
    return false;
  }
}

function endOf({ certificate }: Issued): number {
  return new X509Certificate(certificate).validToDate.getTime();
}
