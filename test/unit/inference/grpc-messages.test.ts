/** Property: what protobufjs writes is read, and what is written it reads, for tensors of every datatype. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeInferMessage } from '../../../inference/protocol/grpc/infer-message.ts';
import { parseInferMessage } from '../../../inference/protocol/grpc/infer-request.ts';
import { GrpcInferResponseEncoder } from '../../../inference/protocol/grpc/infer-response.ts';
import {
  encodeStreamAnswer,
  encodeStreamError,
} from '../../../inference/protocol/grpc/stream-response.ts';
import { randomSource } from '../../harness/random.ts';
import { bytesOf } from './binary-message.ts';
import {
  contentsOf,
  DATATYPES,
  decodeResponse,
  decodeStreamResponse,
  encodeRequest,
  memoryOf,
  metadataOf,
  type RandomTensor,
  randomTensors,
} from './grpc-tensors.ts';

const ROUNDS = 150;
const LIMITS = { maxTensors: 20, maxElements: 10_000 };
const TYPED = DATATYPES.filter((datatype) => datatype !== 'FP16');

function parse(tensors: readonly RandomTensor[], request: object) {
  const message = decodeInferMessage(encodeRequest(request), LIMITS);
  return { message, parsed: parseInferMessage(message, metadataOf(tensors), LIMITS) };
}

function rawRequest(tensors: readonly RandomTensor[]): object {
  return {
    ...{ model_name: 'm', id: 'grüße-7' },
    inputs: tensors.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
    raw_input_contents: tensors.map(({ datatype, values }) => bytesOf(datatype, values)),
  };
}

function typedRequest(tensors: readonly RandomTensor[]): object {
  return {
    ...{ model_name: 'm', model_version: '3' },
    inputs: tensors.map(({ name, datatype, shape, values }) => ({
      ...{ name, datatype, shape },
      contents: contentsOf(datatype, values),
    })),
  };
}

for (let seed = 1; seed <= ROUNDS; seed++) {
  test(`seed ${seed}: requests and answers are the same to protobufjs, raw and typed`, () => {
    const random = randomSource(seed);
    const tensors = randomTensors(random);
    const raw = parse(tensors, rawRequest(tensors)).parsed;
    assert.equal(raw.id, 'grüße-7');
    checkInputs(raw.inputs, tensors);
    const answer = decodeResponse(encodeAll(tensors, raw, true));
    checkHeads(answer, tensors);
    const bytes = tensors.map(({ datatype, values }) => bytesOf(datatype, values).toString('hex'));
    assert.deepEqual(
      answer.raw_output_contents.map((each: Buffer) => each.toString('hex')),
      bytes,
    );

    const other = randomTensors(random, TYPED);
    const typed = parse(other, typedRequest(other)).parsed;
    assert.equal(typed.id, undefined);
    checkInputs(typed.inputs, other);
    const typedAnswer = decodeResponse(encodeAll(other, typed, false));
    checkHeads(typedAnswer, other);
    assert.deepEqual(typedAnswer.raw_output_contents, []);
    for (const [i, { datatype, values }] of other.entries()) {
      // As protobufjs reads what it wrote itself.
      const again = encodeAnswerByReference(contentsOf(datatype, values));
      assert.deepEqual(typedAnswer.outputs[i].contents, again, datatype);
    }
  });
}

type Parsed = ReturnType<typeof parse>['parsed'];

function encodeAll(tensors: readonly RandomTensor[], parsed: Parsed, binary: boolean): Buffer {
  const outputs = tensors.map((_, index) => ({ index, binary }));
  return new GrpcInferResponseEncoder(metadataOf(tensors)).encode(
    parsed.id,
    outputs,
    parsed.inputs,
  );
}

/** A request's input is encoded as an answer's output is, but for the number of the field of the contents. */
function encodeAnswerByReference(contents: object): object {
  const bytes = encodeRequest({ inputs: [{ contents }] });
  return decodeResponse(bytes).outputs[0].contents;
}

function checkInputs(inputs: Parsed['inputs'], tensors: readonly RandomTensor[]): void {
  for (const [i, { datatype, shape, values }] of tensors.entries()) {
    assert.deepEqual(inputs[i]?.shape, shape);
    assert.equal(memoryOf(inputs[i]?.data), bytesOf(datatype, values).toString('hex'), datatype);
  }
}

// biome-ignore lint/suspicious/noExplicitAny: a message of protobufjs.
function checkHeads(answer: any, tensors: readonly RandomTensor[]): void {
  assert.deepEqual([answer.model_name, answer.model_version], ['m', '3']);
  for (const [i, { name, datatype, shape }] of tensors.entries()) {
    const { name: gotName, datatype: gotDatatype, shape: gotShape } = answer.outputs[i];
    assert.deepEqual([gotName, gotDatatype, gotShape.map(Number)], [name, datatype, shape]);
  }
}

describe('what encoders may do differently is read as the same', () => {
  const tensor: RandomTensor = {
    ...{ name: 'x', datatype: 'INT32', shape: [2] },
    values: [-1, 300],
  };
  /** -1 as an int32 has ten bytes. */
  const minusOne = 'ffffffffffffffffff01';
  const head = 'INT32'
    .split('')
    .map((c) => c.charCodeAt(0).toString(16))
    .join('');
  const input = (rest: string): Buffer => {
    const body = `0a0178` + `1205${head}` + rest;
    return Buffer.from(`0a016d2a${(body.length / 2).toString(16).padStart(2, '0')}${body}`, 'hex');
  };
  const cases: [string, string][] = [
    ['packed shape and elements', `1a0102` + `2a0e120c${minusOne}ac02`],
    ['elements one by one', `1802` + `2a0e10${minusOne}10ac02`],
    ['contents in two pieces', `1802` + `2a0b10${minusOne}` + `2a0310ac02`],
    ['contents before the shape', `2a0e120c${minusOne}ac02` + `1802`],
    [
      'fields that nobody knows',
      `f8010592010361626319${'00'.repeat(8)}` + `1802` + `2a0e120c${minusOne}ac02`,
    ],
    ['varints longer than they need to be', `1882808000` + `2a0e120c${minusOne}ac02`],
  ];
  for (const [name, rest] of cases) {
    test(name, () => {
      const message = decodeInferMessage(input(rest), LIMITS);
      const { inputs } = parseInferMessage(message, metadataOf([tensor]), LIMITS);
      assert.deepEqual(inputs[0]?.data, Int32Array.of(-1, 300));
    });
  }
});

test('parameters of every kind are read, and the last of a key counts', () => {
  const { message } = parse([], {
    model_name: 'm',
    parameters: {
      yes: { bool_param: true },
      no: { bool_param: false },
      few: { int64_param: '-3' },
      text: { string_param: 'grün' },
      half: { double_param: 0.5 },
      many: { uint64_param: '9007199254740991' },
      __proto__x: { string_param: '' },
    },
  });
  assert.deepEqual(
    { ...message.parameters },
    { yes: true, no: false, few: -3, text: 'grün', half: 0.5, many: 2 ** 53 - 1, __proto__x: '' },
  );
});

test('outputs are raw unless the request or each of them says otherwise', () => {
  const tensors: RandomTensor[] = [
    { name: 'a', datatype: 'FP32', shape: [1], values: [1] },
    { name: 'b', datatype: 'FP32', shape: [1], values: [2] },
  ];
  const wanted = (more: object) =>
    parse(tensors, { ...rawRequest(tensors), ...more }).parsed.outputs;
  const no = { bool_param: false };
  assert.deepEqual(wanted({}), [
    { index: 0, binary: true },
    { index: 1, binary: true },
  ]);
  assert.deepEqual(wanted({ parameters: { binary_data_output: no } }), [
    { index: 0, binary: false },
    { index: 1, binary: false },
  ]);
  assert.deepEqual(wanted({ outputs: [{ name: 'b', parameters: { binary_data: no } }] }), [
    { index: 1, binary: false },
  ]);
});

test('an answer and an error of a stream are what protobufjs reads in them', () => {
  const answer = encodeAll([], parse([], { model_name: 'm', id: '5' }).parsed, true);
  const { error_message, infer_response } = decodeStreamResponse(encodeStreamAnswer(answer));
  assert.deepEqual([error_message, infer_response.id, infer_response.model_name], ['', '5', 'm']);
  for (const id of ['', 'grüße']) {
    const failed = decodeStreamResponse(encodeStreamError('it is ünder way', id));
    assert.deepEqual([failed.error_message, failed.infer_response.id], ['it is ünder way', id]);
  }
});
