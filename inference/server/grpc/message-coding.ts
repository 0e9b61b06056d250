/** Messages of gRPC: a byte that says whether it is compressed, four of its length, and the message. */
import { gunzip, inflate } from 'node:zlib';
import { RequestError } from '../../protocol/errors.ts';

export const PREFIX_BYTES = 5;
/** What is taken; answers are never compressed. */
export const ACCEPTED_ENCODINGS = 'identity,deflate,gzip';

/** How the messages of a call are compressed. */
export type MessageEncoding = 'identity' | 'gzip' | 'deflate';

/** @returns undefined for one that is not there. */
export function messageEncoding(header: string | undefined): MessageEncoding | undefined {
  if (header === undefined) return 'identity';
  return header === 'identity' || header === 'gzip' || header === 'deflate' ? header : undefined;
}

export function prefixed(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  bytes[0] = 0;
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, PREFIX_BYTES);
  return bytes;
}

/** `done` gets a RequestError when it is no such data, or more than `maxBytes`. */
export function decompress(
  message: Buffer,
  encoding: MessageEncoding,
  maxBytes: number,
  done: (result: Buffer | RequestError) => void,
): void {
  if (encoding === 'identity') {
    done(
      new RequestError('internal', 'a message is compressed, but grpc-encoding does not say how'),
    );
    return;
  }
  const read = encoding === 'gzip' ? gunzip : inflate;
  read(message, { maxOutputLength: maxBytes }, (error, bytes) => {
    if (!error) done(bytes);
    else if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      done(
        new RequestError(
          'too-large',
          `the message has more than ${maxBytes} bytes; send fewer rows at a time, or raise --max-body-bytes`,
        ),
      );
    } else done(new RequestError('invalid-argument', `the message is no ${encoding}`));
  });
}
