import type { ErrorCode } from '../protocol/errors.ts';

/** Triton's words for why an inference failed. */
export const FAILURE_REASONS = ['REJECTED', 'CANCELED', 'BACKEND', 'OTHER'] as const;
export type FailureReason = (typeof FAILURE_REASONS)[number];

const REASONS: Readonly<Partial<Record<ErrorCode, FailureReason>>> = {
  exhausted: 'REJECTED',
  unavailable: 'REJECTED',
  'deadline-exceeded': 'REJECTED',
  internal: 'BACKEND',
};

/** Inferences that failed, by the version that was asked. */
export class FailureCounts {
  /** Never more keys than the catalog has versions: unknown names are not counted here. */
  readonly #counts = new Map<string, Map<FailureReason, number>>();

  count(model: string, version: string, code: ErrorCode | 'cancelled'): void {
    const reason = code === 'cancelled' ? 'CANCELED' : (REASONS[code] ?? 'OTHER');
    const key = keyOf(model, version);
    let reasons = this.#counts.get(key);
    if (!reasons) {
      reasons = new Map();
      this.#counts.set(key, reasons);
    }
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }

  of(model: string, version: string, reason: FailureReason): number {
    return this.#counts.get(keyOf(model, version))?.get(reason) ?? 0;
  }

  forget(model: string, version: string): void {
    this.#counts.delete(keyOf(model, version));
  }
}

function keyOf(model: string, version: string): string {
  return JSON.stringify([model, version]);
}
