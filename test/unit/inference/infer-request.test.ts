import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RequestError } from '../../../inference/protocol/errors.ts';
import { parseInferRequest } from '../../../inference/protocol/infer-request.ts';
import type { Datatype, ModelMetadata, TensorData } from '../../../inference/protocol/tensor.ts';

const PAIR: ModelMetadata = {
  name: 'pair',
  version: '1',
  inputs: [
    { name: 'a', datatype: 'FP32', shape: [-1, 2] },
    { name: 'b', datatype: 'INT32', shape: [-1] },
  ],
  outputs: [
    { name: 'sum', datatype: 'FP32', shape: [-1] },
    { name: 'half', datatype: 'FP16', shape: [-1] },
    { name: 'max', datatype: 'FP32', shape: [-1] },
  ],
};
const A = { name: 'a', datatype: 'FP32', shape: [1, 2], data: [1, 2] };
const B = { name: 'b', datatype: 'INT32', shape: [1], data: [3] };
const SUM = [{ name: 'sum' }];

const LIMITS = { maxTensors: 4, maxElements: 1_000_000 };

function parse(json: string, model: ModelMetadata) {
  return parseInferRequest({ json, binary: undefined }, model, LIMITS);
}

function parsePair(body: object) {
  return parse(JSON.stringify({ inputs: [A, B], outputs: SUM, ...body }), PAIR);
}

function single(datatype: Datatype, shape: readonly number[]): ModelMetadata {
  return {
    name: 'single',
    version: '1',
    inputs: [{ name: 'x', datatype, shape }],
    outputs: [{ name: 'y', datatype: 'FP32', shape: [-1] }],
  };
}

/** `data` is JSON text, because some numbers are lost as soon as they are JavaScript's. */
function parseSingle(datatype: Datatype, declared: number[], shape: number[], data: string) {
  const text = `{"inputs":[{"name":"x","datatype":"${datatype}","shape":${JSON.stringify(shape)},"data":${data}}]}`;
  return parse(text, single(datatype, declared)).inputs[0]?.data;
}

describe('a request is read against the metadata', () => {
  test('inputs come in the order of the metadata, whatever the order in the body', () => {
    const { inputs } = parsePair({ inputs: [B, A] });
    assert.deepEqual(inputs, [
      { data: new Float32Array([1, 2]), shape: [1, 2] },
      { data: new Int32Array([3]), shape: [1] },
    ]);
  });

  test('requested outputs keep the order in which they are asked for', () => {
    const { outputs } = parsePair({ outputs: [{ name: 'max' }, { name: 'sum' }] });
    assert.deepEqual(
      outputs.map(({ index }) => index),
      [2, 0],
    );
  });

  test('without outputs, or with none, all are meant', () => {
    const model = single('FP32', [-1]);
    const inputs = '"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]}]';
    const all = [{ index: 0, binary: false }];
    assert.deepEqual(parse(`{${inputs}}`, model).outputs, all);
    assert.deepEqual(parse(`{${inputs},"outputs":[]}`, model).outputs, all);
  });

  test('id and parameters of every level are accepted', () => {
    const parameters = { a: 'b', c: 1, d: true };
    const body = {
      id: 'x',
      parameters,
      inputs: [{ ...A, parameters }, B],
      outputs: [{ name: 'sum', parameters }],
    };
    assert.equal(parsePair(body).id, 'x');
  });
});

describe('data of every datatype is read', () => {
  const cases: [Datatype, string, TensorData][] = [
    ['BOOL', '[true,false]', new Uint8Array([1, 0])],
    ['UINT8', '[0,255]', new Uint8Array([0, 255])],
    ['UINT16', '[0,65535]', new Uint16Array([0, 65535])],
    ['UINT32', '[0,4294967295]', new Uint32Array([0, 4294967295])],
    ['UINT64', '[0,18446744073709551615]', new BigUint64Array([0n, 2n ** 64n - 1n])],
    ['INT8', '[-128,127]', new Int8Array([-128, 127])],
    ['INT16', '[-32768,32767]', new Int16Array([-32768, 32767])],
    ['INT32', '[-2147483648,2147483647]', new Int32Array([-(2 ** 31), 2 ** 31 - 1])],
    [
      'INT64',
      '[-9223372036854775808,9007199254740993]',
      new BigInt64Array([-(2n ** 63n), 9007199254740993n]),
    ],
    ['FP32', '[0.5,-3.4e38]', new Float32Array([0.5, -3.4e38])],
    ['FP16', '[0.5,-65504]', new Uint16Array([0x3800, 0xfbff])],
    ['FP64', '[0.1,1e308]', new Float64Array([0.1, 1e308])],
    ['BYTES', '["","caf\\u00e9 \\"x\\""]', ['', 'café "x"']],
  ];
  for (const [datatype, data, expected] of cases) {
    test(`${datatype} from ${data}`, () =>
      assert.deepEqual(parseSingle(datatype, [-1], [2], data), expected));
  }

  const layouts: [string, number[], string][] = [
    ['flat', [2, 1, 2], '[1,2,3,4]'],
    ['nested', [2, 1, 2], '[[[1,2]],[[3,4]]]'],
    ['nested with rows of one', [4, 1, 1], '[[[1]],[[2]],[[3]],[[4]]]'],
  ];
  for (const [name, shape, data] of layouts) {
    test(`${name} data is row-major`, () => {
      assert.deepEqual(
        parseSingle('FP32', [-1, -1, -1], shape, data),
        new Float32Array([1, 2, 3, 4]),
      );
    });
  }

  test('no rows is no data, flat or nested', () => {
    assert.deepEqual(parseSingle('FP32', [-1, 3], [0, 3], '[]'), new Float32Array(0));
    assert.deepEqual(parseSingle('FP32', [-1, -1], [2, 0], '[[],[]]'), new Float32Array(0));
  });

  test('a scalar is an array of one element', () => {
    assert.deepEqual(parseSingle('FP32', [], [], '[7]'), new Float32Array([7]));
  });
});

describe('what cannot be right is refused with its field named', () => {
  const elements: [Datatype, string, number][] = [
    ['BOOL', '[true,1]', 1],
    ['UINT8', '[0,256]', 1],
    ['UINT8', '[-1,0]', 0],
    ['UINT32', '[0,1.5]', 1],
    ['INT8', '[0,128]', 1],
    ['INT16', '["1",0]', 0],
    ['INT32', '[0,2147483648]', 1],
    ['INT64', '[0,9223372036854775808]', 1],
    ['INT64', '[0,1e20]', 1],
    ['INT64', '[0.5,0]', 0],
    ['UINT64', '[0,-1]', 1],
    ['UINT64', '[0,18446744073709551616]', 1],
    ['FP32', '[0,null]', 1],
    ['FP32', '[0,1e39]', 1],
    ['FP32', '["1",0]', 0],
    ['FP32', '[0,[1]]', 1],
    ['FP16', '[0,65520]', 1],
    ['FP16', '["1",0]', 0],
    ['FP64', '[0,1e999]', 1],
    ['BYTES', '["a",1]', 1],
  ];
  for (const [datatype, data, index] of elements) {
    test(`element ${index} of ${datatype} data ${data}`, () => {
      const expected = new RegExp(`^input "x": element ${index} of data is not `);
      refuses(() => parseSingle(datatype, [-1], [2], data), expected);
    });
  }

  const sizes: [string, number[], string, RegExp][] = [
    ['too few elements', [2, 2], '[1,2,3]', /has 3 elements, not 4.*\[2,2\]/],
    ['too many elements', [1, 2], '[1,2,3]', /has 3 elements, not 2/],
    ['too few rows', [3, 1], '[[1],[2]]', /array of 2 where dimension 0 is 3/],
    ['a short row', [2, 2], '[[1,2],[3]]', /array of 1 where dimension 1 is 2/],
    ['uneven nesting', [2, 2], '[[1,2],3]', /nested unevenly.*depth 1/],
    ['nesting that is too deep', [2, 1], '[[[1]],[[2]]]', /element 0 of data is not a number/],
    ['no array', [1, 1], '5', /data must be an array/],
    [
      'a shape far larger than the data',
      [1e9, 1e9],
      '[1]',
      /sizes of shape \[1000000000,1000000000\] overflow/,
    ],
  ];
  for (const [name, shape, data, expected] of sizes) {
    test(name, () => refuses(() => parseSingle('FP32', [-1, -1], shape, data), expected));
  }

  const bodies: [string, string | object, RegExp][] = [
    ['text that is not JSON', '{"inputs":', /^the body is not JSON: /],
    ['an empty body', '', /^the body is not JSON: /],
    ['a body that is no object', '[]', /must be a JSON object/],
    ['an id that is no string', { id: 7 }, /^"id" must be a string/],
    ['parameters that are no object', { parameters: [] }, /^"parameters" must be an object/],
    [
      'a parameter that is an object',
      { parameters: { a: {} } },
      /"parameters": "a" must be a string/,
    ],
    ['inputs that are no array', { inputs: {} }, /^"inputs" must be an array/],
    ['an input that is no object', { inputs: [1] }, /^"inputs\[0\]" must be an object/],
    ['an input without a name', { inputs: [{}] }, /^"inputs\[0\].name" must be a string/],
    [
      'an unknown input',
      { inputs: [A, { ...B, name: 'c' }] },
      /^"inputs\[1\].name" is "c"; model "pair" has the inputs "a", "b"/,
    ],
    [
      'a missing input',
      { inputs: [B] },
      /^input "a" is missing; model "pair" has the inputs "a", "b"/,
    ],
    ['an input given twice', { inputs: [A, B, A] }, /^input "a" is given twice/],
    [
      'another datatype',
      { inputs: [{ ...A, datatype: 'FP64' }, B] },
      /^input "a": datatype is "FP64", the model takes "FP32"/,
    ],
    [
      'no datatype',
      { inputs: [{ ...A, datatype: undefined }, B] },
      /^input "a": datatype is undefined/,
    ],
    ['no shape', { inputs: [{ ...A, shape: undefined }, B] }, /^input "a": shape must be an array/],
    [
      'another rank',
      { inputs: [{ ...A, shape: [2] }, B] },
      /^input "a": shape \[2\] does not fit the model's \[-1,2\]/,
    ],
    [
      'another size',
      { inputs: [{ ...A, shape: [1, 3] }, B] },
      /^input "a": shape \[1,3\] does not fit/,
    ],
    [
      'a size below 0',
      { inputs: [{ ...A, shape: [-1, 2] }, B] },
      /^input "a": shape\[0\] must be an integer of 0 or more/,
    ],
    [
      'a size that is no integer',
      { inputs: [{ ...A, shape: ['1', 2] }, B] },
      /shape\[0\] must be an integer/,
    ],
    ['no data', { inputs: [{ ...A, data: undefined }, B] }, /^input "a": data must be an array/],
    [
      'binary data',
      { inputs: [{ ...A, parameters: { binary_data_size: 8 } }, B] },
      /^input "a": has both "data" and a binary_data_size; send one of them/,
    ],
    ['outputs that are no array', { outputs: 'sum' }, /^"outputs" must be an array/],
    [
      'an unknown output',
      { outputs: [{ name: 'x' }] },
      /^"outputs\[0\].name" is "x"; model "pair" has the outputs "sum", "half", "max"/,
    ],
    [
      'an output asked for twice',
      { outputs: [...SUM, ...SUM] },
      /^output "sum" is asked for twice/,
    ],
    [
      'an output as a classification',
      { outputs: [{ name: 'sum', parameters: { classification: 3 } }] },
      /^output "sum": parameters: "classification" is of an extension that this server does not have/,
    ],
    [
      'an input in shared memory',
      { inputs: [{ ...A, parameters: { shared_memory_region: 'r' } }, B] },
      /^input "a": parameters: "shared_memory_region" is of an extension/,
    ],
    [
      'binary data behind no boolean',
      { parameters: { binary_data_output: 1 } },
      /^"parameters": "binary_data_output" must be true or false/,
    ],
    [
      'a shape that overflows',
      { inputs: [{ ...A, shape: [2 ** 53 - 1, 2] }, B] },
      /^input "a": the sizes of shape \[9007199254740991,2\] overflow when multiplied/,
    ],
  ];
  for (const [name, body, expected] of bodies) {
    test(name, () => {
      refuses(() => (typeof body === 'string' ? parse(body, PAIR) : parsePair(body)), expected);
    });
  }
});

describe('what is too much is refused before memory is taken for it', () => {
  const tooMuch: [string, object, RegExp][] = [
    [
      'inputs',
      { inputs: [A, B, A, B, A] },
      /^"inputs" lists 5 tensors; at most 4 .*\(--max-tensors\)/,
    ],
    [
      'outputs',
      { outputs: Array(5).fill(SUM[0]) },
      /^"outputs" lists 5 tensors; at most 4 .*\(--max-tensors\)/,
    ],
    [
      'elements in one input',
      { inputs: [{ ...A, shape: [500_001, 2] }, B] },
      /^input "a": its shape makes 1000002 elements .* at most 1000000 .*\(--max-elements\)/,
    ],
    [
      'elements in all inputs together',
      { inputs: [A, { ...B, shape: [999_999] }] },
      /^input "b": its shape makes 1000001 elements of input in the request/,
    ],
  ];
  for (const [name, body, expected] of tooMuch) {
    test(name, () => refuses(() => parsePair(body), expected, 'too-large'));
  }
});

function refuses(parse: () => unknown, expected: RegExp, code = 'invalid-argument'): void {
  assert.throws(parse, (error) => {
    assert.ok(error instanceof RequestError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, expected);
    return true;
  });
}
