import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Tensor, TensorData } from '../../../inference/protocol/tensor.ts';
import { BatchPlan, sliceRows } from '../../../inference/runtime/batch-plan.ts';
import type { Dimension, SessionMetadata } from '../../../inference/runtime/model-session.ts';

/** Shapes as a model declares them: a string is a variable dimension. */
function metadata(inputs: Dimension[][], outputs: Dimension[][]): SessionMetadata {
  const describeAll = (shapes: Dimension[][], prefix: string) =>
    shapes.map((shape, i) => ({
      name: `${prefix}${i}`,
      datatype: 'FP32' as const,
      shape: shape.map((size) => (typeof size === 'string' ? -1 : size)),
    }));
  return {
    inputs: describeAll(inputs, 'in'),
    outputs: describeAll(outputs, 'out'),
    dimensions: { inputs, outputs },
  };
}

function floats(shape: number[], ...data: number[]): Tensor {
  return { shape, data: new Float32Array(data) };
}

describe('requests are joined only where dimension 0 is the batch', () => {
  const cases: [string, Dimension[][], Dimension[][], boolean][] = [
    ['one name everywhere', [['N', 3]], [['N', 1]], true],
    ['no names', [['', 3]], [['', 1]], true],
    ['a fixed input', [[1, 3]], [['N', 1]], false],
    ['a fixed output', [['N', 3]], [[1]], false],
    ['a scalar output', [['N', 3]], [[]], false],
    [
      'two names',
      [
        ['N', 3],
        ['M', 3],
      ],
      [['N', 1]],
      false,
    ],
    ['an output of another length', [['N', 3]], [['K', 1]], false],
  ];
  for (const [name, inputs, outputs, expected] of cases) {
    test(name, () => assert.equal(new BatchPlan(metadata(inputs, outputs)).joins, expected));
  }
});

test('inputs with different numbers of rows are refused by name', () => {
  const plan = new BatchPlan(metadata([['N', 1], ['N']], [['N']]));
  assert.equal(plan.rows([floats([2, 1], 1, 2), floats([2], 1, 2)]), 2);
  assert.match(
    String(plan.rows([floats([2, 1], 1, 2), floats([1], 1)])),
    /"in0" and "in1" have 2 and 1 rows/,
  );
});

test('lanes differ where other variable dimensions do', () => {
  const plan = new BatchPlan(metadata([['N', 'L', 2]], [['N', 2]]));
  const long = plan.lane([floats([1, 3, 2], 1, 2, 3, 4, 5, 6)]);
  assert.notEqual(long, plan.lane([floats([1, 2, 2], 1, 2, 3, 4)]));
  assert.equal(long, plan.lane([floats([2, 3, 2])]));
});

describe('joining and slicing', () => {
  test('puts members below each other and gives each its own rows back', () => {
    const plan = new BatchPlan(metadata([['N', 2]], [['N', 2]]));
    const members = [[floats([1, 2], 1, 2)], [floats([0, 2])], [floats([2, 2], 3, 4, 5, 6)]];
    const [joined] = plan.join(members, 3);
    assert.deepEqual(joined, floats([3, 2], 1, 2, 3, 4, 5, 6));
    assert.deepEqual(sliceRows(joined as Tensor, 0, 1), floats([1, 2], 1, 2));
    assert.deepEqual(sliceRows(joined as Tensor, 1, 0), floats([0, 2]));
    assert.deepEqual(sliceRows(joined as Tensor, 1, 2), floats([2, 2], 3, 4, 5, 6));
  });

  const kinds: [string, TensorData, TensorData][] = [
    ['64-bit integers', new BigInt64Array([1n, 2n]), new BigInt64Array([3n])],
    ['strings', ['a', 'b'], ['c']],
    ['bytes', new Uint8Array([1, 2]), new Uint8Array([3])],
  ];
  for (const [name, first, second] of kinds) {
    test(`keeps the type of ${name}`, () => {
      const plan = new BatchPlan(metadata([['N']], [['N']]));
      const [joined] = plan.join(
        [[{ data: first, shape: [2] }], [{ data: second, shape: [1] }]],
        3,
      );
      assert.deepEqual(sliceRows(joined as Tensor, 0, 2), { data: first, shape: [2] });
      assert.deepEqual(sliceRows(joined as Tensor, 2, 1), { data: second, shape: [1] });
    });
  }
});
