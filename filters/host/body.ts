/** Bodies: read a window into a shared chunk, or a copy to keep; replace all of it. */
import { proxy_get_buffer_bytes, proxy_set_buffer_bytes } from '../abi/imports.ts';
import {
  CHUNK_ROOM,
  clearOut,
  noteGarbage,
  outData,
  outSize,
  sharedChunk,
  takeBuffer,
  wantChunk,
  wholeChunk,
} from '../abi/memory.ts';

export { noteGarbage };

/** Buffers, as proxy-wasm numbers them. */
export const REQUEST_BODY: u32 = 0;
export const RESPONSE_BODY: u32 = 1;
export const CALLOUT_BODY: u32 = 4;

/**
 * Reads bytes `start` to `start + length` of a buffer into the shared chunk and returns how many came.
 * They stand at `chunk()`'s beginning until the next read. While a body is held the buffer is all of
 * it; after release it is what just came.
 */
export function readChunk(buffer: u32, start: i32, length: i32): i32 {
  if (length <= 0) return 0;
  wantChunk(length);
  clearOut();
  const result = proxy_get_buffer_bytes(buffer, start, length, outData, outSize);
  sharedChunk();
  return result == 0 && load<u32>(outData) != 0 ? <i32>load<u32>(outSize) : 0;
}

/** The shared chunk. Longer than what was read; valid until the next read. */
export function chunk(): Uint8Array {
  return sharedChunk();
}

/** The same bytes with room before and behind them, and where they begin there. */
export function roomyChunk(): Uint8Array {
  return wholeChunk();
}
export const ROOM_BYTES: i32 = CHUNK_ROOM;

/** A copy of bytes `start` to `start + length`, to keep. */
export function readCopy(buffer: u32, start: i32, length: i32): Uint8Array {
  if (length <= 0) return new Uint8Array(0);
  clearOut();
  if (proxy_get_buffer_bytes(buffer, start, length, outData, outSize) != 0) {
    return new Uint8Array(0);
  }
  return Uint8Array.wrap(takeBuffer());
}

/**
 * Puts `bytes` in the place of all `size` bytes of a buffer. Envoy can replace no part of one: it can
 * prepend, append, or replace it all. `bytes` counts as garbage from here on. Content-length is the
 * caller's affair.
 */
export function replaceAll(buffer: u32, size: i32, bytes: Uint8Array): bool {
  noteGarbage(bytes.byteLength);
  return replaceFrom(buffer, size, bytes, 0, bytes.byteLength);
}

/** As `replaceAll`, by `length` bytes of `bytes` from `start` on, which stay as they are. */
export function replaceFrom(
  buffer: u32,
  size: i32,
  bytes: Uint8Array,
  start: i32,
  length: i32,
): bool {
  if (start < 0 || length < 0 || start + length > bytes.byteLength) return false;
  return proxy_set_buffer_bytes(buffer, 0, size, bytes.dataStart + <usize>start, length) == 0;
}
