/** Bodies without JSON: the bytes of the model's only input. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseInferRequest } from '../../../inference/protocol/infer-request.ts';
import type { Datatype, ModelMetadata } from '../../../inference/protocol/tensor.ts';
import { bytesOf } from './binary-message.ts';

const LIMITS = { maxTensors: 4, maxElements: 1000 };

function model(datatype: Datatype, shape: number[], more: object[] = []): ModelMetadata {
  return {
    name: 'm',
    version: '1',
    inputs: [{ name: 'x', datatype, shape }, ...(more as ModelMetadata['inputs'])],
    outputs: [{ name: 'y', datatype: 'FP32', shape: [-1] }],
  };
}

function parse(binary: Uint8Array, metadata: ModelMetadata) {
  return parseInferRequest({ json: undefined, binary }, metadata, LIMITS);
}

describe('the shape follows from the model and the number of bytes', () => {
  const SIX = bytesOf('FP32', [1, 2, 3, 4, 5, 6]);
  const cases: [string, number[], number[]][] = [
    ['rows of a fixed size', [-1, 3], [2, 3]],
    ['one fixed shape', [1, 6], [1, 6]],
    ['an open last dimension', [2, -1], [2, 3]],
    ['one row, where a second dimension is open too', [-1, -1], [1, 6]],
    ['one row, where the last of three is open', [-1, 2, -1], [1, 2, 3]],
  ];
  for (const [name, declared, shape] of cases) {
    test(`${name}: ${JSON.stringify(declared)}`, () => {
      const { id, inputs, outputs } = parse(SIX, model('FP32', declared));
      const data = new Float32Array([1, 2, 3, 4, 5, 6]);
      assert.deepEqual({ id, inputs }, { id: undefined, inputs: [{ data, shape }] });
      assert.deepEqual(outputs, [{ index: 0, binary: true }]);
    });
  }

  test('BYTES are one element without its length', () => {
    const { inputs } = parse(Buffer.from('café'), model('BYTES', [-1, 1]));
    assert.deepEqual(inputs, [{ data: ['café'], shape: [1, 1] }]);
  });
});

describe('what leaves the shape open is refused', () => {
  const cases: [string, Uint8Array, ModelMetadata, RegExp][] = [
    [
      'a model with two inputs',
      Buffer.alloc(4),
      model('FP32', [-1], [{ name: 'w', datatype: 'FP32', shape: [1] }]),
      /needs a model with one input; model "m" has the inputs "x", "w"/,
    ],
    ['half an element', Buffer.alloc(6), model('FP32', [-1]), /^input "x": has 6 bytes.* are 8/],
    ['half a row', Buffer.alloc(20), model('FP32', [-1, 3]), /^input "x": has 20 bytes.* are 24/],
    ['too few bytes', Buffer.alloc(4), model('FP32', [2]), /^input "x": has 4 bytes.* are 8/],
    [
      'two open dimensions behind a fixed one',
      Buffer.alloc(4),
      model('FP32', [1, -1, -1]),
      /does not tell the shape where several dimensions are open: \[1,-1,-1\]/,
    ],
    [
      'a model of several texts',
      Buffer.from('a'),
      model('BYTES', [-1, 2]),
      /is one element of BYTES, which does not fit the model's \[-1,2\]/,
    ],
    ['text that is not UTF-8', Buffer.of(255), model('BYTES', [1]), /is not UTF-8/],
    [
      'too many elements',
      Buffer.alloc(1001),
      model('UINT8', [-1]),
      /1001 elements.*--max-elements/,
    ],
  ];
  for (const [name, bytes, metadata, expected] of cases) {
    test(name, () => assert.throws(() => parse(bytes, metadata), { message: expected }));
  }
});
