/** How much Envoy buffers: a little more than any filter holds, so that the filter says the limit. */
import type * as ir from '../ir/mesh.ts';
import type { Limits } from './options.ts';

/** Over Envoy's own limit a client gets a bare "Payload Too Large", which says neither limit nor flag. */
export const ROOM_BYTES = 256 * 1024;
const MAX_BUFFER_BYTES = 2 ** 32 - 1;
/** Largest flow-control window of HTTP/2. */
const MAX_WINDOW_BYTES = 2 ** 31 - 1;
const MIN_WINDOW_BYTES = 65_535;

/**
 * Bytes of one body that may be held on the way to any route. A power of two, so that few edits of a
 * route's limits change it: a listener whose limit changes is replaced, and its connections drained.
 */
export function bufferLimitBytes(mesh: ir.Mesh, limits: Limits): number {
  const held = mesh.routes.map((route) => route.batching?.maxBytes ?? 0);
  const bytes = Math.max(limits.maxHoldBytes, ...held) + ROOM_BYTES;
  return Math.min(2 ** Math.ceil(Math.log2(bytes)), MAX_BUFFER_BYTES);
}

/**
 * What Envoy lets a filter hold of one body. What it has read goes into the buffer before the filter sees
 * it, and one read may be as long as a connection's buffer.
 */
export function bodyLimitBytes(bufferBytes: number): number {
  return Math.min(2 * bufferBytes + ROOM_BYTES, MAX_BUFFER_BYTES);
}

/** A body larger than the window would stop coming before it reached the limit. */
export function windowBytes(bufferBytes: number): number {
  return Math.min(Math.max(bufferBytes, MIN_WINDOW_BYTES), MAX_WINDOW_BYTES);
}
