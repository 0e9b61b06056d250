import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Revisions, ShardRevisions } from '../../../control-plane/xds/revisions.ts';

function all(...texts: readonly string[]): number[] {
  const revisions = new Revisions();
  return texts.map((text) => revisions.of(text));
}

test('texts that are new, and one that stays, are at their first revision', () => {
  assert.deepEqual(all('a', 'b', 'b', 'c', 'c'), [0, 0, 0, 0, 0]);
});

test('a text that comes back has another revision than the last times', () => {
  assert.deepEqual(all('a', 'b', 'a', 'b', 'a', 'a', 'b'), [0, 0, 1, 1, 2, 2, 2]);
});

test('a text takes few revisions in turn, as Envoy remembers each', () => {
  const revisions = new Revisions();
  const pairs = new Set<string>();
  for (let i = 0; i < 1_000; i++) {
    const text = `text ${(i * 7) % 13}`;
    pairs.add(`${text} ${revisions.of(text)}`);
  }
  assert.equal(pairs.size, 13 * 3);
});

test('what is remembered has a bound, and what was used last stays', () => {
  const revisions = new Revisions();
  revisions.of('kept');
  for (let i = 0; i < 90; i++) revisions.of(`text ${i}`);
  assert.equal(revisions.of('kept'), 1);
  for (let i = 0; i < 90; i++) revisions.of(`other ${i}`);
  assert.equal(revisions.of('kept'), 2);
  assert.equal(revisions.of('text 0'), 0, 'forgotten, and so new again');
});

test('of several texts each has revisions of its own, and one that was away comes back with another', () => {
  const revisions = new ShardRevisions();
  const of = (texts: Record<string, string>) => revisions.of(new Map(Object.entries(texts)));
  assert.deepEqual(of({ one: 'a', two: 'a' }), [0, 0]);
  assert.deepEqual(of({ one: 'b', two: 'a' }), [0, 0]);
  assert.deepEqual(of({ one: 'a', two: 'a' }), [1, 0]);
  assert.deepEqual(of({ whole: 'a' }), [0]);
  assert.deepEqual(of({ one: 'a', two: 'c' }), [2, 0]);
  assert.deepEqual(of({ one: 'a', two: 'a' }), [2, 1]);
});
