/** Reads a body in many splits, and holds each against the body in one piece. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { type BodyReader, READ_FOUND } from '../../filters/wire/body-reader.ts';
import type { Random } from '../harness/random-json.ts';

/** Bodies up to this size are read in every split in two, longer ones in a few splits at random. */
const MAX_EVERY_SPLIT_BYTES = 48;
/** Longer ones are not read byte by byte: that says no more, and takes long. */
const MAX_SINGLE_BYTES = 400;
const RANDOM_SPLITS = 3;
const MAX_RANDOM_CUTS = 6;

/** What stands around a piece: a reader that looks there takes it for an end, or for a part of a name. */
const POISON = 0x22;
const MAX_PADDING = 3;

export interface ReadBody {
  readonly status: number;
  readonly name: string;
  readonly nameTooLong: boolean;
  readonly version: string;
  readonly offset: number;
  readonly length: number;
  readonly position: number;
  /** Bytes that it had read when the model was known first; -1: it never was. */
  readonly foundAt: number;
}

/** Feeds the pieces between `cuts`, all of what follows the name too, and ends the body. */
export function readPieces(
  reader: BodyReader,
  body: Uint8Array,
  cuts: readonly number[] = [],
): ReadBody {
  const room = new Uint8Array(body.length + 2 * MAX_PADDING);
  let foundAt = -1;
  let from = 0;
  for (let index = 0; index <= cuts.length; index++) {
    const to = cuts[index] ?? body.length;
    // All pieces stand in the same place, as chunks do: the one before is gone.
    const start = index % (MAX_PADDING + 1);
    const end = start + to - from;
    room.fill(POISON, 0, end + 1);
    room.set(body.subarray(from, to), start);
    const status = reader.feed(room, start, end);
    if (status === READ_FOUND && foundAt < 0) foundAt = reader.position;
    if (reader.stoppedAt < end) reader.feed(room, reader.stoppedAt, end);
    from = to;
  }
  const status = reader.finish();
  const { name, nameTooLong, version, offset, length, position } = reader;
  return { status, name, nameTooLong, version, offset, length, position, foundAt };
}

/**
 * Reads the body with a new reader a split. `describe` gives what else has to be alike in all of them.
 * Returns what was read, and how often.
 */
export function readSplits<Reader extends BodyReader>(
  newReader: () => Reader,
  body: Uint8Array,
  random: Random,
  describe: (reader: Reader) => string = () => '',
): { readonly whole: ReadBody; readonly reader: Reader; readonly reads: number } {
  const reader = newReader();
  const whole = readPieces(reader, body);
  const more = describe(reader);
  let reads = 1;
  for (const cuts of splits(body.length, random)) {
    const other = newReader();
    const outcome = readPieces(other, body, cuts);
    reads++;
    if (isSame(outcome, whole) && describe(other) === more) continue;
    const shown = JSON.stringify(outcome) + describe(other);
    assert.fail(`cut at ${cuts}: ${shown}, in one piece ${JSON.stringify(whole)}${more}`);
  }
  return { whole, reader, reads };
}

/** Ends of all pieces but the last. Pieces may be empty. */
export function randomCuts(size: number, random: Random): number[] {
  const count = 1 + random(MAX_RANDOM_CUTS);
  return Array.from({ length: count }, () => random(size + 1)).sort((a, b) => a - b);
}

function* splits(size: number, random: Random): Generator<readonly number[]> {
  if (size <= MAX_EVERY_SPLIT_BYTES) for (let cut = 0; cut <= size; cut++) yield [cut];
  else for (let count = 0; count < RANDOM_SPLITS; count++) yield randomCuts(size, random);
  if (size <= MAX_SINGLE_BYTES) yield Array.from({ length: size }, (_, index) => index);
}

function isSame(a: ReadBody, b: ReadBody): boolean {
  return (
    a.status === b.status &&
    a.name === b.name &&
    a.nameTooLong === b.nameTooLong &&
    a.version === b.version &&
    a.offset === b.offset &&
    a.length === b.length &&
    a.position === b.position &&
    a.foundAt === b.foundAt
  );
}
