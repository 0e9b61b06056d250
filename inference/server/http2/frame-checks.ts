/** What frames must keep to; whoever breaks it loses the connection. */
import { Flag, MAX_WINDOW_BYTES } from './frames.ts';
import { ErrorCode, Http2Error } from './http2-error.ts';

export function unpadded(flags: number, payload: Buffer): Buffer {
  if ((flags & Flag.PADDED) === 0) return payload;
  const padding = payload[0] ?? 0;
  if (padding >= payload.length) throw protocol('padding over the length');
  return payload.subarray(1, payload.length - padding);
}

export function withoutPriority(flags: number, payload: Buffer, streamId: number): Buffer {
  if ((flags & Flag.PRIORITY) === 0) return payload;
  if (payload.length < 5) throw frameSize('HEADERS');
  checkDependency(streamId, payload);
  return payload.subarray(5);
}

export function checkDependency(streamId: number, payload: Buffer): void {
  if ((payload.readUInt32BE(0) & MAX_WINDOW_BYTES) === streamId) {
    throw protocol('a stream that depends on itself');
  }
}

export function protocol(what: string): Http2Error {
  return new Http2Error(ErrorCode.PROTOCOL_ERROR, what);
}

export function frameSize(what: string): Http2Error {
  return new Http2Error(ErrorCode.FRAME_SIZE_ERROR, `${what} of a length that it cannot have`);
}

export function windowOverflow(): Http2Error {
  return new Http2Error(ErrorCode.FLOW_CONTROL_ERROR, 'a window over 2^31 - 1 bytes');
}
