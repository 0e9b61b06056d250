import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BatchQueue, type QueueLimits } from '../../../inference/runtime/batch-queue.ts';

interface Item {
  readonly name: string;
  readonly rows: number;
  readonly lane: string;
  readonly level: number;
  readonly sinceMs: number;
  gone: boolean;
}

function item(name: string, rows = 1, lane = '', level = 0, sinceMs = 0): Item {
  return { name, rows, lane, level, sinceMs, gone: false };
}

function queue(maxBatchRows: number, maxQueueRows = 100, more: Partial<QueueLimits> = {}) {
  const gone: string[] = [];
  const limits = { maxBatchRows, maxQueueRows, ...more };
  const made = new BatchQueue<Item>(limits, ({ name }) => gone.push(name));
  /** The names of the next batch; undefined when nothing is due. */
  const take = (nowMs = 0): string | undefined =>
    made
      .take(nowMs)
      ?.map(({ name }) => name)
      .join('');
  const takeAll = (): string[] => {
    const batches: string[] = [];
    for (let batch = take(); batch !== undefined; batch = take()) batches.push(batch);
    return batches;
  };
  return { queue: made, gone, take, takeAll };
}

describe('batches', () => {
  const cases: [string, number, Item[], string[]][] = [
    ['keep the order of arrival', 8, [item('a'), item('b'), item('c')], ['abc']],
    ['are full at the limit in rows', 2, [item('a'), item('b'), item('c')], ['ab', 'c']],
    ['count rows, not requests', 4, [item('a', 3), item('b', 2), item('c', 2)], ['a', 'bc']],
    [
      'hold a request over the limit alone',
      4,
      [item('a'), item('b', 9), item('c')],
      ['a', 'b', 'c'],
    ],
    ['of one row do not join', 1, [item('a'), item('b')], ['a', 'b']],
    ['never mix lanes', 8, [item('a', 1, 'x'), item('b', 1, 'y'), item('c', 1, 'x')], ['ac', 'b']],
    [
      'give lanes turns',
      2,
      [item('a', 1, 'x'), item('b', 1, 'x'), item('c', 1, 'x'), item('d', 1, 'y')],
      ['ab', 'd', 'c'],
    ],
    [
      'count a request without rows as one',
      2,
      [item('a', 0), item('b', 0), item('c', 0)],
      ['ab', 'c'],
    ],
  ];
  for (const [name, maxBatchRows, items, expected] of cases) {
    test(name, () => {
      const { queue: made, takeAll } = queue(maxBatchRows);
      for (const each of items) assert.equal(made.offer(each), true);
      assert.deepEqual(takeAll(), expected);
      assert.equal(made.rows, 0);
    });
  }
});

describe('the bound', () => {
  test('refuses the row that is one too many, and takes it once there is room', () => {
    const { queue: made } = queue(2, 3);
    assert.deepEqual(
      [1, 2, 1].map((rows) => made.offer(item('a', rows))),
      [true, true, false],
    );
    assert.equal(made.rows, 3);
    made.take(0);
    assert.equal(made.offer(item('b')), true);
  });

  test('refuses a large request and still takes a small one', () => {
    const { queue: made } = queue(8, 3);
    made.offer(item('a', 2));
    assert.equal(made.offer(item('b', 2)), false);
    assert.equal(made.offer(item('c', 1)), true);
  });
});

describe('items that have gone', () => {
  test('take no place in a batch', () => {
    const { queue: made, gone, takeAll } = queue(2);
    const items = ['a', 'b', 'c', 'd'].map((name) => item(name));
    for (const each of items) made.offer(each);
    for (const each of items) each.gone = each.name < 'c';
    assert.deepEqual(takeAll(), ['cd']);
    assert.deepEqual(gone, ['a', 'b']);
  });

  test('leave an empty batch when nobody is left', () => {
    const { queue: made, gone } = queue(2);
    const lone = item('a');
    made.offer(lone);
    lone.gone = true;
    assert.deepEqual(made.take(0), []);
    assert.equal(made.empty, true);
    assert.deepEqual(gone, ['a']);
  });

  test('are swept out of a queue that nobody empties', () => {
    const { queue: made, gone, takeAll } = queue(8, 3);
    const items = [item('a', 1, 'x'), item('b', 1, 'x'), item('c', 1, 'y')];
    for (const each of items) made.offer(each);
    for (const each of items) each.gone = each.name !== 'b';
    made.sweep();
    assert.deepEqual(gone, ['a', 'c']);
    assert.equal(made.rows, 1);
    assert.deepEqual(takeAll(), ['b']);
  });
});

test('a long queue comes out whole and in order', () => {
  const { queue: made, takeAll } = queue(7, 10_000);
  const names = Array.from({ length: 5000 }, (_, i) => `${i},`);
  for (const [i, name] of names.entries()) {
    made.offer(item(name));
    // Taking in between moves the front of the lane.
    if (i === 2500) made.take(0);
  }
  assert.equal(takeAll().join(''), names.slice(7).join(''));
});

describe('preferred sizes', () => {
  const cases: [string, number[], number, string[]][] = [
    ['are cut off what waits, the largest first', [2, 4], 7, ['abcd', 'ef', 'g']],
    ['over the limit mean nothing', [50], 3, ['abc']],
    ['do not hold back what is less', [4], 3, ['abc']],
  ];
  for (const [name, preferredRows, count, expected] of cases) {
    test(name, () => {
      const { queue: made, takeAll } = queue(8, 100, { preferredRows });
      for (const each of 'abcdefgh'.slice(0, count)) made.offer(item(each));
      assert.deepEqual(takeAll(), expected);
    });
  }
});

describe('a delay', () => {
  test('holds a batch until its oldest item has waited so long', () => {
    const { queue: made, take } = queue(8, 100, { maxDelayMs: 5 });
    made.offer(item('a', 1, '', 0, 10));
    made.offer(item('b', 1, '', 0, 13));
    assert.equal(take(14.9), undefined);
    assert.equal(made.dueMs(), 15);
    assert.equal(take(15), 'ab');
    assert.equal(made.dueMs(), Number.POSITIVE_INFINITY);
  });

  test('ends when the batch is full, or as large as is preferred', () => {
    for (const [preferredRows, expected] of [
      [[], 'abcd'],
      [[2], 'ab'],
    ] as const) {
      const { queue: made, take } = queue(4, 100, { maxDelayMs: 5, preferredRows });
      made.offer(item('a'));
      assert.equal(take(), undefined);
      for (const each of 'bcd') made.offer(item(each));
      assert.equal(take(), expected);
    }
  });

  test('of one lane holds up no other', () => {
    const { queue: made, take } = queue(2, 100, { maxDelayMs: 5 });
    made.offer(item('a', 1, 'x'));
    made.offer(item('b', 2, 'y'));
    assert.equal(take(), 'b');
    assert.equal(take(), undefined);
  });
});

describe('priorities', () => {
  test('go first, and what is less urgent fills up their batches', () => {
    const { queue: made, takeAll } = queue(3, 100, { levels: 3 });
    for (const [name, level] of [
      ['a', 2],
      ['b', 1],
      ['c', 2],
      ['d', 0],
      ['e', 1],
    ] as const) {
      made.offer(item(name, 1, '', level));
    }
    assert.deepEqual(takeAll(), ['dbe', 'ac']);
  });

  test('go before the turns of lanes', () => {
    const { queue: made, takeAll } = queue(2, 100, { levels: 2 });
    made.offer(item('a', 1, 'x', 1));
    made.offer(item('b', 1, 'y', 0));
    assert.deepEqual(takeAll(), ['b', 'a']);
  });

  test('let nobody wait for more than eight batches', () => {
    const { queue: made, take } = queue(1, 100, { levels: 2 });
    made.offer(item('z', 1, '', 1));
    for (let i = 0; i < 20; i++) made.offer(item('a'));
    const batches = Array.from({ length: 20 }, () => take());
    assert.equal(batches.indexOf('z'), 8);
  });

  test('that have gone leave the rest in order', () => {
    const { queue: made, gone, takeAll } = queue(4, 100, { levels: 2 });
    const items = [item('a', 1, '', 1), item('b', 1, '', 0), item('c', 1, '', 1)];
    for (const each of items) made.offer(each);
    for (const each of items) each.gone = each.name === 'b';
    assert.deepEqual(takeAll(), ['ac']);
    assert.deepEqual(gone, ['b']);
    assert.equal(made.rows, 0);
  });
});
