/** Copies of a route's requests for another variant, whose answers nobody waits for. */
import type { z } from 'zod';
import {
  ALL_BASIS_POINTS,
  DEFAULT_COMPARE_BYTES,
  MAX_COMPARE_BYTES,
  MAX_HOLD_BYTES,
  MAX_TOLERANCE_MILLIONTHS,
} from '../../filters/contract/limits.ts';
import { choice, object, wholeNumber } from './fields.ts';
import { dnsLabel } from './names.ts';

export const MAX_CONCURRENT_SHADOWS = 1_000_000;
const DEFAULT_SHADOW_BODY_BYTES = 1_048_576;

/** The tolerance is for `Tensors`; the other two compare exactly. */
const compare = object({
  by: choice(['Tensors', 'Labels', 'Text']),
  toleranceMillionths: wholeNumber(0, MAX_TOLERANCE_MILLIONTHS).default(1000),
  maxBytes: wholeNumber(1, MAX_COMPARE_BYTES).default(DEFAULT_COMPARE_BYTES),
});

export const shadow = object({
  variant: dnsLabel(),
  shareBasisPoints: wholeNumber(0, ALL_BASIS_POINTS).default(ALL_BASIS_POINTS),
  maxConcurrent: wholeNumber(1, MAX_CONCURRENT_SHADOWS).default(16),
  maxBodyBytes: wholeNumber(1, MAX_HOLD_BYTES).default(DEFAULT_SHADOW_BODY_BYTES),
  compare: compare.optional(),
});

export type Shadow = z.output<typeof shadow>;
