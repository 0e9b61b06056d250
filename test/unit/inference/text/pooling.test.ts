import assert from 'node:assert/strict';
import { test } from 'node:test';
import { halfFromNumber } from '../../../../inference/protocol/half-float.ts';
import { finishVector, poolRows } from '../../../../inference/text/embeddings/pooling.ts';

/** Two rows of three tokens with two numbers each; the last token of row 0 only fills it up. */
const HIDDEN = {
  data: Float32Array.of(1, 2, 3, 4, 99, 99, 5, 5, 6, 6, 10, 1),
  shape: [2, 3, 2],
};
const LENGTHS = [2, 3];

const pooled = (pooling: 'mean' | 'cls' | 'last', tensor = HIDDEN) =>
  poolRows(tensor, LENGTHS, pooling).map((vector) => [...vector]);

test('the mean is over the tokens, not over what fills a row up', () => {
  assert.deepEqual(pooled('mean'), [
    [2, 3],
    [7, 4],
  ]);
});

test('cls is the first token, last is the last one that is not filling', () => {
  assert.deepEqual(pooled('cls'), [
    [1, 2],
    [5, 5],
  ]);
  assert.deepEqual(pooled('last'), [
    [3, 4],
    [10, 1],
  ]);
});

test('a vector for each row is taken as it is', () => {
  const vectors = { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] };
  assert.deepEqual(pooled('mean', vectors), [
    [1, 2],
    [3, 4],
  ]);
});

test('FP16 is read as numbers', () => {
  const half = { data: Uint16Array.from(HIDDEN.data, halfFromNumber), shape: HIDDEN.shape };
  assert.deepEqual(
    poolRows(half, LENGTHS, 'mean').map((vector) => [...vector]),
    pooled('mean'),
  );
});

test('a tensor of another shape is refused', () => {
  assert.throws(() => poolRows({ ...HIDDEN, shape: [3, 2, 2] }, LENGTHS, 'mean'), /shape/);
});

test('vectors get length 1, after they are shortened', () => {
  assert.deepEqual(
    [...finishVector(Float32Array.of(3, 4, 12), 2, true)],
    [Math.fround(0.6), Math.fround(0.8)],
  );
  assert.deepEqual([...finishVector(Float32Array.of(3, 4), undefined, false)], [3, 4]);
  assert.deepEqual([...finishVector(Float32Array.of(0, 0), undefined, true)], [0, 0]);
});
