/** The search for a part's end against a slow one that sees the whole content. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  DelimiterSearch,
  FOUND,
  FOUND_UNCLEAR,
  NOT_FOUND,
} from '../../../filters/wire/delimiter-search.ts';
import { randomSource } from '../../harness/random.ts';
import { everySplit } from '../../harness/read-body.ts';

interface Result {
  readonly outcome: number;
  /** Bytes up to the delimiter's end, or all of them. */
  readonly size: number;
}

function searchPieces(delimiter: Buffer, content: Buffer, cuts: readonly number[]): Result {
  const search = new DelimiterSearch(delimiter);
  search.begin();
  let from = 0;
  for (const to of [...cuts, content.length]) {
    const piece = Uint8Array.from(content.subarray(from, to));
    const end = search.run(piece, 0, piece.length);
    if (search.outcome !== NOT_FOUND) return { outcome: search.outcome, size: from + end };
    assert.equal(end, piece.length);
    from = to;
  }
  return { outcome: NOT_FOUND, size: content.length };
}

function searchWhole(delimiter: Buffer, content: Buffer): Result {
  for (let at = content.indexOf(delimiter); at >= 0; at = content.indexOf(delimiter, at + 1)) {
    const size = at + delimiter.length;
    const before = content.subarray(Math.max(0, at - 2), at).toString('latin1');
    if (before === '\r\n') return { outcome: FOUND, size };
    if (at === 0 || /[\r\n]$/.test(before)) return { outcome: FOUND_UNCLEAR, size };
  }
  return { outcome: NOT_FOUND, size: content.length };
}

const SEED = Number(process.env['SEED'] ?? 1);

test(`a delimiter is found where it is, in every split (SEED=${SEED})`, () => {
  const next = randomSource(SEED);
  const outcomes = new Set<number>();
  const random = (alphabet: string, length: number): string =>
    Array.from({ length }, () => alphabet.charAt(next(alphabet.length))).join('');
  for (let round = 0; round < 1500; round++) {
    const delimiter = `--${random(['-', 'a', '-a', 'ab-'][next(4)] ?? '-', 1 + next(9))}`;
    const pieces = Array.from({ length: next(6) }, () =>
      next(3) === 0
        ? ['\r\n', '\n', '\r', '\r\r\n', ''][next(5)] + delimiter.slice(next(2) * next(3))
        : random('\r\n--aab', next(40)),
    );
    const content = Buffer.from(pieces.join(''));
    const expected = searchWhole(Buffer.from(delimiter), content);
    outcomes.add(expected.outcome);
    for (const cuts of everySplit(content.length)) {
      const report = `round ${round}: ${JSON.stringify([delimiter, content.toString()])} at ${cuts}`;
      assert.deepEqual(searchPieces(Buffer.from(delimiter), content, cuts), expected, report);
    }
  }
  assert.deepEqual([...outcomes].toSorted(), [NOT_FOUND, FOUND, FOUND_UNCLEAR]);
});
