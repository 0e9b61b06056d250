/** What a ModelInferRequest is refused for: with the tensor named, and before memory is taken for it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RequestError } from '../../../inference/protocol/errors.ts';
import { decodeInferMessage } from '../../../inference/protocol/grpc/infer-message.ts';
import { parseInferMessage } from '../../../inference/protocol/grpc/infer-request.ts';
import type { ModelMetadata } from '../../../inference/protocol/tensor.ts';
import { randomSource } from '../../harness/random.ts';
import { mutatedBytes } from '../../harness/random-grpc.ts';
import { bytesOf } from './binary-message.ts';
import { contentsOf, encodeRequest, metadataOf, randomTensors } from './grpc-tensors.ts';

const LIMITS = { maxTensors: 4, maxElements: 100 };
const MODEL: ModelMetadata = {
  ...{ name: 'm', version: '1' },
  inputs: [
    { name: 'x', datatype: 'FP32', shape: [-1, 2] },
    { name: 'n', datatype: 'INT8', shape: [-1] },
  ],
  outputs: [
    { name: 'y', datatype: 'FP32', shape: [-1] },
    { name: 'h', datatype: 'FP16', shape: [-1] },
  ],
};

function parse(bytes: Buffer): void {
  parseInferMessage(decodeInferMessage(bytes, LIMITS), MODEL, LIMITS);
}

const X = { name: 'x', datatype: 'FP32', shape: [1, 2], contents: { fp32_contents: [1, 2] } };
const N = { name: 'n', datatype: 'INT8', shape: [1], contents: { int_contents: [1] } };
const head = ({ name, datatype, shape }: typeof X | typeof N) => ({ name, datatype, shape });
const RAW_X = Buffer.alloc(8);
const no = { bool_param: false };

/** Of requests that protobuf can carry: what is wrong, and a part of the complaint. */
const REFUSED: [string, object, RegExp][] = [
  ['a missing input', { inputs: [X] }, /input "n" is missing; model "m" has the inputs "x", "n"/],
  ['an input that is not there', { inputs: [X, { ...N, name: 'z' }] }, /"inputs\[1\].name" is "z"/],
  ['an input given twice', { inputs: [X, X] }, /input "x" is given twice/],
  [
    'another datatype',
    { inputs: [{ ...X, datatype: 'FP64' }, N] },
    /input "x": datatype is "FP64", the model takes "FP32"/,
  ],
  ['another rank', { inputs: [{ ...X, shape: [2] }, N] }, /input "x": shape \[2\] does not fit/],
  [
    'a negative size',
    { inputs: [{ ...X, shape: [-1, 2] }, N] },
    /input "x": shape\[0\] must be an/,
  ],
  [
    'a shape that overflows',
    { inputs: [{ ...X, shape: ['9007199254740991', 2] }, N] },
    /input "x": the sizes of shape .* overflow/,
  ],
  [
    'a size that no double has',
    { inputs: [{ ...X, shape: ['9223372036854775807', 2] }, N] },
    /input "x": shape\[0\] must be an integer/,
  ],
  ['too many elements', { inputs: [{ ...X, shape: [60, 2] }, N] }, /120 elements .*--max-elements/],
  ['too many inputs', { inputs: [X, N, X, X, X] }, /"inputs" lists 5 tensors; .*--max-tensors/],
  ['too many outputs', { outputs: Array(5).fill({ name: 'y' }) }, /"outputs" lists 5 tensors/],
  [
    'too many raw entries',
    { raw_input_contents: Array(5).fill(RAW_X) },
    /"raw_input_contents" lists 5/,
  ],
  [
    'too many dimensions',
    { inputs: [{ ...X, shape: Array(65).fill(1) }, N] },
    /"inputs\[0\]": shape has more than 64 dimensions/,
  ],
  [
    'fewer elements than the shape makes',
    { inputs: [{ ...X, shape: [2, 2] }, N] },
    /input "x": fp32_contents has 2 elements; its shape makes 4/,
  ],
  [
    'elements in the field of another datatype',
    { inputs: [{ ...X, contents: { fp64_contents: [1, 2] } }, N] },
    /input "x": its elements must be in fp32_contents/,
  ],
  [
    'an element beyond its datatype',
    { inputs: [X, { ...N, contents: { int_contents: [128] } }] },
    /input "n": element 0 of contents is 128, beyond its 8 bits/,
  ],
  [
    'raw entries for some inputs only',
    { inputs: [X, N], raw_input_contents: [RAW_X] },
    /"raw_input_contents" has 1 entries for 2 inputs/,
  ],
  [
    'raw entries beside contents',
    { inputs: [X, head(N)], raw_input_contents: [RAW_X, Buffer.of(1)] },
    /input "x": has contents beside raw_input_contents/,
  ],
  [
    'a raw entry of another length than the shape makes',
    { inputs: [head(X), head(N)], raw_input_contents: [Buffer.alloc(9), Buffer.of(1)] },
    /input "x": has 9 bytes of binary data; 2 elements of FP32 are 8/,
  ],
  [
    'an output that is not there',
    { inputs: [X, N], outputs: [{ name: 'z' }] },
    /"outputs\[0\].name"/,
  ],
  [
    'an output asked for twice',
    { inputs: [X, N], outputs: [{ name: 'y' }, { name: 'y' }] },
    /output "y" is asked for twice/,
  ],
  [
    'FP16 that is not to be raw',
    { inputs: [X, N], parameters: { binary_data_output: no } },
    /output "h": FP16 can only be raw/,
  ],
  [
    'outputs of both kinds',
    { inputs: [X, N], outputs: [{ name: 'y', parameters: { binary_data: no } }, { name: 'h' }] },
    /"outputs" must be all raw or all not/,
  ],
  [
    'shared memory',
    { inputs: [{ ...X, parameters: { shared_memory_region: { string_param: 'r' } } }, N] },
    /input "x": parameters: "shared_memory_region" is of an extension/,
  ],
  [
    'a classification',
    {
      inputs: [X, N],
      outputs: [{ name: 'y', parameters: { classification: { int64_param: 3 } } }],
    },
    /output "y": parameters: "classification" is of an extension/,
  ],
];

describe('a request is refused for', () => {
  for (const [name, request, complaint] of REFUSED) {
    test(name, () => {
      const tooMuch = name.startsWith('too many') && !name.includes('dimensions');
      assert.throws(
        () => parse(encodeRequest({ model_name: 'm', ...request })),
        (error) =>
          error instanceof RequestError &&
          complaint.test(error.message) &&
          error.code === (tooMuch ? 'too-large' : 'invalid-argument'),
      );
    });
  }

  const bytes: [string, string, RegExp][] = [
    ['a length that lies', '0aff01', /claims 255 bytes where 0 are left/],
    ['a length beyond all memory', '0affffffffffffffff7f', /claims \d+ bytes where 0 are left/],
    ['a varint of more than ten bytes', `08${'80'.repeat(11)}00`, /longer than 10 bytes/],
    ['a group', '0b0c', /field 1 has the wire type 3/],
    ['a field of number 0', '0000', /a field has no valid number/],
    ['a name that is not UTF-8', '0a01ff', /"model_name" is not UTF-8/],
    ['a field that is cut off', '09ffff', /ends in the middle of a field/],
  ];
  for (const [name, hex, complaint] of bytes) {
    test(name, () => assert.throws(() => parse(Buffer.from(hex, 'hex')), complaint));
  }
});

test('a message of many small claims makes few objects', () => {
  const claims: [string, RegExp][] = [
    ['2a00', /--max-tensors/],
    ['2200', /more than 256 parameters/],
    [`2a${'80'}09${'2a00'.repeat(576)}`, /contents in more than 16 pieces/],
  ];
  for (const [hex, complaint] of claims) {
    assert.throws(() => parse(Buffer.from(hex.repeat(1000), 'hex')), complaint);
  }
});

test('bytes that were changed are read or refused, and nothing else happens', () => {
  const random = randomSource(11);
  const limits = { maxTensors: 20, maxElements: 10_000 };
  let read = 0;
  for (let round = 0; round < 20_000; round++) {
    const tensors = randomTensors(random).filter(({ datatype }) => datatype !== 'FP16');
    const raw = random(2) === 1;
    const request = {
      model_name: 'm',
      inputs: tensors.map(({ name, datatype, shape, values }) => ({
        ...{ name, datatype, shape },
        ...(!raw && { contents: contentsOf(datatype, values) }),
      })),
      raw_input_contents: raw ? tensors.map((each) => bytesOf(each.datatype, each.values)) : [],
    };
    const bytes = Buffer.from(mutatedBytes(encodeRequest(request), random));
    try {
      parseInferMessage(decodeInferMessage(bytes, limits), metadataOf(tensors), limits);
      read++;
    } catch (error) {
      assert.ok(error instanceof RequestError, `round ${round}: ${error}`);
    }
  }
  assert.ok(read > 1000 && read < 19_000, `${read} of 20000 were still requests`);
});
