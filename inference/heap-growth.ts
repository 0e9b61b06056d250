import { setFlagsFromString } from 'node:v8';

/**
 * Keeps the heap of a pod small: what requests leave behind piles up until V8 sees a reason to collect it. Without this a
 * pod takes 10 MB more under load over HTTP and 30 MB more over gRPC. Tighter bounds cost it a third of its speed once it
 * has been idle.
 */
export function limitHeapGrowth(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=200');
}
