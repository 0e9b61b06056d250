/** When a request is tried again, and which variants are tried after the one that failed. */
import type { z } from 'zod';
import {
  DEFAULT_RETRY_BODY_BYTES,
  DEFAULT_TIMEOUT_MS,
  MAX_ATTEMPTS,
  MAX_FALLBACKS,
  MAX_HOLD_BYTES,
  MAX_TIMEOUT_MS,
} from '../../filters/contract/limits.ts';
import { setOf } from './cel.ts';
import { choice, list, object, wholeNumber } from './fields.ts';
import { dnsLabel } from './names.ts';
import { looseObject, type Rule } from './rules.ts';

export const MAX_CONCURRENT_RETRIES = 1_000_000;

export const RETRY_CONDITIONS = [
  'ConnectFailure',
  'Reset',
  'TooManyRequests',
  'ServerError',
] as const;

/** Some retries are always within the budget: with none, the rest would say nothing. */
const budget = object({
  percent: wholeNumber(0, 100)
    .default(20)
    .describe('Retries that may run at one time, as a share of the requests that run.'),
  minConcurrent: wholeNumber(1, MAX_CONCURRENT_RETRIES)
    .default(3)
    .describe('So many retries are always allowed.'),
});

export const retry = object({
  attempts: wholeNumber(1, MAX_ATTEMPTS)
    .default(2)
    .describe('Tries at one variant, the first included.'),
  on: list(choice(RETRY_CONDITIONS), 1, RETRY_CONDITIONS.length)
    .default([...RETRY_CONDITIONS])
    .describe('What is tried again.'),
  firstByteTimeoutMs: wholeNumber(1, MAX_TIMEOUT_MS)
    .describe('A try whose answer has not begun by then has failed. Below timeoutMs.')
    .optional(),
  backoffMs: wholeNumber(1, MAX_TIMEOUT_MS)
    .default(25)
    .describe('Shortest wait before the next try, in milliseconds.'),
  maxBodyBytes: wholeNumber(1, MAX_HOLD_BYTES)
    .default(DEFAULT_RETRY_BODY_BYTES)
    .describe('A larger request is tried once.'),
  budget: budget.prefault({}).describe('Bounds the retries that run at one time.'),
});

export const fallback = object({
  variants: setOf(list(dnsLabel(), 1, MAX_FALLBACKS)).describe(
    'Variants of the route, in this order.',
  ),
});

export type Retry = z.output<typeof retry>;

/** What a fallback list means where nothing is said of retries: each variant is tried once. */
export const FALLBACK_RETRY: Retry = retry.parse({ attempts: 1 });

/** A try that fails only when the whole request does could not be followed by another. */
export const firstByteInTime: Rule = (spec, add) => {
  const { firstByteTimeoutMs: firstByteMs } = looseObject(spec['retry']);
  const routeMs = spec['timeoutMs'] ?? DEFAULT_TIMEOUT_MS;
  if (typeof firstByteMs !== 'number' || typeof routeMs !== 'number') return;
  if (firstByteMs < routeMs) return;
  add(['retry', 'firstByteTimeoutMs'], `must be below timeoutMs, ${routeMs}; got ${firstByteMs}`);
};
