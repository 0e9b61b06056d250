/** Feeds a body to a reader in pieces, as a proxy's chunks come. */
import { type BodyReader, READ_FOUND } from '../../filters/wire/body-reader.ts';

export interface ReadOutcome {
  readonly status: number;
  readonly name: string;
  readonly version: string;
  readonly nameTooLong: boolean;
  /** The bytes at the span, as text a character a byte. */
  readonly token: string;
  /** Bytes that it had read when the model was known first; -1: it never was. */
  readonly foundAt: number;
}

/** Feeds the pieces between `cuts`, all of what follows the name too, and ends the body. */
export function readBody(
  reader: BodyReader,
  body: Uint8Array,
  cuts: readonly number[] = [],
): ReadOutcome {
  let foundAt = -1;
  let from = 0;
  for (const to of [...cuts, body.length]) {
    // Each piece stands in an array of its own, as chunks do.
    const piece = Uint8Array.from(body.subarray(from, to));
    const status = reader.feed(piece, 0, piece.length);
    if (status === READ_FOUND && foundAt < 0) foundAt = reader.position;
    if (reader.stoppedAt < piece.length) reader.feed(piece, reader.stoppedAt, piece.length);
    from = to;
  }
  const status = reader.finish();
  const { name, version, nameTooLong, offset, length } = reader;
  const token = Buffer.from(body.subarray(offset, offset + length)).toString('latin1');
  return { status, name, version, nameTooLong, token, foundAt };
}

/** No cut, each cut in two, and byte by byte. */
export function* everySplit(size: number): Generator<readonly number[]> {
  yield [];
  for (let cut = 0; cut <= size; cut++) yield [cut];
  yield Array.from({ length: size }, (_, index) => index);
}
