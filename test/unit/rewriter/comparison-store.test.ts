/** Where the first of two answers waits for the other one. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPARE_TENSORS } from '../../../filters/contract/rewriter-config.ts';
import type { CapturedAnswer } from '../../../filters/rewriter/comparison/captured-answer.ts';
import { type Comparison, Comparisons } from '../../../filters/rewriter/comparison/comparisons.ts';
import { randomSource } from '../../harness/random.ts';
import { outcomeOf, predictions } from './comparison-answers.ts';

const SEED = 20_260_504;
const TIMEOUT_MS = 1000;

/** A store whose clock the test turns. */
class Worker {
  readonly comparisons = new Comparisons();
  nowMs = 1_700_000_000_000;

  constructor(maxHeldBytes = 1_000_000) {
    this.comparisons.configure(maxHeldBytes, TIMEOUT_MS);
  }

  primary(id: string, answer: CapturedAnswer | null = predictions([1])): Comparison | null {
    return this.offer(id, false, 'stable', answer);
  }

  shadow(id: string, answer: CapturedAnswer | null = predictions([1])): Comparison | null {
    return this.offer(id, true, 'canary', answer);
  }

  private offer(
    id: string,
    shadow: boolean,
    variant: string,
    answer: CapturedAnswer | null,
  ): Comparison | null {
    return this.comparisons.offer(id, shadow, variant, answer, COMPARE_TENSORS, 0, this.nowMs);
  }
}

function assertComparison(actual: Comparison | null, outcome: string): void {
  assert.ok(actual);
  assert.deepEqual(
    [outcomeOf(actual.outcome), actual.variant, actual.shadow],
    [outcome, 'stable', 'canary'],
  );
}

test('two halves make a comparison whichever comes first', () => {
  const worker = new Worker();
  assert.equal(worker.primary('a'), null);
  assert.equal(worker.shadow('b', predictions([2])), null);
  assertComparison(worker.shadow('a'), 'agree');
  assertComparison(worker.primary('b'), 'disagree');
  assert.equal(worker.comparisons.heldBytes, 0);
});

test('a half that failed makes its pair incomparable whichever it is', () => {
  const worker = new Worker();
  worker.primary('a', null);
  assertComparison(worker.shadow('a'), 'incomparable');
  worker.primary('b');
  assertComparison(worker.shadow('b', null), 'incomparable');
  assert.equal(worker.comparisons.heldBytes, 0);
});

test('halves of different requests do not meet', () => {
  const worker = new Worker();
  worker.primary('a');
  assert.equal(worker.shadow('b'), null);
});

test('a pair is compared once', () => {
  const worker = new Worker();
  worker.primary('a');
  assertComparison(worker.shadow('a'), 'agree');
  assert.equal(worker.shadow('a'), null);
});

test('a half that comes again takes the place of the first, and waits anew', () => {
  const worker = new Worker();
  worker.primary('a', null);
  const held = worker.comparisons.heldBytes;
  worker.nowMs += TIMEOUT_MS - 1;
  assert.equal(worker.primary('a', null), null);
  assert.equal(worker.comparisons.heldBytes, held);
  worker.primary('a');
  worker.nowMs += TIMEOUT_MS - 1;
  assertComparison(worker.shadow('a'), 'agree');
  assert.equal(worker.comparisons.takeLost(), 0);
});

test('a half whose other one does not come in time is lost', () => {
  const worker = new Worker();
  worker.primary('a');
  worker.nowMs += 1;
  worker.primary('b');
  worker.nowMs += TIMEOUT_MS - 1;
  assert.equal(worker.shadow('a'), null);
  assertComparison(worker.shadow('b'), 'agree');
  assert.equal(worker.comparisons.takeLost(), 1);
  assert.equal(worker.comparisons.takeLost(), 0);
});

test('a clock that is set back loses what waits, and holds nothing for ever', () => {
  const worker = new Worker();
  worker.primary('a');
  worker.nowMs -= 5;
  worker.comparisons.expire(worker.nowMs);
  assert.equal(worker.comparisons.takeLost(), 1);
  assert.equal(worker.comparisons.heldBytes, 0);
});

test('an answer that there is no room for makes its pair incomparable', () => {
  const worker = new Worker(3500);
  worker.primary('a', predictions('x'.repeat(2000)));
  worker.primary('b', predictions(['x'.repeat(2000)]));
  assert.ok(worker.comparisons.heldBytes <= 3500);
  assert.equal(worker.comparisons.takeOverLimit(), 1);
  assert.equal(worker.comparisons.takeOverLimit(), 0);
  assertComparison(worker.shadow('b'), 'incomparable');
});

test('where there is no room at all nothing is kept', () => {
  const worker = new Worker(100);
  worker.primary('a');
  assert.equal(worker.comparisons.heldBytes, 0);
  assert.equal(worker.shadow('a'), null);
  assert.equal(worker.comparisons.takeOverLimit(), 2);
  assert.equal(worker.comparisons.takeLost(), 0);
});

test('halves that failed are bounded in number', () => {
  const worker = new Worker(2_000_000_000);
  for (let i = 0; i < 20_000; i++) worker.primary(`${i}`, null);
  assert.equal(worker.comparisons.takeOverLimit(), 20_000 - 16_384);
});

test('the largest of what configurations ask for counts', () => {
  const worker = new Worker(3000);
  worker.comparisons.configure(10, 1);
  worker.primary('a');
  worker.nowMs += TIMEOUT_MS - 1;
  assertComparison(worker.shadow('a'), 'agree');
});

test('random halves meet only their own, stay within the limit, and leave nothing behind', () => {
  const random = randomSource(SEED);
  const worker = new Worker(50_000);
  const offered = new Set<string>();
  let compared = 0;
  for (let i = 0; i < 20_000; i++) {
    const id = String(random(2_000));
    const side = random(2) === 0 ? 'primary' : 'shadow';
    const answer = random(5) === 0 ? null : predictions(['x'.repeat(random(300))]);
    const comparison = worker[side](id, answer);
    if (comparison === null) {
      offered.add(side + id);
    } else {
      assert.ok(offered.delete((side === 'primary' ? 'shadow' : 'primary') + id));
      compared++;
    }
    assert.ok(worker.comparisons.heldBytes <= 50_000);
    worker.nowMs += random(20);
  }
  worker.comparisons.expire(worker.nowMs + TIMEOUT_MS);
  assert.ok(compared > 0 && worker.comparisons.takeOverLimit() > 0);
  assert.ok(worker.comparisons.takeLost() > 0);
  assert.equal(worker.comparisons.heldBytes, 0);
});
