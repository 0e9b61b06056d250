/** Gives an answer to its editor in pieces, and looks at what comes out: all of it, and after each piece. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import type { AnswerEditor } from '../../../filters/rewriter/answer/editor.ts';
import type { Random } from '../../harness/random-json.ts';
import { randomCuts } from '../read-splits.ts';

/** Answers up to this size are cut into two at every place, and longer ones not into single bytes. */
const MAX_EVERY_SPLIT_BYTES = 48;
const MAX_SINGLE_BYTES = 400;
const RANDOM_SPLITS = 3;

/** A name of 512 characters, all escaped, in quotes: nothing longer is kept back. */
const MAX_KEPT_BYTES = 512 * 6 + 2;
/** What stands behind a piece: an editor that looks there takes it for the end of a name. */
const POISON = 0x22;

export interface EditedAnswer {
  /** A character a byte. */
  readonly text: string;
  readonly growth: number;
  readonly replaced: number;
  readonly tokensIn: number;
  readonly tokensOut: number;
}

/** Edits the pieces between `cuts`. `endsApart`: that the body is over comes with no bytes, after all others. */
export function editPieces(
  editor: AnswerEditor,
  body: Uint8Array,
  cuts: readonly number[] = [],
  endsApart = false,
): EditedAnswer {
  const room = new Uint8Array(body.length + 1);
  const ends = [...cuts, body.length, ...(endsApart ? [body.length] : [])];
  const out: Uint8Array[] = [];
  let from = 0;
  let sent = 0;
  let settledGrowth: number | null = null;
  for (const [index, to] of ends.entries()) {
    // All pieces stand in the same place, as chunks do: the one before is gone.
    room.fill(POISON);
    room.set(body.subarray(from, to));
    const size = to - from;
    const edited = editor.transform(room, size, index === ends.length - 1);
    const part = Uint8Array.from(edited ?? room.subarray(0, size));
    assert.deepEqual(room.subarray(0, size), Uint8Array.from(body.subarray(from, to)), 'the piece');
    out.push(part);
    sent += part.length;
    const kept = to + editor.growth - sent;
    assert.ok(kept >= 0 && kept <= MAX_KEPT_BYTES, `${kept} bytes are kept back`);
    if (editor.settled) settledGrowth ??= editor.growth;
    from = to;
  }
  const { growth, replaced, tokensIn, tokensOut } = editor;
  assert.equal(sent, body.length + growth, 'content-length');
  assert.equal(settledGrowth ?? growth, growth, 'growth after it was settled');
  const text = Buffer.concat(out).toString('latin1');
  return { text, growth, replaced, tokensIn, tokensOut };
}

/** Edits with a new editor a split, and holds each against the body in one piece. */
export function editSplits(
  newEditor: () => AnswerEditor,
  body: Uint8Array,
  splits: Iterable<readonly number[]>,
): { readonly whole: EditedAnswer; readonly reads: number } {
  const whole = editPieces(newEditor(), body);
  let reads = 1;
  for (const cuts of splits) {
    const outcome = editPieces(newEditor(), body, cuts, reads % 2 === 0);
    assert.deepEqual(outcome, whole, `cut at ${cuts}`);
    reads++;
  }
  return { whole, reads };
}

/** Some at random; of a short answer all in two. */
export function* answerSplits(size: number, random: Random): Generator<readonly number[]> {
  if (size <= MAX_EVERY_SPLIT_BYTES) for (let cut = 0; cut <= size; cut++) yield [cut];
  else for (let count = 0; count < RANDOM_SPLITS; count++) yield randomCuts(size, random);
  if (size <= MAX_SINGLE_BYTES) yield Array.from({ length: size }, (_, index) => index);
}
