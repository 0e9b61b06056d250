/**
 * Which variant serves a request. A sticky key falls into one of `BUCKETS` buckets, and every variant
 * bids for each bucket: -ln(u) / weight, with u drawn from (route, bucket, variant name). The lowest
 * bid wins. A bid depends on nobody else's weight, so an edit of one weight moves clients into or out
 * of that variant only, and no table is kept.
 */
import { BUCKETS } from '../contract/limits.ts';
import { continueHash, mix, mixWith } from './hash.ts';
import { ln } from './logarithm.ts';
import { RouteProgram } from './program.ts';

const TWO_TO_32: f64 = 4294967296;
const LN_2_TO_32: f64 = 22.18070977791825;

/** The bucket of a sticky key, 0 to BUCKETS - 1; the route's name is the salt. */
export function bucketOf(route: RouteProgram, key: string): i32 {
  const hash = mix(continueHash(route.salt, key));
  return i32(Math.floor((f64(hash) * f64(BUCKETS)) / TWO_TO_32));
}

/** Index of the variant that has a bucket, or -1 where no variant has a weight. */
export function variantOfBucket(route: RouteProgram, bucket: i32): i32 {
  let winner: i32 = -1;
  let lowest: f64 = 0;
  const variants = route.variants;
  for (let i = 0; i < variants.length; i++) {
    const variant = unchecked(variants[i]);
    if (variant.weight <= 0) continue;
    const bid = rawBid(variant.salt, bucket) / f64(variant.weight);
    const better = winner < 0 || bid < lowest;
    if (better || (bid == lowest && variant.name < unchecked(variants[winner]).name)) {
      winner = i;
      lowest = bid;
    }
  }
  return winner;
}

/** -ln(u) for a u in (0, 1] that is evenly spread over buckets and variants. */
function rawBid(salt: u32, bucket: i32): f64 {
  return LN_2_TO_32 - ln(f64(mixWith(salt, bucket)) + 1);
}

/**
 * Index of the variant at `point`, 0 to the total weight - 1: as many points as it has weight. -1 for any
 * other point, and where no variant has a weight.
 */
export function variantOfPoint(route: RouteProgram, point: i32): i32 {
  if (point < 0) return -1;
  let sum: i32 = 0;
  const variants = route.variants;
  for (let i = 0; i < variants.length; i++) {
    const weight = unchecked(variants[i]).weight;
    if (weight <= 0) continue;
    sum += weight;
    if (point < sum) return i;
  }
  return -1;
}
