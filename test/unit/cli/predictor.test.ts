import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { choosePredictor, Predictor } from '../../../control-plane/cli/scores/predictor.ts';
import { halfFromNumber } from '../../../inference/protocol/half-float.ts';
import type { Datatype, TensorMetadata } from '../../../inference/protocol/tensor.ts';

function output(name: string, datatype: Datatype, shape: readonly number[]): TensorMetadata {
  return { name, datatype, shape };
}

const LABEL = output('label', 'INT64', [-1]);
const SCORES = output('scores', 'FP32', [-1, 3]);
const ANY = { output: null, classes: [] };

describe('the output that decides', () => {
  test('is the only one with a label a row, whatever scores there are', () => {
    assert.equal(choosePredictor([SCORES, LABEL], ANY).output, 'label');
  });
  test('is the only one with scores where none has labels', () => {
    assert.equal(choosePredictor([SCORES], ANY).output, 'scores');
  });
  test('is the one that is named', () => {
    assert.equal(choosePredictor([SCORES, LABEL], { ...ANY, output: 'scores' }).output, 'scores');
  });
  test('has to be named where two could be it', () => {
    assert.throws(
      () => choosePredictor([SCORES, { ...SCORES, name: 'more' }], ANY),
      /--output with one of scores \(FP32 \[-1,3\]\), more/,
    );
  });
  test('has to be there', () => {
    assert.throws(() => choosePredictor([LABEL], { ...ANY, output: 'x' }), /no output x.*label/);
  });
});

describe('a prediction', () => {
  test('is the label itself, exact beyond 2^53', () => {
    assert.equal(new Predictor(LABEL, []).predict([9007199254740993n]), '9007199254740993');
  });
  test('is the place of the highest score, the first of equals', () => {
    const predictor = new Predictor(SCORES, []);
    assert.equal(predictor.predict(new Float32Array([0.1, 0.7, 0.2])), '1');
    assert.equal(predictor.predict([3, 3, 1]), '0');
  });
  test('has the name of the class where there are names', () => {
    assert.equal(new Predictor(SCORES, ['a', 'b', 'c']).predict([0, 0, 1]), 'c');
  });
  test('of one score is 1 from a half on', () => {
    const predictor = new Predictor(output('p', 'FP32', [-1, 1]), []);
    assert.deepEqual(
      [0.49, 0.5].map((score) => predictor.predict([score])),
      ['0', '1'],
    );
  });
  test('reads bit patterns of FP16', () => {
    const bits = Uint16Array.from([-1, -3, -2].map(halfFromNumber));
    assert.equal(new Predictor(output('s', 'FP16', [-1, 3]), []).predict(bits), '0');
  });
  test('is refused where a score is null, which stands for NaN', () => {
    assert.throws(() => new Predictor(SCORES, []).predict([1, null, 2]), /no finite number/);
  });
  test('is refused where a label is more than one element', () => {
    assert.throws(() => new Predictor(LABEL, []).predict([1, 2]), /2 elements; a label is one/);
  });
});

describe('a label of the file is written as the model writes it', () => {
  const cases: [name: string, predictor: Predictor, label: string, expected: string][] = [
    ['3.0 is 3 where classes are numbers', new Predictor(LABEL, []), '3.0', '3'],
    ['words stay words', new Predictor(LABEL, []), 'cat', 'cat'],
    [
      'text stays as it is where the model says text',
      new Predictor(output('l', 'BYTES', [-1]), []),
      '3.0',
      '3.0',
    ],
    ['names of classes stay as they are', new Predictor(SCORES, ['1.0', '2.0']), '1.0', '1.0'],
    ['1 is true for a BOOL', new Predictor(output('b', 'BOOL', [-1]), []), '1', 'true'],
  ];
  for (const [name, predictor, label, expected] of cases) {
    test(name, () => assert.equal(predictor.normalize(label), expected));
  }
});
