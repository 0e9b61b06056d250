/** Time and chance. */
import {
  proxy_get_current_time_nanoseconds,
  proxy_set_tick_period_milliseconds,
} from '../abi/imports.ts';
import { outData } from '../abi/memory.ts';

const MULTIPLIER: u64 = ((<u64>0x2545f491) << 32) | 0x4f6cdd1d;

let state: u64 = 0;

/** Milliseconds since the epoch, with fractions. */
export function nowMs(): f64 {
  proxy_get_current_time_nanoseconds(outData);
  return <f64>load<u64>(outData) / 1000000.0;
}

/** Has `tick` called about every `periodMs` milliseconds on the current root; 0 ends it. */
export function setTickMs(periodMs: i32): void {
  proxy_set_tick_period_milliseconds(periodMs);
}

/** A number from 0 to `bound - 1`, evenly likely (xorshift64*; seeded from the clock per worker). */
export function random(bound: i32): i32 {
  if (state == 0) {
    proxy_get_current_time_nanoseconds(outData);
    state = (load<u64>(outData) ^ <u64>changetype<usize>(new ArrayBuffer(8))) | 1;
  }
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  const high = (state * MULTIPLIER) >> 32;
  return <i32>((high * <u64>bound) >> 32);
}
