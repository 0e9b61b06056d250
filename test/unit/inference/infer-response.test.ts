import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InferResponseEncoder } from '../../../inference/protocol/infer-response.ts';
import type { Datatype, TensorData } from '../../../inference/protocol/tensor.ts';

function encode(datatype: Datatype, data: TensorData): string {
  const outputs = [{ name: 'y', datatype, shape: [-1] }];
  const encoder = new InferResponseEncoder({ name: 'm', version: '2', inputs: [], outputs });
  const wanted = [{ index: 0, binary: false }];
  return encoder.encode(undefined, wanted, [{ data, shape: [data.length] }]).json;
}

const CASES: [string, Datatype, TensorData, string][] = [
  [
    'numbers to the last bit',
    'FP32',
    new Float32Array([0.1, -0, 1e-45]),
    '[0.10000000149011612,0,1.401298464324817e-45]',
  ],
  ['numbers of double precision', 'FP64', new Float64Array([0.1, 1e308]), '[0.1,1e+308]'],
  [
    'what JSON has no number for as null',
    'FP32',
    new Float32Array([1, Number.NaN, Infinity]),
    '[1,null,null]',
  ],
  [
    '64-bit integers beyond 2^53',
    'INT64',
    new BigInt64Array([-(2n ** 63n), 9007199254740993n]),
    '[-9223372036854775808,9007199254740993]',
  ],
  [
    'unsigned 64-bit integers',
    'UINT64',
    new BigUint64Array([2n ** 64n - 1n]),
    '[18446744073709551615]',
  ],
  ['booleans', 'BOOL', new Uint8Array([1, 0]), '[true,false]'],
  ['strings with their escapes', 'BYTES', ['a"b', 'caf\u00e9\n', ''], '["a\\"b","café\\n",""]'],
  [
    'half precision as numbers',
    'FP16',
    new Uint16Array([0x3555, 0xfbff]),
    '[0.333251953125,-65504]',
  ],
  ['no rows', 'FP32', new Float32Array(0), '[]'],
];
for (const [name, datatype, data, expected] of CASES) {
  test(`writes ${name}`, () => {
    const text = encode(datatype, data);
    assert.equal(
      text,
      `{"model_name":"m","model_version":"2","outputs":[{"name":"y","datatype":"${datatype}","shape":[${data.length}],"data":${expected}}]}`,
    );
    assert.doesNotThrow(() => JSON.parse(text));
  });
}

test('writes the requested outputs in the requested order, and the id as it came', () => {
  const outputs = ['a', 'b', 'c'].map((name) => ({
    name,
    datatype: 'INT32' as const,
    shape: [-1, 2],
  }));
  const encoder = new InferResponseEncoder({ name: 'm"', version: '1', inputs: [], outputs });
  const tensors = [1, 2, 3].map((n) => ({ data: new Int32Array([n, n]), shape: [1, 2] }));
  const wanted = [2, 0].map((index) => ({ index, binary: false }));
  const { json, blobs } = encoder.encode('id "1"', wanted, tensors);
  assert.equal(blobs, undefined);
  assert.deepEqual(JSON.parse(json), {
    model_name: 'm"',
    model_version: '1',
    id: 'id "1"',
    outputs: [
      { name: 'c', datatype: 'INT32', shape: [1, 2], data: [3, 3] },
      { name: 'a', datatype: 'INT32', shape: [1, 2], data: [1, 1] },
    ],
  });
});

test('writes bytes behind the JSON for the outputs that are wanted so, in their order', () => {
  const outputs = [
    { name: 'a', datatype: 'INT16' as const, shape: [-1] },
    { name: 'b', datatype: 'FP32' as const, shape: [-1] },
    { name: 'c', datatype: 'BYTES' as const, shape: [-1] },
  ];
  const encoder = new InferResponseEncoder({ name: 'm', version: '1', inputs: [], outputs });
  const wanted = [
    { index: 2, binary: true },
    { index: 1, binary: false },
    { index: 0, binary: true },
  ];
  const { json, blobs } = encoder.encode(undefined, wanted, [
    // A view into a batch: only its own bytes may be sent.
    { data: new Int16Array([9, 1, 2, 9]).subarray(1, 3), shape: [2] },
    { data: new Float32Array([0.5]), shape: [1] },
    { data: ['é', ''], shape: [2] },
  ]);
  assert.deepEqual(JSON.parse(json).outputs, [
    { name: 'c', datatype: 'BYTES', shape: [2], parameters: { binary_data_size: 10 } },
    { name: 'b', datatype: 'FP32', shape: [1], data: [0.5] },
    { name: 'a', datatype: 'INT16', shape: [2], parameters: { binary_data_size: 4 } },
  ]);
  assert.equal(Buffer.concat(blobs ?? []).toString('hex'), '02000000c3a90000000001000200');
});
