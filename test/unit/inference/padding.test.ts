import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { halfFromNumber } from '../../../inference/protocol/half-float.ts';
import type { Datatype, Tensor } from '../../../inference/protocol/tensor.ts';
import type { PaddingConfig } from '../../../inference/repository/model-config.ts';
import type { Dimension, SessionMetadata } from '../../../inference/runtime/model-session.ts';
import { Padding, resize } from '../../../inference/runtime/padding.ts';

type Shapes = Record<string, readonly [Datatype, ...Dimension[]]>;

function metadata(inputs: Shapes, outputs: Shapes): SessionMetadata {
  const tensors = (shapes: Shapes) =>
    Object.entries(shapes).map(([name, [datatype, ...shape]]) => ({
      name,
      datatype,
      shape: shape.map((size) => (typeof size === 'string' ? -1 : size)),
    }));
  const sizes = (shapes: Shapes) => Object.values(shapes).map(([, ...shape]) => shape);
  return {
    inputs: tensors(inputs),
    outputs: tensors(outputs),
    dimensions: { inputs: sizes(inputs), outputs: sizes(outputs) },
  };
}

const TO_FOUR: PaddingConfig = { dimension: 1, value: 0, multipleOf: 4 };

function floats(shape: number[], ...data: number[]): Tensor {
  return { shape, data: new Float32Array(data) };
}

const TOKENS = metadata(
  { ids: ['FP32', 'N', 'L'], mask: ['FP32', 'N', 'L'] },
  { each: ['FP32', 'N', 'L', 2], all: ['FP32', 'N', 3] },
);
const BOTH = { ids: { ...TO_FOUR, value: 9 }, mask: TO_FOUR };

describe('padding', () => {
  test('fills each row up to the next multiple, each input with its own value', () => {
    const padded = new Padding(BOTH, TOKENS).fill([
      floats([2, 3], 1, 2, 3, 4, 5, 6),
      floats([2, 3], 1, 1, 1, 1, 1, 1),
    ]);
    assert.ok(typeof padded !== 'string');
    assert.deepEqual(padded.inputs, [
      floats([2, 4], 1, 2, 3, 9, 4, 5, 6, 9),
      floats([2, 4], 1, 1, 1, 0, 1, 1, 1, 0),
    ]);
  });

  test('cuts outputs back where the same dimension names them, and no others', () => {
    const padding = new Padding(BOTH, TOKENS);
    const outputs = [floats([1, 4, 2], 1, 2, 3, 4, 5, 6, 7, 8), floats([1, 3], 1, 2, 3)];
    assert.deepEqual(padding.cut(outputs, new Map([['L', 3]])), [
      floats([1, 3, 2], 1, 2, 3, 4, 5, 6),
      floats([1, 3], 1, 2, 3),
    ]);
  });

  test('leaves a size alone that is a multiple already', () => {
    const inputs = [floats([1, 4], 1, 2, 3, 4), floats([1, 4], 1, 1, 1, 1)];
    const padded = new Padding(BOTH, TOKENS).fill(inputs);
    assert.ok(typeof padded !== 'string');
    assert.equal(padded.inputs[0], inputs[0]);
  });

  test('refuses inputs that disagree about a dimension which they share', () => {
    const padded = new Padding(BOTH, TOKENS).fill([floats([1, 3], 1, 2, 3), floats([1, 2], 1, 1)]);
    assert.equal(
      padded,
      'input "mask": dimension 1 is 2, but another input has 3 for the same "L"',
    );
  });

  test('writes the value in the type of the input', () => {
    const each: [Datatype, Tensor['data'], Tensor['data']][] = [
      ['INT64', new BigInt64Array([1n]), new BigInt64Array([1n, 7n])],
      ['FP16', new Uint16Array([1]), new Uint16Array([1, halfFromNumber(7)])],
      ['UINT8', new Uint8Array([1]), new Uint8Array([1, 7])],
    ];
    for (const [datatype, data, expected] of each) {
      const padding = new Padding(
        { x: { dimension: 1, value: 7, multipleOf: 2 } },
        metadata({ x: [datatype, 'N', 'L'] }, {}),
      );
      const padded = padding.fill([{ shape: [1, 1], data }]);
      assert.ok(typeof padded !== 'string');
      assert.deepEqual(padded.inputs, [{ shape: [1, 2], data: expected }]);
    }
  });
});

describe('an entry that does not fit the model is refused by name', () => {
  const cases: [string, Record<string, PaddingConfig>, SessionMetadata, RegExp][] = [
    ['no such input', { z: TO_FOUR }, TOKENS, /batching\.pad\.z: .*it has ids, mask/],
    [
      'a fixed dimension',
      { x: TO_FOUR },
      metadata({ x: ['FP32', 'N', 4] }, {}),
      /batching\.pad\.x\.dimension: dimension 1 of \[-1,4\] is not variable/,
    ],
    [
      'a second input with the dimension',
      { ids: TO_FOUR },
      TOKENS,
      /input "mask" has the dimension "L" too/,
    ],
    [
      'two multiples for one dimension',
      { ids: TO_FOUR, mask: { ...TO_FOUR, multipleOf: 8 } },
      TOKENS,
      /multipleOf: all inputs with "L" need the same/,
    ],
    ['texts', { x: TO_FOUR }, metadata({ x: ['BYTES', 'N', 'L'] }, {}), /BYTES cannot be padded/],
    [
      'half a token',
      { x: { ...TO_FOUR, value: 0.5 } },
      metadata({ x: ['INT64', 'N', 'L'] }, {}),
      /batching\.pad\.x\.value: 0\.5 is no INT64/,
    ],
  ];
  for (const [name, config, model, expected] of cases) {
    test(name, () => assert.throws(() => new Padding(config, model), expected));
  }
});

test('a dimension in the middle is resized in each part', () => {
  const tensor = floats([2, 2, 2], 1, 2, 3, 4, 5, 6, 7, 8);
  assert.deepEqual(resize(tensor, 1, 3, 0), floats([2, 3, 2], 1, 2, 3, 4, 0, 0, 5, 6, 7, 8, 0, 0));
  assert.deepEqual(resize(tensor, 1, 1, 0), floats([2, 1, 2], 1, 2, 5, 6));
  const texts = { shape: [2, 2], data: ['a', 'b', 'c', 'd'] };
  assert.deepEqual(resize(texts, 1, 1, 0), { shape: [2, 1], data: ['a', 'c'] });
});
