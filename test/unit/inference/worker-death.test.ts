/** What the end of a worker thread costs: its own batch, and nothing else. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { identityModel } from './onnx-writer.ts';
import { floats, modelFile, open, submit, valuesOf } from './runner-harness.ts';

const DYING_WORKER = new URL('./dying-worker.ts', import.meta.url);

describe('a worker that dies', () => {
  test('takes only its own batch with it, and is replaced', async (t) => {
    const file = modelFile(t, identityModel('FP32'));
    const { runner, losses } = await open(t, file, { maxBatchRows: 2 }, DYING_WORKER);
    const answers = await Promise.all(
      [666, 1, 2, 3].map((value) => submit(runner, [floats(value)])),
    );
    assert.deepEqual(answers.map(valuesOf), ['unavailable', 'unavailable', [2], [3]]);
    assert.match(String(answers[0]), /worker that ran this request ended/);
    assert.deepEqual(losses, ['a worker ended: exit code 3']);
    assert.equal(runner.ready, true);
  });

  test('leaves the others at work', async (t) => {
    const file = modelFile(t, identityModel('FP32'));
    const { runner } = await open(t, file, { workers: 2, maxBatchRows: 1 }, DYING_WORKER);
    for (let i = 0; i < 3; i++) {
      const answers = await Promise.all(
        [666, 1, 2, 3, 4].map((value) => submit(runner, [floats(value)])),
      );
      assert.deepEqual(answers.map(valuesOf), ['unavailable', [1], [2], [3], [4]]);
    }
  });

  test('is not ready while it cannot be replaced, and is tried again until it can', async (t) => {
    const file = modelFile(t, identityModel('FP32'));
    const { runner, losses } = await open(t, file, {}, DYING_WORKER);
    writeFileSync(file, 'no model');
    assert.equal(valuesOf(await submit(runner, [floats(666)])), 'unavailable');
    assert.equal(runner.ready, false);
    const waiting = submit(runner, [floats(1)]);
    while (losses.length < 2) await new Promise((resolve) => setImmediate(resolve));
    assert.match(losses[1] ?? '', /^a worker could not be replaced: /);
    writeFileSync(file, identityModel('FP32'));
    assert.deepEqual(valuesOf(await waiting), [1]);
    assert.equal(runner.ready, true);
  });
});
