/** Infer requests whose tensors follow the JSON as bytes, alone and mixed with JSON data. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RequestError } from '../../../inference/protocol/errors.ts';
import { parseInferRequest } from '../../../inference/protocol/infer-request.ts';
import type { Datatype, ModelMetadata } from '../../../inference/protocol/tensor.ts';
import { splitInferBody } from '../../../inference/server/infer-body.ts';
import { binaryMessage, bytesOf } from './binary-message.ts';

const LIMITS = { maxTensors: 4, maxElements: 1_000_000 };
const MODEL: ModelMetadata = {
  name: 'trio',
  version: '1',
  inputs: [
    { name: 'a', datatype: 'FP32', shape: [-1, 2] },
    { name: 'b', datatype: 'BYTES', shape: [-1] },
    { name: 'c', datatype: 'BOOL', shape: [-1] },
  ],
  outputs: [
    { name: 'y', datatype: 'FP32', shape: [-1] },
    { name: 'z', datatype: 'BYTES', shape: [-1] },
  ],
};
const FLOATS = bytesOf('FP32', [1.5, -2]);
const TEXTS = bytesOf('BYTES', ['é', '']);
const BOOLEANS = bytesOf('BOOL', [true]);

function input(name: string, datatype: Datatype, shape: number[], size: unknown) {
  return { name, datatype, shape, parameters: { binary_data_size: size } };
}

const A = input('a', 'FP32', [1, 2], 8);
const B = input('b', 'BYTES', [2], 10);
const C = input('c', 'BOOL', [1], 1);
const C_JSON = { name: 'c', datatype: 'BOOL', shape: [1], data: [true] };

function parse(json: object, ...blobs: Uint8Array[]) {
  const { body, headers } = binaryMessage(json, ...blobs);
  const parts = splitInferBody(body, headers['inference-header-content-length']);
  return parseInferRequest(parts, MODEL, LIMITS);
}

describe('bytes become tensors', () => {
  const expected = [
    { data: new Float32Array([1.5, -2]), shape: [1, 2] },
    { data: ['é', ''], shape: [2] },
    { data: new Uint8Array([1]), shape: [1] },
  ];

  test('in the order of the inputs in the request', () => {
    assert.deepEqual(parse({ inputs: [A, B, C] }, FLOATS, TEXTS, BOOLEANS).inputs, expected);
    assert.deepEqual(parse({ inputs: [C, B, A] }, BOOLEANS, TEXTS, FLOATS).inputs, expected);
  });

  test('beside inputs whose data is JSON', () => {
    assert.deepEqual(parse({ inputs: [B, C_JSON, A] }, TEXTS, FLOATS).inputs, expected);
  });

  test('each in memory of its own, whatever its place in the body', () => {
    const { inputs } = parse({ inputs: [C, B, A] }, BOOLEANS, TEXTS, FLOATS);
    for (const { data } of inputs) {
      if (ArrayBuffer.isView(data)) assert.equal(data.buffer.byteLength, data.byteLength);
    }
  });

  test('with no rows they take no bytes', () => {
    const empty = { ...A, shape: [0, 2], parameters: { binary_data_size: 0 } };
    assert.deepEqual(parse({ inputs: [empty, B, C] }, TEXTS, BOOLEANS).inputs[0], {
      data: new Float32Array(0),
      shape: [0, 2],
    });
  });

  test('NaN and infinity are numbers there', () => {
    const floats = bytesOf('FP32', [Number.NaN, -Infinity]);
    const { inputs } = parse({ inputs: [A, B, C] }, floats, TEXTS, BOOLEANS);
    assert.deepEqual(inputs[0]?.data, new Float32Array([Number.NaN, -Infinity]));
  });
});

describe('outputs are wanted as bytes', () => {
  const cases: [string, object, boolean[]][] = [
    ['none, if nothing says so', {}, [false, false]],
    [
      'all, by the parameter of the request',
      { parameters: { binary_data_output: true } },
      [true, true],
    ],
    [
      'those that say so',
      { outputs: [{ name: 'y', parameters: { binary_data: true } }, { name: 'z' }] },
      [true, false],
    ],
    [
      'all but those that say otherwise',
      {
        parameters: { binary_data_output: true },
        outputs: [{ name: 'y' }, { name: 'z', parameters: { binary_data: false } }],
      },
      [true, false],
    ],
  ];
  for (const [name, more, binary] of cases) {
    test(name, () => {
      const { outputs } = parse({ inputs: [A, B, C], ...more }, FLOATS, TEXTS, BOOLEANS);
      assert.deepEqual(
        outputs,
        binary.map((each, index) => ({ index, binary: each })),
      );
    });
  }
});

describe('bytes that are not what the JSON says are refused with the input named', () => {
  const cases: [string, object[], Uint8Array[], RegExp][] = [
    [
      'fewer bytes than the shape needs',
      [input('a', 'FP32', [1, 2], 4), B, C],
      [FLOATS.subarray(4), TEXTS, BOOLEANS],
      /^input "a": has 4 bytes of binary data; 2 elements of FP32 are 8$/,
    ],
    [
      'more bytes than the shape needs',
      [input('a', 'FP32', [0, 2], 8), B, C],
      [FLOATS, TEXTS, BOOLEANS],
      /^input "a": has 8 bytes of binary data; 0 elements of FP32 are 0$/,
    ],
    [
      'a body that ends too early',
      [A, B, C],
      [FLOATS, TEXTS],
      /^input "c": binary_data_size is 1, but only 0 bytes are left in the body$/,
    ],
    [
      'a size far beyond the body',
      [input('a', 'FP32', [1, 2], 2 ** 52), B, C],
      [FLOATS, TEXTS, BOOLEANS],
      /^input "a": binary_data_size is 4503599627370496, but only 19 bytes are left/,
    ],
    [
      'bytes behind the last tensor',
      [A, B, C],
      [FLOATS, TEXTS, BOOLEANS, BOOLEANS],
      /^1 bytes follow the last binary input/,
    ],
    [
      'a size below 0',
      [input('a', 'FP32', [1, 2], -8), B, C],
      [FLOATS, TEXTS, BOOLEANS],
      /^input "a": binary_data_size must be an integer of 0 or more/,
    ],
    [
      'a size that is no number',
      [input('a', 'FP32', [1, 2], '8'), B, C],
      [FLOATS, TEXTS, BOOLEANS],
      /^input "a": binary_data_size must be an integer/,
    ],
    [
      'JSON data and bytes for one input',
      [{ ...A, data: [1, 2] }, B, C],
      [FLOATS, TEXTS, BOOLEANS],
      /^input "a": has both "data" and a binary_data_size/,
    ],
    [
      'an input given twice, once in each form',
      [C_JSON, A, B, C],
      [FLOATS, TEXTS, BOOLEANS],
      /^input "c" is given twice/,
    ],
    [
      'a byte that is no BOOL',
      [A, B, C],
      [FLOATS, TEXTS, Buffer.of(2)],
      /^input "c": element 0 of BOOL is 2, not 0 or 1/,
    ],
    [
      'a text whose length lies',
      [A, input('b', 'BYTES', [1], 5), C],
      [FLOATS, Buffer.of(2, 0, 0, 0, 65), BOOLEANS],
      /^input "b": element 0 of BYTES ends after the tensor's 5 bytes/,
    ],
    [
      'a length that is cut off',
      [A, input('b', 'BYTES', [2], 9), C],
      [FLOATS, Buffer.of(2, 0, 0, 0, 65, 66, 1, 0, 0), BOOLEANS],
      /^input "b": element 1 of BYTES ends after the tensor's 9 bytes/,
    ],
    [
      'bytes behind the last text',
      [A, input('b', 'BYTES', [1], 10), C],
      [FLOATS, TEXTS, BOOLEANS],
      /^input "b": 4 bytes follow its 1 elements of BYTES/,
    ],
    [
      'far more texts than there are bytes for',
      [A, input('b', 'BYTES', [900_000], 10), C],
      [FLOATS, TEXTS, BOOLEANS],
      /^input "b": has 10 bytes of binary data, too few for 900000 elements of BYTES/,
    ],
    [
      'a text that is not UTF-8',
      [A, input('b', 'BYTES', [1], 5), C],
      [FLOATS, Buffer.of(1, 0, 0, 0, 255), BOOLEANS],
      /^input "b": element 0 of BYTES is not UTF-8/,
    ],
  ];
  for (const [name, inputs, blobs, expected] of cases) {
    test(name, () => refuses(() => parse({ inputs }, ...blobs), expected));
  }

  test('a binary input without the header that says where it begins', () => {
    const { body } = binaryMessage({ inputs: [A, B, C] });
    refuses(
      () => parseInferRequest(splitInferBody(body, undefined), MODEL, LIMITS),
      /^input "a": has a binary_data_size, but the header inference-header-content-length.* is missing/,
    );
  });
});

describe('the header must name a place in the body', () => {
  const BODY = Buffer.from('{}\u00ff', 'latin1');
  const cases: [string, string, RegExp][] = [
    ['text', 'ten', /must be the number of bytes of the JSON/],
    ['a number below 0', '-1', /must be the number of bytes/],
    ['two values', '2, 2', /must be the number of bytes/],
    ['an empty value', '', /must be the number of bytes/],
    ['more than the body', '4', /is 4, but the body has 3 bytes/],
    ['a number beyond all bodies', '9'.repeat(400), /must be the number of bytes/],
    ['a place within the bytes of a tensor', '3', /the 3 bytes that .* names are not UTF-8/],
  ];
  for (const [name, value, expected] of cases) {
    test(name, () => refuses(() => splitInferBody(BODY, value), expected));
  }

  test('without it, bytes behind the JSON are refused with a hint', () => {
    refuses(() => splitInferBody(BODY, undefined), /^the body is not UTF-8; if tensors follow/);
  });
});

function refuses(act: () => unknown, expected: RegExp): void {
  assert.throws(act, (error) => {
    assert.ok(error instanceof RequestError, String(error));
    assert.equal(error.code, 'invalid-argument');
    assert.match(error.message, expected);
    return true;
  });
}
