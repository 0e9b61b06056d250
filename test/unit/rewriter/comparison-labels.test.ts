/** Answers made of tensors, compared by the labels in them. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPARE_LABELS } from '../../../filters/contract/rewriter-config.ts';
import type { CapturedAnswer } from '../../../filters/rewriter/comparison/captured-answer.ts';
import { compareAnswers } from '../../../filters/rewriter/comparison/compare.ts';
import {
  answerOf,
  binaryInference,
  embeddings,
  grpcInference,
  inference,
  type Outcome,
  outcomeOf,
  predictions,
  tensor,
} from './comparison-answers.ts';

interface Case {
  readonly name: string;
  readonly a: CapturedAnswer;
  readonly b: CapturedAnswer;
  readonly expected: Outcome;
}

const ROWS = tensor('scores', 'FP32', [2, 3], 0.1, 0.7, 0.2, 5, -1, 4);
const SAME_LABELS = tensor('scores', 'FP32', [2, 3], 0.3, 0.4, 0.3, 0.1, 0, 0);
const OTHER_LABELS = tensor('scores', 'FP32', [2, 3], 0.1, 0.7, 0.2, 5, -1, 6);
const LOSS = tensor('loss', 'FP32', [2, 1], 0.5, 0.25);

const CASES: readonly Case[] = [
  {
    name: 'other numbers with the same largest ones agree',
    a: inference([ROWS]),
    b: inference([SAME_LABELS]),
    expected: 'agree',
  },
  {
    name: 'another largest number in the last row is a disagreement',
    a: inference([ROWS]),
    b: inference([OTHER_LABELS]),
    expected: 'disagree',
  },
  {
    name: 'JSON, binary data and gRPC have the same labels',
    a: binaryInference([ROWS]),
    b: grpcInference([SAME_LABELS]),
    expected: 'agree',
  },
  {
    name: 'of two that are equally large the first is the label',
    a: inference([tensor('x', 'FP32', [1, 3], 0, 2, 2)]),
    b: inference([tensor('x', 'FP32', [1, 3], 0, 2, 1)]),
    expected: 'agree',
  },
  {
    name: 'NaN is never the label',
    a: inference([tensor('x', 'FP32', [1, 3], NaN, -5, NaN)]),
    b: inference([tensor('x', 'FP32', [1, 3], 0, 1, 0)]),
    expected: 'agree',
  },
  {
    name: 'the largest of numbers that are all below 0 is found',
    a: inference([tensor('x', 'INT64', [1, 3], -5, -1, -9)]),
    b: binaryInference([tensor('x', 'INT64', [1, 3], -50, -4, -90)]),
    expected: 'agree',
  },
  {
    name: 'large whole numbers are told apart',
    a: inference([tensor('x', 'INT64', [1, 2], 9007199254740992n, 9007199254740993n)]),
    b: inference([tensor('x', 'INT64', [1, 2], 1, 0)]),
    expected: 'disagree',
  },
  {
    name: 'a list of whole numbers has labels itself',
    a: inference([tensor('x', 'INT64', [3], 1, 2, 7)]),
    b: inference([tensor('x', 'INT64', [3], 0, 2, 7)]),
    expected: 'disagree',
  },
  {
    name: 'a column of whole numbers has labels itself',
    a: inference([tensor('x', 'INT32', [2, 1], 1, 2)]),
    b: inference([tensor('x', 'INT32', [2, 1], 1, 3)]),
    expected: 'disagree',
  },
  {
    name: 'labels of another datatype agree',
    a: inference([tensor('x', 'INT64', [2], 1, 2)]),
    b: binaryInference([tensor('x', 'UINT8', [2], 1, 2)]),
    expected: 'agree',
  },
  {
    name: 'a list of fractions is one row',
    a: inference([tensor('x', 'FP32', [3], 0.1, 0.2, 0.7)]),
    b: inference([tensor('x', 'FP32', [3], 0, 0, 1)]),
    expected: 'agree',
  },
  {
    name: 'labels that are strings must be equal',
    a: inference([tensor('x', 'BYTES', [1], 'cat')]),
    b: inference([tensor('x', 'BYTES', [1], 'dog')]),
    expected: 'disagree',
  },
  {
    name: 'an output without labels does not count',
    a: inference([LOSS, ROWS]),
    b: inference([SAME_LABELS, { ...LOSS, data: [7, 8] }]),
    expected: 'agree',
  },
  {
    name: 'outputs without labels alone cannot be compared',
    a: inference([LOSS]),
    b: inference([LOSS]),
    expected: 'incomparable',
  },
  {
    name: 'another number of rows is a disagreement',
    a: inference([ROWS]),
    b: inference([tensor('scores', 'FP32', [1, 3], 0.1, 0.7, 0.2)]),
    expected: 'disagree',
  },
  {
    name: 'rows without numbers agree',
    a: inference([tensor('x', 'FP32', [2, 0])]),
    b: inference([tensor('x', 'FP32', [2, 0])]),
    expected: 'agree',
  },
  {
    name: 'a word that is no number cannot be compared',
    a: answerOf('{"predictions":[[1,yes]]}'),
    b: answerOf('{"predictions":[[1,2]]}'),
    expected: 'incomparable',
  },
  {
    name: 'predictions in rows have the same largest ones',
    a: predictions([
      [0.2, 0.8],
      [0.9, 0.1],
    ]),
    b: predictions([
      [0, 1],
      [1, 0],
    ]),
    expected: 'agree',
  },
  {
    name: 'predictions that are whole numbers are labels themselves',
    a: predictions([1, 2]),
    b: predictions([0, 2]),
    expected: 'disagree',
  },
  {
    name: 'embeddings have no labels',
    a: embeddings([[1, 2]]),
    b: embeddings([[1, 2]]),
    expected: 'incomparable',
  },
];

for (const { name, a, b, expected } of CASES) {
  test(name, () => {
    assert.equal(outcomeOf(compareAnswers(COMPARE_LABELS, 0, a, b)), expected);
    assert.equal(outcomeOf(compareAnswers(COMPARE_LABELS, 0, b, a)), expected);
  });
}
