/** What follows a try that failed: others at its variant, then the variants of the fallback list. */
import type { ModelRoute } from '../api/kinds.ts';
import { FALLBACK_RETRY, RETRY_CONDITIONS } from '../api/retry.ts';
import type { Retry } from '../ir/mesh.ts';

export interface Attempts {
  readonly retry: Retry | null;
  readonly fallback: readonly string[];
}

/** `known`: the variants that have a backend. A list of which none is left falls back to nobody. */
export function attemptsOf({ spec }: ModelRoute, known: ReadonlySet<string>): Attempts {
  const fallback = (spec.fallback?.variants ?? []).filter((name) => known.has(name));
  const said = spec.retry ?? (fallback.length > 0 ? FALLBACK_RETRY : undefined);
  if (said === undefined) return { retry: null, fallback };
  const on = new Set(said.on);
  const retry = {
    attempts: said.attempts,
    on: RETRY_CONDITIONS.filter((condition) => on.has(condition)),
    firstByteTimeoutMs: said.firstByteTimeoutMs ?? null,
    backoffMs: said.backoffMs,
    maxBodyBytes: said.maxBodyBytes,
    budgetPercent: said.budget.percent,
    minConcurrent: said.budget.minConcurrent,
  };
  return { retry, fallback };
}
