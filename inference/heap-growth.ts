import { setFlagsFromString } from 'node:v8';

/**
 * Keeps the heap of a pod that serves gRPC small. Node's HTTP/2 streams live just long enough to be taken for
 * long-lived, and V8 lets such garbage pile up: without this, 64 connections make a pod of 180 MB one of 370;
 * with it, one of 230. Tighter bounds cost the pod a third of its speed, over HTTP too, once it has been idle.
 */
export function limitHeapGrowth(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=200');
}
