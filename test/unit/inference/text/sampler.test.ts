import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Sampler, type Sampling } from '../../../../inference/text/generation/sampler.ts';

const PLAIN: Sampling = {
  temperature: 1,
  topP: 1,
  topK: 0,
  presencePenalty: 0,
  frequencyPenalty: 0,
  seed: 7,
};

/** Scores whose probabilities are these. */
const logitsOf = (...shares: number[]): Float32Array => Float32Array.from(shares, Math.log);

function draws(sampling: Partial<Sampling>, logits: Float32Array, count: number): number[] {
  const sampler = new Sampler({ ...PLAIN, ...sampling });
  return Array.from({ length: count }, () => sampler.next(logits.slice()));
}

function shareOf(tokens: readonly number[], token: number): number {
  return tokens.filter((drawn) => drawn === token).length / tokens.length;
}

test('without temperature the likeliest is taken, the first of equal ones', () => {
  assert.deepEqual(draws({ temperature: 0 }, Float32Array.of(1, 3, 3, 2), 3), [1, 1, 1]);
});

test('a score that is no number is never taken', () => {
  const logits = Float32Array.of(Number.NaN, 0, Number.NEGATIVE_INFINITY);
  assert.deepEqual(new Set(draws({}, logits, 50)), new Set([1]));
  assert.deepEqual(draws({ temperature: 0 }, logits, 1), [1]);
});

test('tokens come as often as they are likely', () => {
  const drawn = draws({}, logitsOf(0.5, 0.3, 0.2), 20_000);
  assert.ok(Math.abs(shareOf(drawn, 0) - 0.5) < 0.02);
  assert.ok(Math.abs(shareOf(drawn, 2) - 0.2) < 0.02);
});

test('a low temperature makes the likely ones likelier', () => {
  const drawn = draws({ temperature: 0.5 }, logitsOf(0.5, 0.3, 0.2), 20_000);
  assert.ok(Math.abs(shareOf(drawn, 0) - 0.25 / 0.38) < 0.02);
});

test('the same seed draws the same tokens, another one does not', () => {
  const logits = new Float32Array(1000);
  assert.deepEqual(draws({}, logits, 20), draws({}, logits, 20));
  assert.notDeepEqual(draws({}, logits, 20), draws({ seed: 8 }, logits, 20));
  assert.notDeepEqual(draws({ seed: 1 }, logits, 20), draws({ seed: 1 + 2 ** 33 }, logits, 20));
});

test('what a seed draws is what it has always drawn', () => {
  assert.deepEqual(draws({ seed: 42 }, new Float32Array(100), 5), [12, 7, 21, 1, 57]);
});

test('top_k leaves the k likeliest', () => {
  const drawn = draws({ topK: 2 }, logitsOf(0.1, 0.4, 0.2, 0.3), 500);
  assert.deepEqual(new Set(drawn), new Set([1, 3]));
});

test('top_p leaves the fewest that hold the share', () => {
  const logits = logitsOf(0.1, 0.4, 0.2, 0.3);
  assert.deepEqual(new Set(draws({ topP: 0.7 }, logits, 500)), new Set([1, 3]));
  assert.deepEqual(new Set(draws({ topP: 0.71 }, logits, 500)), new Set([1, 2, 3]));
  assert.deepEqual(new Set(draws({ topP: 0 }, logits, 50)), new Set([1]));
});

test('top_p counts among those that top_k leaves', () => {
  const drawn = draws({ topK: 2, topP: 0.5 }, logitsOf(0.1, 0.4, 0.2, 0.3), 500);
  assert.deepEqual(new Set(drawn), new Set([1]));
});

test('top_p finds its tokens among many that are unlikely', () => {
  const logits = new Float32Array(50_000).fill(-20);
  logits[123] = 0;
  logits[456] = -1;
  assert.deepEqual(new Set(draws({ topP: 0.99 }, logits, 200)), new Set([123, 456]));
});

test('penalties turn the choice away from what the answer has', () => {
  const logits = Float32Array.of(1, 0.5, 0);
  assert.deepEqual(draws({ temperature: 0, presencePenalty: 2 }, logits, 4), [0, 1, 2, 0]);
  assert.deepEqual(draws({ temperature: 0, frequencyPenalty: 0.4 }, logits, 4), [0, 0, 1, 0]);
});
