/**
 * Memory at the boundary: what the host writes into, how results are read back, and when garbage is
 * collected. With the minimal runtime nothing is collected behind our back, so a pointer that the host
 * was given stays valid for the whole callback; `leave` collects once no callback is on the stack.
 */

/**
 * Garbage that may gather before a collection: at least so much, and so much per byte of configuration, since
 * a collection costs time in all live objects, and a big routing table is many. Never a share of the memory
 * there is: what was estimated too low makes that grow.
 */
const COLLECT_AFTER_BYTES: usize = 1 << 20;
const COLLECT_PER_CONFIGURATION_BYTE: usize = 16;
/** What a callback may leave behind in small objects, as an estimate. */
const CALLBACK_BYTES: usize = 1 << 9;

let garbageBytes: usize = 0;
let collectAfterBytes: usize = COLLECT_AFTER_BYTES;
let depth: i32 = 0;

/** Where host calls put a (pointer, size) pair, or one number of up to eight bytes. */
export const outData: usize = memory.data(8);
export const outSize: usize = memory.data(8);

/** Where short texts are put, which are copied out at once: most headers need no buffer of their own. */
const TEXT_BYTES: usize = 2048;
const text: usize = memory.data(2048);
let textWanted: bool = false;

/** Before and behind what is read into the chunk, so that it can grow where it stands. */
export const CHUNK_ROOM: i32 = 1 << 12;

let chunk: Uint8Array = new Uint8Array((1 << 16) + 2 * CHUNK_ROOM);
let chunkWindow: Uint8Array = Uint8Array.wrap(chunk.buffer, CHUNK_ROOM);
let chunkWanted: bool = false;

/** Serves the host's request for memory: the reusable chunk if that is being read, else a new buffer. */
export function allocate(size: usize): usize {
  if (chunkWanted && size + 2 * CHUNK_ROOM <= <usize>chunk.length) {
    chunkWanted = false;
    return chunkWindow.dataStart;
  }
  if (textWanted && size <= TEXT_BYTES) {
    textWanted = false;
    return text;
  }
  garbageBytes += size;
  return changetype<usize>(new ArrayBuffer(<i32>size));
}

/** Says that the next allocation is a text, which `takeText` will copy out before any other. */
export function wantText(): void {
  clearOut();
  textWanted = true;
}

/** Says that the next allocation is a read of `size` bytes into the shared chunk, which may move. */
export function wantChunk(size: i32): void {
  if (size + 2 * CHUNK_ROOM > chunk.length) {
    garbageBytes += <usize>chunk.length;
    chunk = new Uint8Array(max(size + 2 * CHUNK_ROOM, chunk.length * 2));
    chunkWindow = Uint8Array.wrap(chunk.buffer, CHUNK_ROOM);
  }
  chunkWanted = true;
}

/** What was read into the shared chunk, and what is behind it; valid until the next read into it. */
export function sharedChunk(): Uint8Array {
  chunkWanted = false;
  return chunkWindow;
}

/** The whole chunk: what was read begins at `CHUNK_ROOM`. */
export function wholeChunk(): Uint8Array {
  return chunk;
}

/** The buffer that the host filled in the last call; empty where it gave none. */
export function takeBuffer(): ArrayBuffer {
  const data = load<usize>(outData);
  if (data == 0 || load<usize>(outSize) == 0) return new ArrayBuffer(0);
  return changetype<ArrayBuffer>(data);
}

/** The text that the host filled in, from UTF-8. */
export function takeText(): string {
  const data = load<usize>(outData);
  const size = load<usize>(outSize);
  textWanted = false;
  return data == 0 || size == 0 ? '' : String.UTF8.decodeUnsafe(data, size);
}

/** Clears both out cells, so that a call that writes nothing reads as empty. */
export function clearOut(): void {
  store<u64>(outData, 0);
  store<u64>(outSize, 0);
}

/** Tells the collector of large garbage that it cannot see. */
export function noteGarbage(bytes: i32): void {
  garbageBytes += <usize>bytes;
}

/** Tells the collector how big the configuration is that is kept from now on, in bytes of its text. */
export function noteConfiguration(bytes: i32): void {
  collectAfterBytes = max(collectAfterBytes, <usize>bytes * COLLECT_PER_CONFIGURATION_BYTE);
}

export function enter(): void {
  depth++;
}

/** Ends a callback; collects if none is left on the stack and enough has gathered. */
export function leave(): void {
  depth--;
  garbageBytes += CALLBACK_BYTES;
  if (depth > 0 || garbageBytes < collectAfterBytes) return;
  garbageBytes = 0;
  __collect();
}
