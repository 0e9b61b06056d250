import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Revisions } from '../../../control-plane/xds/revisions.ts';

function all(...texts: readonly string[]): number[] {
  const revisions = new Revisions();
  return texts.map((text) => revisions.of(text));
}

test('texts that are new, and one that stays, have the same revision', () => {
  assert.deepEqual(all('a', 'b', 'b', 'c', 'c'), [0, 0, 0, 0, 0]);
});

test('a text that comes back has a revision that it never had', () => {
  assert.deepEqual(all('a', 'b', 'a', 'a', 'b', 'a', 'c', 'b'), [0, 0, 1, 1, 1, 2, 2, 2]);
  const pairs = new Set<string>();
  const revisions = new Revisions();
  let last = '';
  for (let i = 0; i < 10_000; i++) {
    const text = `text ${(i * 7) % 13}`;
    const pair = `${text} ${revisions.of(text)}`;
    assert.ok(pair === last || !pairs.has(pair), pair);
    pairs.add(pair);
    last = pair;
  }
});

test('what is remembered has a bound, and forgetting is safe', () => {
  const revisions = new Revisions();
  for (let i = 0; i < 5_000; i++) revisions.of(`text ${i}`);
  assert.ok(revisions.of('text 0') > 0);
});
