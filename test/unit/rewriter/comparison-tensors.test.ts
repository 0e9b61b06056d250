/** Answers made of tensors, compared by their numbers. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPARE_TENSORS } from '../../../filters/contract/rewriter-config.ts';
import type { CapturedAnswer } from '../../../filters/rewriter/comparison/captured-answer.ts';
import { compareAnswers } from '../../../filters/rewriter/comparison/compare.ts';
import { randomSource } from '../../harness/random.ts';
import {
  answerOf,
  binaryInference,
  embeddings,
  eventStream,
  grpcAnswer,
  grpcInference,
  inference,
  type Outcome,
  outcomeOf,
  predictions,
  type Tensor,
  tensor,
} from './comparison-answers.ts';

const SEED = 20_260_502;

interface Case {
  readonly name: string;
  /** In millionths. */
  readonly tolerance?: number;
  readonly a: CapturedAnswer;
  readonly b: CapturedAnswer;
  readonly expected: Outcome;
}

const X = tensor('x', 'FP32', [2, 2], 0.1, -2.5, 3e-7, 4);
const Y = tensor('y', 'INT64', [1], 9007199254740993n);
const TEXTS = tensor('t', 'BYTES', [3], 'a"\\/b', '', 'ü 😀');
const BIG = tensor('x', 'UINT64', [1], 18446744073709551615n);

function json(outputs: string): CapturedAnswer {
  return answerOf(`{"outputs":${outputs}}`);
}

const ONE = '"name":"x","datatype":"FP32","shape":[1]';

function failed(answer: CapturedAnswer, status: number): CapturedAnswer {
  answer.status = status;
  return answer;
}

function withJsonBytes(answer: CapturedAnswer, jsonBytes: number): CapturedAnswer {
  answer.jsonBytes = jsonBytes;
  return answer;
}

function twice(tolerance: number, a: number, b: number, expected: Outcome): Case {
  const name = `${a} and ${b} ${expected} with a tolerance of ${tolerance} millionths`;
  const left = inference([tensor('x', 'FP64', [1], a)]);
  return { name, tolerance, a: left, b: inference([tensor('x', 'FP64', [1], b)]), expected };
}

const CASES: readonly Case[] = [
  {
    name: 'an answer agrees with itself',
    a: inference([X, Y]),
    b: inference([X, Y]),
    expected: 'agree',
  },
  {
    name: 'outputs may come in any order',
    a: inference([X, Y]),
    b: inference([Y, X]),
    expected: 'agree',
  },
  {
    name: 'flat and nested data agree',
    a: inference([X]),
    b: inference([X], true),
    expected: 'agree',
  },
  {
    name: 'JSON and binary data agree also without a tolerance',
    a: inference([X, Y, TEXTS], true),
    b: binaryInference([TEXTS, X, Y]),
    expected: 'agree',
  },
  {
    name: 'some outputs may be binary and others JSON',
    a: binaryInference([X, Y, TEXTS], ['y']),
    b: binaryInference([X, Y, TEXTS], ['x', 't']),
    expected: 'agree',
  },
  {
    name: 'an output that is missing is a disagreement',
    a: inference([X, Y]),
    b: inference([X]),
    expected: 'disagree',
  },
  {
    name: 'an output of another name is a disagreement',
    a: inference([X]),
    b: inference([{ ...X, name: 'z' }]),
    expected: 'disagree',
  },
  {
    name: 'two outputs of one name are not taken for two others',
    a: inference([X, Y]),
    b: inference([X, X]),
    expected: 'disagree',
  },
  {
    name: 'a name that is written with escapes is the same name',
    a: json(`[{${ONE},"data":[1]}]`),
    b: json(`[{${ONE.replace('"x"', '"\\u0078"')},"data":[1]}]`),
    expected: 'agree',
  },
  {
    name: 'another shape of as many numbers is a disagreement',
    a: inference([X]),
    b: inference([{ ...X, shape: [4] }]),
    expected: 'disagree',
  },
  {
    name: 'numbers and strings are a disagreement',
    a: inference([tensor('x', 'FP32', [1], 1)]),
    b: inference([tensor('x', 'BYTES', [1], '1')]),
    expected: 'disagree',
  },
  {
    name: 'another string is a disagreement whatever the tolerance',
    tolerance: 1_000_000,
    a: inference([TEXTS]),
    b: inference([tensor('t', 'BYTES', [3], 'a"\\/b', '', 'ü 😁')]),
    expected: 'disagree',
  },
  {
    name: 'a string that only begins alike is a disagreement',
    a: inference([tensor('t', 'BYTES', [1], 'ab')]),
    b: binaryInference([tensor('t', 'BYTES', [1], 'abc')]),
    expected: 'disagree',
  },
  {
    name: 'strings are cut at the same places',
    a: binaryInference([tensor('t', 'BYTES', [2], 'ab', 'c')]),
    b: binaryInference([tensor('t', 'BYTES', [2], 'a', 'bc')]),
    expected: 'disagree',
  },
  {
    name: 'neighbours among 64-bit numbers are told apart',
    a: inference([Y]),
    b: binaryInference([tensor('y', 'INT64', [1], 9007199254740992n)]),
    expected: 'disagree',
  },
  {
    name: 'the largest of all numbers is read in either form',
    a: inference([BIG]),
    b: binaryInference([BIG]),
    expected: 'agree',
  },
  {
    name: 'NaN, infinities and null agree with themselves in either form',
    a: inference([tensor('x', 'FP64', [4], NaN, Infinity, -Infinity, null)]),
    b: binaryInference([tensor('x', 'FP64', [4], NaN, Infinity, -Infinity, NaN)]),
    expected: 'agree',
  },
  {
    name: 'NaN and a number disagree whatever the tolerance',
    tolerance: 1_000_000_000,
    a: inference([tensor('x', 'FP32', [1], NaN)]),
    b: inference([tensor('x', 'FP32', [1], 0)]),
    expected: 'disagree',
  },
  {
    name: 'an infinity and a number disagree whatever the tolerance',
    tolerance: 1_000_000_000,
    a: inference([tensor('x', 'FP32', [1], Infinity)]),
    b: inference([tensor('x', 'FP32', [1], 0)]),
    expected: 'disagree',
  },
  {
    name: 'truth values are numbers in binary data',
    a: inference([tensor('x', 'BOOL', [3], true, false, true)]),
    b: binaryInference([tensor('x', 'BOOL', [3], true, false, true)]),
    expected: 'agree',
  },
  {
    name: 'half the precision agrees within a tolerance',
    tolerance: 1000,
    a: inference([X]),
    b: binaryInference([{ ...X, datatype: 'FP16' }]),
    expected: 'agree',
  },
  {
    name: 'bfloat16 agrees within a larger tolerance',
    tolerance: 10_000,
    a: inference([X]),
    b: binaryInference([{ ...X, datatype: 'BF16' }]),
    expected: 'agree',
  },
  twice(0, 1, 1.0000001, 'disagree'),
  twice(1000, 1, 1.0009, 'agree'),
  twice(1000, 1, 1.0011, 'disagree'),
  twice(1000, 0, 0.00099, 'agree'),
  twice(1000, 0, -0.0011, 'disagree'),
  twice(1000, -2000, -2001.9, 'agree'),
  twice(1000, 2000, -2000, 'disagree'),
  twice(0, 0, -0, 'agree'),
  {
    name: 'gRPC answers agree',
    a: grpcInference([X, Y, TEXTS]),
    b: grpcInference([X, Y, TEXTS]),
    expected: 'agree',
  },
  {
    name: 'gRPC and JSON agree',
    a: grpcInference([X, Y]),
    b: inference([X, Y]),
    expected: 'agree',
  },
  {
    name: 'numbers in typed lists of gRPC agree with raw ones',
    a: grpcInference([X], 6),
    b: grpcInference([X]),
    expected: 'agree',
  },
  {
    name: 'negative numbers in typed lists agree with raw ones',
    a: grpcInference([tensor('x', 'INT8', [3], -1, 0, 127)], 2),
    b: binaryInference([tensor('x', 'INT8', [3], -1, 0, 127)]),
    expected: 'agree',
  },
  {
    name: 'numbers in typed lists of another length cannot be compared',
    a: grpcInference([tensor('x', 'UINT64', [3], 1, 2)], 5),
    b: grpcInference([tensor('x', 'UINT64', [3], 1, 2, 3)]),
    expected: 'incomparable',
  },
  {
    name: 'gRPC answers disagree',
    a: grpcInference([X]),
    b: grpcInference([{ ...X, data: [0.1, -2.5, 3e-7, 5] }]),
    expected: 'disagree',
  },
  {
    name: 'a compressed gRPC answer cannot be compared',
    a: grpcAnswer(new Uint8Array(8), 1),
    b: grpcInference([X]),
    expected: 'incomparable',
  },
  {
    name: 'an empty gRPC answer, as after an error, cannot be compared',
    a: answerOf('', 'application/grpc'),
    b: grpcInference([X]),
    expected: 'incomparable',
  },
  {
    name: 'predictions agree within a tolerance',
    tolerance: 1000,
    a: predictions([
      [0.1, 0.9],
      [1, 0],
    ]),
    b: predictions([
      [0.1001, 0.9],
      [1, 0],
    ]),
    expected: 'agree',
  },
  {
    name: 'predictions of another shape are a disagreement',
    a: predictions([[1, 2, 3, 4]]),
    b: predictions([
      [1, 2],
      [3, 4],
    ]),
    expected: 'disagree',
  },
  {
    name: 'predictions that are strings must be equal',
    a: predictions(['cat', 'dog']),
    b: predictions(['cat', 'cow']),
    expected: 'disagree',
  },
  {
    name: 'predictions that are objects cannot be compared',
    a: predictions([{ label: 1 }]),
    b: predictions([{ label: 1 }]),
    expected: 'incomparable',
  },
  {
    name: 'predictions in rows of different lengths cannot be compared',
    a: predictions([[1, 2], [3]]),
    b: predictions([[1, 2], [3]]),
    expected: 'incomparable',
  },
  {
    name: 'predictions and tensors cannot be compared',
    a: predictions([1]),
    b: inference([tensor('x', 'FP32', [1], 1)]),
    expected: 'incomparable',
  },
  {
    name: 'embeddings as numbers and as base64 agree',
    a: embeddings([
      [0.1, -0.25, 1e-5],
      [1, 2, 3],
    ]),
    b: embeddings(
      [
        [0.1, -0.25, 1e-5],
        [1, 2, 3],
      ],
      true,
    ),
    expected: 'agree',
  },
  {
    name: 'an embedding that is shorter is a disagreement',
    a: embeddings([[1, 2, 3]]),
    b: embeddings([[1, 2]], true),
    expected: 'disagree',
  },
  {
    name: 'embeddings are told by their index',
    a: answerOf('{"data":[{"index":1,"embedding":[1]},{"embedding":[2],"index":0}]}'),
    b: embeddings([[2], [1]]),
    expected: 'agree',
  },
  {
    name: 'base64 with escaped slashes is read',
    a: answerOf('{"data":[{"embedding":"\\/\\/9\\/fw=="}]}'),
    b: answerOf('{"data":[{"embedding":"//9/fw"}]}'),
    expected: 'agree',
  },
  {
    name: 'a status that is no success cannot be compared',
    a: failed(inference([X]), 503),
    b: inference([X]),
    expected: 'incomparable',
  },
  {
    name: 'an event stream has no tensors',
    a: eventStream(['{"outputs":[]}']),
    b: eventStream(['{"outputs":[]}']),
    expected: 'incomparable',
  },
];

for (const { name, tolerance = 0, a, b, expected } of CASES) {
  test(name, () => {
    assert.equal(outcomeOf(compareAnswers(COMPARE_TENSORS, tolerance, a, b)), expected);
    assert.equal(outcomeOf(compareAnswers(COMPARE_TENSORS, tolerance, b, a)), expected);
  });
}

const DEEP = `${'['.repeat(100)}1${']'.repeat(100)}`;
const UNREADABLE: readonly (readonly [name: string, answer: CapturedAnswer])[] = [
  ['nothing', answerOf('')],
  ['no JSON', answerOf('<html>')],
  ['an answer that is cut off', answerOf(`{"outputs":[{${ONE},"data":[1`)],
  ['text after the answer', answerOf('{"predictions":[1]} x')],
  ['two lists of outputs', answerOf('{"predictions":[1],"predictions":[1]}')],
  ['outputs and predictions', answerOf(`{"outputs":[{${ONE},"data":[1]}],"predictions":[1]}`)],
  ['no outputs', json('[]')],
  ['more numbers than the shape says', json(`[{${ONE},"data":[1,2]}]`)],
  ['a datatype that nobody knows', json(`[{${ONE.replace('FP32', 'FP8')},"data":[1]}]`)],
  ['an output without a name', json('[{"datatype":"FP32","shape":[1],"data":[1]}]')],
  ['an output without a shape', json('[{"datatype":"FP32","name":"x","data":[1]}]')],
  ['an output without data', json(`[{${ONE}}]`)],
  ['data twice', json(`[{${ONE},"data":[1],"data":[1]}]`)],
  ['a number that is none', json(`[{${ONE},"data":[1.2.3]}]`)],
  ['a word that is none', json(`[{${ONE},"data":[yes]}]`)],
  ['a string among numbers', json(`[{${ONE},"data":["1"]}]`)],
  ['a missing comma', json(`[{${ONE.replace('[1]', '[2]')},"data":[1 2]}]`)],
  ['a comma too many', json(`[{${ONE},"data":[1,]}]`)],
  ['a bracket that is another', json(`[{${ONE},"data":[1}]}]`)],
  ['lists nested too deep', json(`[{${ONE},"data":${DEEP}}]`)],
  ['another field nested too deep', answerOf(`{"x":${DEEP},"predictions":[1]}`)],
  ['a huge shape', json(`[{${ONE.replace('[1]', '[2147483647,2147483647,4]')},"data":[1]}]`)],
  ['a whole number that is infinite', json(`[{${ONE.replace('FP32', 'INT8')},"data":[1e999]}]`)],
  ['a bad escape in a string', json(`[{${ONE.replace('FP32', 'BYTES')},"data":["\\x"]}]`)],
  ['65 outputs', inference(Array.from({ length: 65 }, (_, i) => ({ ...X, name: `${i}` })))],
  ['more JSON than there is', withJsonBytes(binaryInference([X]), 100_000)],
  ['JSON that ends too early', withJsonBytes(binaryInference([X]), 3)],
  ['binary data without its header', withJsonBytes(binaryInference([X]), -1)],
  ['less binary data than announced', binaryInference([{ ...X, shape: [3, 2] }])],
  ['base64 that is none', answerOf('{"data":[{"embedding":"a*b="}]}')],
  ['base64 that is not made of numbers', answerOf('{"data":[{"embedding":"AAAA"}]}')],
  ['an embedding without numbers', answerOf('{"data":[{"index":1}]}')],
];

for (const [name, answer] of UNREADABLE) {
  test(`${name} cannot be compared with itself`, () => {
    assert.equal(outcomeOf(compareAnswers(COMPARE_TENSORS, 0, answer, answer)), 'incomparable');
  });
}

test('an unknown way to compare finds nothing', () => {
  assert.equal(outcomeOf(compareAnswers('', 0, inference([X]), inference([X]))), 'incomparable');
});

const LETTERS = ['a', '"', 'ü', '😀'];
const DATATYPES = 'BOOL UINT8 UINT16 UINT32 UINT64 INT8 INT16 INT32 INT64 FP32 FP64 BYTES'.split(
  ' ',
);

/** A number of the datatype, small enough for JavaScript. */
function randomElement(random: (bound: number) => number, datatype: string): Tensor['data'][0] {
  if (datatype === 'BYTES')
    return Array.from({ length: random(5) }, () => LETTERS[random(LETTERS.length)]).join('');
  if (datatype === 'BOOL') return random(2) === 1;
  if (datatype === 'FP32') return Math.fround((random(2 ** 32) - 2 ** 31) / 2 ** random(40));
  if (datatype === 'FP64') return (random(2 ** 32) - 2 ** 31) / (1 + random(2 ** 30));
  return datatype.startsWith('U') ? random(256) : random(256) - 128;
}

function randomTensor(random: (bound: number) => number, name: string): Tensor {
  const datatype = DATATYPES[random(DATATYPES.length)] ?? '';
  const shape = Array.from({ length: 1 + random(3) }, () => 1 + random(4));
  const size = shape.reduce((product, length) => product * length, 1);
  const data = Array.from({ length: size }, () => randomElement(random, datatype));
  return { name, datatype, shape, data };
}

/** Any form of these tensors, in any order. */
function randomForm(random: (bound: number) => number, tensors: Tensor[]): CapturedAnswer {
  const order = random(2) === 0 ? tensors : tensors.toReversed();
  const form = random(4);
  if (form === 0) return inference(order, random(2) === 0);
  if (form === 1) return binaryInference(order);
  if (form === 2) return binaryInference(order, [order[0]?.name ?? '']);
  return grpcInference(order);
}

test('random tensors agree in all forms, and so within a tolerance', () => {
  const random = randomSource(SEED);
  for (let round = 0; round < 2000; round++) {
    const tensors = Array.from({ length: 1 + random(3) }, (_, i) => randomTensor(random, `t${i}`));
    const a = randomForm(random, tensors);
    const b = randomForm(random, tensors);
    for (const tolerance of [0, 1000]) {
      const outcome = outcomeOf(compareAnswers(COMPARE_TENSORS, tolerance, a, b));
      assert.equal(outcome, 'agree', `round ${round}: ${JSON.stringify(tensors)}`);
    }
  }
});

test('one changed number is found where the change is above the tolerance, and only there', () => {
  const random = randomSource(SEED);
  const tolerance = 1000;
  for (let round = 0; round < 2000; round++) {
    const one = { ...randomTensor(random, 'x'), datatype: 'FP64' };
    const data = one.data.map(() => (random(2 ** 32) - 2 ** 31) / 2 ** random(40));
    const at = random(data.length);
    const step = 1e-3 * Math.max(1, Math.abs(data[at] ?? 0)) * (random(2) === 0 ? 1 : -1);
    for (const [share, expected] of [
      [0.99, 'agree'],
      [1.02, 'disagree'],
    ] as const) {
      const changed = data.map((value, i) => (i === at ? value + step * share : value));
      const a = randomForm(random, [{ ...one, data }]);
      const b = randomForm(random, [{ ...one, data: changed }]);
      assert.equal(outcomeOf(compareAnswers(COMPARE_TENSORS, tolerance, a, b)), expected);
    }
  }
});

test('no broken answer traps', () => {
  const random = randomSource(SEED);
  for (let round = 0; round < 3000; round++) {
    const tensors = [randomTensor(random, 'a'), randomTensor(random, 'b')];
    const whole = randomForm(random, tensors);
    const broken = Object.assign(randomForm(random, tensors), {});
    for (let i = 0; i < 1 + random(4); i++) broken.bytes[random(broken.size)] = random(256);
    if (random(3) === 0) broken.size = random(broken.size);
    if (random(5) === 0) broken.jsonBytes = random(broken.size + 10) - 1;
    assert.ok(outcomeOf(compareAnswers(COMPARE_TENSORS, 0, whole, broken)));
  }
});
