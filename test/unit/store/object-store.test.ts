import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RawObject } from '../../../control-plane/store/object.ts';
import { ObjectStore } from '../../../control-plane/store/object-store.ts';

function object(name: string, raw: unknown = {}, line = 1): RawObject {
  const origin = { file: 'a.yaml', line, lineOf: () => line };
  return { kind: 'Thing', namespace: 'default', name, raw, origin };
}

test('inserting says whether it mattered', () => {
  const store = new ObjectStore();
  assert.equal(store.insert(object('a', { x: [1] })), true);
  assert.equal(store.insert(object('a', { x: [1] })), false, 'the same again');
  assert.equal(store.insert(object('a', { x: [2] })), true, 'another content');
  assert.equal(store.insert(object('a', { x: [2] }, 5)), true, 'another place');
  assert.equal(store.size, 1);
});

test('removing says whether it mattered', () => {
  const store = new ObjectStore();
  store.insert(object('a'));
  assert.equal(store.remove(object('b')), false);
  assert.equal(store.remove(object('a')), true);
  assert.equal(store.get(object('a')), undefined);
});

test('replacing all says whether anything mattered', () => {
  const store = new ObjectStore();
  assert.equal(store.replace([object('a'), object('b')]), true);
  assert.equal(store.replace([object('b'), object('a')]), false);
  assert.equal(store.replace([object('a')]), true);
  assert.deepEqual(
    store.list().map(({ name }) => name),
    ['a'],
  );
});

test('names that join to one text are different objects', () => {
  const store = new ObjectStore();
  store.insert({ ...object('b'), namespace: 'a' });
  store.insert({ ...object(''), namespace: 'a\0b' });
  assert.equal(store.size, 2);
});

test('the list is sorted, whatever came first', () => {
  const store = new ObjectStore();
  for (const name of ['c', 'a', 'b']) store.insert(object(name));
  assert.deepEqual(
    store.list().map(({ name }) => name),
    ['a', 'b', 'c'],
  );
});
