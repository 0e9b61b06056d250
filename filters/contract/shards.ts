/**
 * The splitter's configuration is told in shards, so that an edit of one route sends few others again. Which
 * one a route is in follows from its name alone: other routes may come and go.
 */

/** The greatest prime of 16 bits: products stay whole numbers of 31 bits, which all compilers have alike. */
const MODULUS: i32 = 65521;
const FACTOR: i32 = 257;

/** The shard of a route, 0 to `shards` - 1. */
export function shardOf(route: string, shards: i32): i32 {
  if (shards <= 1) return 0;
  let hash = 1;
  for (let i = 0; i < route.length; i++) hash = (hash * FACTOR + route.charCodeAt(i)) % MODULUS;
  return hash % shards;
}
