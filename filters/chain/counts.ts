/** What the chain counts. Defined once per virtual machine: the host holds a metric defined twice twice. */
import { nowMs } from '../host/clock.ts';
import { CounterTable, Gauge, Histogram } from '../host/metrics.ts';

/** Route of what has none: it passed, or no route owns its model. */
export const NO_ROUTE: string = '';

const MICROS_PER_MS: f64 = 1000;

/** Of what reaches no variant, by outcome: `passed`, `answered`, or the code of a refusal. */
export const requests = new CounterTable('modelweir_router_requests_total', 'route', 'outcome');
/** Of what does: one counter for both facts, as each costs every request. */
export const choices = new CounterTable(
  'modelweir_router_requests_total;outcome=routed',
  'route',
  'variant',
);

/** Copies, by the variant that gets them. */
export const shadows = new CounterTable('modelweir_shadow_requests_total', 'route', 'variant');

/** Bytes of bodies that wait for their model. Of all workers: also the budget that they share. */
const heldBytes = new Gauge('modelweir_router_held_bytes');
const decisionMicros = new Histogram('modelweir_router_decision_microseconds');

/** What one request holds, and since when. */
export class Holding {
  private bytes: i32 = 0;
  private sinceMs: f64 = 0;

  /** Says that `bytes` are held in all. False: that would be more than all together may hold. */
  grow(bytes: i32, maxHeldBytes: i32): bool {
    if (this.sinceMs == 0) this.sinceMs = nowMs();
    const more = bytes - this.bytes;
    if (more <= 0) return true;
    if (heldBytes.value() + more > maxHeldBytes) return false;
    heldBytes.add(more);
    this.bytes = bytes;
    return true;
  }

  /** What to do with the request is known. */
  decided(): void {
    decisionMicros.record(<u64>((nowMs() - this.sinceMs) * MICROS_PER_MS));
    this.release();
  }

  /** The request goes on, or has ended. */
  release(): void {
    if (this.bytes > 0) heldBytes.add(-this.bytes);
    this.bytes = 0;
  }
}
