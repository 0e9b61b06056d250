/**
 * What the host calls. A module re-exports from here only the callbacks that it needs: the host skips
 * those that are missing, and each skipped one is time saved per request.
 */
import { onAbort } from './abort.ts';
import { CONTINUE } from './contexts.ts';
import { calloutAnswered, configured, contextCreated, ended, streamOf, ticked } from './dispatcher.ts';
import { proxy_get_buffer_bytes } from './imports.ts';
import { allocate, clearOut, enter, leave, noteConfiguration, noteGarbage, outData, outSize, takeText } from './memory.ts';

/** The compiler is told to use it by name; being imported is what brings it into the module. */
export { onAbort };

const PLUGIN_CONFIGURATION: u32 = 7;
/** Its text, in two bytes a character, and what is made of that. What decoding leaves, the filter says itself. */
const GARBAGE_PER_CONFIGURATION_BYTE: i32 = 3;

export function proxy_abi_version_0_2_1(): void {}

export function proxy_on_memory_allocate(size: usize): usize {
  return allocate(size);
}

export function proxy_on_vm_start(root: i32, size: i32): i32 {
  return 1;
}

export function proxy_on_context_create(id: i32, parent: i32): void {
  contextCreated(id, parent);
}

export function proxy_on_configure(root: i32, size: i32): i32 {
  enter();
  clearOut();
  proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, outData, outSize);
  const accepted = configured(root, takeText());
  noteGarbage(size * GARBAGE_PER_CONFIGURATION_BYTE);
  noteConfiguration(size);
  leave();
  return accepted ? 1 : 0;
}

export function proxy_on_tick(root: i32): void {
  ticked(root);
}

export function proxy_on_request_headers(id: i32, headers: i32, endOfStream: i32): i32 {
  const stream = streamOf(id);
  if (stream === null) return CONTINUE;
  enter();
  const action = stream.requestHeaders(endOfStream != 0);
  leave();
  return action;
}

export function proxy_on_request_body(id: i32, size: i32, endOfStream: i32): i32 {
  const stream = streamOf(id);
  if (stream === null) return CONTINUE;
  enter();
  const action = stream.requestBody(size, endOfStream != 0);
  leave();
  return action;
}

export function proxy_on_request_trailers(id: i32, trailers: i32): i32 {
  const stream = streamOf(id);
  if (stream === null) return CONTINUE;
  enter();
  const action = stream.requestTrailers();
  leave();
  return action;
}

export function proxy_on_response_headers(id: i32, headers: i32, endOfStream: i32): i32 {
  const stream = streamOf(id);
  if (stream === null) return CONTINUE;
  enter();
  const action = stream.responseHeaders(endOfStream != 0);
  leave();
  return action;
}

export function proxy_on_response_body(id: i32, size: i32, endOfStream: i32): i32 {
  const stream = streamOf(id);
  if (stream === null) return CONTINUE;
  enter();
  const action = stream.responseBody(size, endOfStream != 0);
  leave();
  return action;
}

export function proxy_on_response_trailers(id: i32, trailers: i32): i32 {
  const stream = streamOf(id);
  if (stream === null) return CONTINUE;
  enter();
  const action = stream.responseTrailers();
  leave();
  return action;
}

export function proxy_on_http_call_response(root: i32, token: i32, headers: i32, bodySize: i32, trailers: i32): void {
  calloutAnswered(root, token, headers, bodySize);
}

/** The host deletes a context right after it is done, so `proxy_on_done` would only cost a crossing. */
export function proxy_on_delete(id: i32): void {
  ended(id);
}
