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
  by: choice(['Tensors', 'Labels', 'Text']).describe(
    'Every number within the tolerance, the label of each row, or the text.',
  ),
  toleranceMillionths: wholeNumber(0, MAX_TOLERANCE_MILLIONTHS)
    .default(1000)
    .describe(
      'For Tensors: largest difference, in millionths of the larger number, and at least of 1.',
    ),
  maxBytes: wholeNumber(1, MAX_COMPARE_BYTES)
    .default(DEFAULT_COMPARE_BYTES)
    .describe('Longer answers are not compared.'),
});

export const shadow = object({
  variant: dnsLabel().describe(
    'The variant of the route that gets the copies; its weight may be 0.',
  ),
  shareBasisPoints: wholeNumber(0, ALL_BASIS_POINTS)
    .default(ALL_BASIS_POINTS)
    .describe('Share of the requests that is copied, in hundredths of a percent.'),
  maxConcurrent: wholeNumber(1, MAX_CONCURRENT_SHADOWS)
    .default(16)
    .describe('Copies that run at one time, per Envoy; the rest is dropped.'),
  maxBodyBytes: wholeNumber(1, MAX_HOLD_BYTES)
    .default(DEFAULT_SHADOW_BODY_BYTES)
    .describe('A larger request is not copied.'),
  compare: compare
    .describe('Compares the answers of copies with those that clients get.')
    .optional(),
});

export type Shadow = z.output<typeof shadow>;
