/**
 * The host as filters see it: requests, responses and what may be done to them. This folder is the
 * only one that knows `abi`; filters know only this folder.
 */
import { Callout, CONTINUE, HOLD, Root, Stream } from '../abi/contexts.ts';
import { current, NOBODY, register } from '../abi/dispatcher.ts';
import {
  proxy_call_foreign_function,
  proxy_continue_stream,
  proxy_send_local_response,
  proxy_set_effective_context,
} from '../abi/imports.ts';
import { noteGarbage, outData, outSize } from '../abi/memory.ts';
import { HeaderList } from './headers.ts';

export { Callout, CONTINUE, HOLD, Root, register, Stream };

const REQUEST: u32 = 0;
const NO_GRPC_STATUS: i32 = -1;
/** Garbage that decoding leaves per character of JSON, measured roughly. */
const GARBAGE_PER_DECODED_UNIT: i32 = 13;
/** What is left of the texts that JSON was put together from, per byte of it, measured roughly. */
const GARBAGE_PER_TEXT_BYTE: i32 = 16;

/** Encoded once: every refusal answers with them. */
const JSON_HEADERS = new HeaderList().add('content-type', 'application/json');
const NO_HEADERS = new HeaderList();
const CLEAR_ROUTE_CACHE = String.UTF8.encode('clear_route_cache');

/** Says that so many characters of a configuration were decoded. */
export function noteDecoded(units: i32): void {
  noteGarbage(units * GARBAGE_PER_DECODED_UNIT);
}

/** Makes Envoy choose the route again, after a header that routes depend on has changed. */
export function clearRouteCache(): void {
  const name = CLEAR_ROUTE_CACHE;
  proxy_call_foreign_function(changetype<usize>(name), name.byteLength, 0, 0, outData, outSize);
}

/** Lets the held request of the current stream go on. */
export function continueRequest(): void {
  proxy_continue_stream(REQUEST);
}

/**
 * Answers the current stream's request. `details` goes to Envoy's access log (no spaces). Once
 * response headers are out, the host can only reset. `body` counts as garbage from here on.
 */
export function reply(status: i32, details: string, headers: HeaderList, body: Uint8Array): void {
  send(status, details, headers, body, NO_GRPC_STATUS);
}

/** Answers a gRPC request with a status and a message, which the host writes into trailers. */
export function replyGrpc(status: i32, details: string, grpcStatus: i32, message: string): void {
  const body = Uint8Array.wrap(String.UTF8.encode(message));
  send(status, details, NO_HEADERS, body, grpcStatus);
}

function send(
  status: i32,
  details: string,
  headers: HeaderList,
  body: Uint8Array,
  grpcStatus: i32,
): void {
  const detailBytes = String.UTF8.encode(details);
  const headerBytes = headers.encode();
  proxy_send_local_response(
    status,
    changetype<usize>(detailBytes),
    detailBytes.byteLength,
    body.dataStart,
    body.byteLength,
    changetype<usize>(headerBytes),
    headerBytes.byteLength,
    grpcStatus,
  );
  noteGarbage(body.byteLength);
}

/** As `reply`, with a body of JSON that was put together for it. */
export function replyJson(status: i32, details: string, body: Uint8Array): void {
  reply(status, details, JSON_HEADERS, body);
  noteGarbage(body.byteLength * GARBAGE_PER_TEXT_BYTE);
}

/**
 * Makes `stream` the one that host calls act on, until `leaveStream`. False where it has ended: then
 * nothing may be done on its behalf, as the host would crash.
 */
export function enterStream(stream: Stream): bool {
  return stream.alive && proxy_set_effective_context(stream.id) == 0;
}

/** Returns to the context of the running callback, unless that is the end of one. */
export function leaveStream(): void {
  if (current != NOBODY) proxy_set_effective_context(current);
}

/** Makes `root` the one that host calls act on, until `leaveStream`: a call-out outlives its streams. */
export function enterRoot(root: Root): bool {
  return proxy_set_effective_context(root.id) == 0;
}
