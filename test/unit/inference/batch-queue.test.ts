import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BatchQueue } from '../../../inference/runtime/batch-queue.ts';

interface Item {
  readonly name: string;
  readonly rows: number;
  readonly lane: string;
  gone: boolean;
}

function item(name: string, rows = 1, lane = ''): Item {
  return { name, rows, lane, gone: false };
}

function queue(maxBatchRows: number, maxQueueRows = 100) {
  const gone: string[] = [];
  const made = new BatchQueue<Item>({ maxBatchRows, maxQueueRows }, ({ name }) => gone.push(name));
  const takeAll = (): string[] => {
    const batches: string[] = [];
    while (!made.empty)
      batches.push(
        made
          .take()
          .map(({ name }) => name)
          .join(''),
      );
    return batches;
  };
  return { queue: made, gone, takeAll };
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
    made.take();
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
    assert.deepEqual(made.take(), []);
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
    if (i === 2500) made.take();
  }
  assert.equal(takeAll().join(''), names.slice(7).join(''));
});
