/** Requests that are no calls of this server, answered from their headers alone. */
import { RequestError } from '../../protocol/errors.ts';
import { headerBlock } from '../http2/header-block.ts';
import type { StreamReader } from '../http2/http2-stream.ts';
import type { RequestHead } from '../http2/request-head.ts';
import { encodeMessage, statusOf } from './statuses.ts';

/** Whoever is refused may go on sending; it is not read. */
export const NOBODY: StreamReader = {
  onData: () => undefined,
  onEnd: () => undefined,
  onClose: () => undefined,
  onDrain: () => undefined,
};

/** @returns the headers of the answer, if this is no call at all. */
export function refusalOf(head: RequestHead): Buffer | undefined {
  if (head.tooLarge) return failed(new RequestError('too-large', 'the metadata is over 16 KiB'));
  if (head.method !== 'POST') return headerBlock(405, [['allow', 'POST']]);
  // As gRPC has it, so that nobody takes the answer for one.
  if (!(head.get('content-type') ?? '').startsWith('application/grpc')) return headerBlock(415, []);
  return undefined;
}

export function unknownMethod(head: RequestHead): Buffer {
  return failed(
    new RequestError('method-not-allowed', `there is no method ${JSON.stringify(head.path)} here`),
  );
}

function failed(error: RequestError): Buffer {
  const { code, details } = statusOf(error);
  return headerBlock(200, [
    ['content-type', 'application/grpc'],
    ['grpc-status', String(code)],
    ['grpc-message', encodeMessage(details)],
  ]);
}
