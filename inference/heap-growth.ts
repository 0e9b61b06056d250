import { setFlagsFromString } from 'node:v8';

/**
 * Keeps the heap of a pod that serves gRPC small: what calls leave behind piles up until V8 sees a reason to collect it.
 * Without this a pod of 180 MB became one of 210 under load. Tighter bounds cost the pod a third of its speed, over HTTP
 * too, once it has been idle.
 */
export function limitHeapGrowth(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=200');
}
