/** One model's queue and batches over real workers and real models. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Tensor } from '../../../inference/protocol/tensor.ts';
import { identityModel, pickyModel, summingModel } from './onnx-writer.ts';
import {
  floats,
  GatedHost,
  integers,
  modelFile,
  open,
  submit,
  valuesOf,
} from './runner-harness.ts';

const TINY = fileURLToPath(
  new URL('../../../examples/models/repository/tiny/1/model.onnx', import.meta.url),
);

describe('batches', () => {
  test('join what arrives together, up to the limit, and give each its own rows', async (t) => {
    const { runner, batches } = await open(t, modelFile(t, identityModel('FP32')));
    const answers = await Promise.all(
      [[1], [2], [3, 4], [5], [], [6, 7]].map((values) => submit(runner, [floats(...values)])),
    );
    assert.deepEqual(answers.map(valuesOf), [[1], [2], [3, 4], [5], [], [6, 7]]);
    assert.deepEqual(batches, [4, 3]);
  });

  test('do not wait: a lone request runs alone, and what comes meanwhile shares the next run', async (t) => {
    const { runner, batches } = await open(t, modelFile(t, identityModel('FP32')));
    GatedHost.close();
    const first = submit(runner, [floats(1)]);
    // The first leaves at the end of this turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
    const rest = [2, 3, 4].map((value) => submit(runner, [floats(value)]));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(runner.queuedRows, 3);
    GatedHost.open();
    assert.deepEqual((await Promise.all([first, ...rest])).map(valuesOf), [[1], [2], [3], [4]]);
    assert.deepEqual(batches, [1, 3]);
  });

  test('are the same answers as one by one', async (t) => {
    const { runner } = await open(t, TINY, { maxBatchRows: 8, maxQueueRows: 100 });
    const row = (i: number): Tensor => ({
      data: new Float32Array([i & 1, (i >> 1) & 1, i / 7]),
      shape: [1, 3],
    });
    const single: unknown[] = [];
    for (let i = 0; i < 20; i++) single.push(valuesOf(await submit(runner, [row(i)])));
    const joined = await Promise.all(
      Array.from({ length: 20 }, (_, i) => submit(runner, [row(i)])),
    );
    for (const [i, answer] of joined.entries()) {
      // Another batch size may take another kernel, which may round the last bit differently.
      const difference =
        Number((valuesOf(answer) as number[])[0]) - Number((single[i] as number[])[0]);
      assert.ok(Math.abs(difference) < 1e-6, `row ${i} differs by ${difference}`);
    }
  });

  test('are not made of requests whose other dimensions differ', async (t) => {
    const { runner, batches } = await open(t, modelFile(t, identityModel('FP32', ['N', 'L'])));
    const shaped = (...shape: number[]): Tensor => ({
      data: new Float32Array((shape[0] ?? 0) * (shape[1] ?? 0)).fill(shape[1] ?? 0),
      shape,
    });
    const answers = await Promise.all(
      [shaped(1, 2), shaped(1, 3), shaped(1, 2)].map((tensor) => submit(runner, [tensor])),
    );
    assert.deepEqual(answers.map(valuesOf), [
      [2, 2],
      [3, 3, 3],
      [2, 2],
    ]);
    assert.deepEqual(batches, [2, 1]);
  });

  test('are taken apart again when the model does not answer row by row', async (t) => {
    const { runner } = await open(t, modelFile(t, summingModel()));
    const rows = [1, 2, 3].map((value) => ({ data: new Float32Array([value]), shape: [1, 1] }));
    const answers = await Promise.all(rows.map((tensor) => submit(runner, [tensor])));
    assert.deepEqual(answers.map(valuesOf), [[1], [2], [3]]);
  });

  test('run on all workers at once', async (t) => {
    const { runner } = await open(t, modelFile(t, identityModel('FP32')), {
      workers: 2,
      maxBatchRows: 1,
    });
    GatedHost.close();
    const answers = [1, 2, 3].map((value) => submit(runner, [floats(value)]));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(GatedHost.held.length, 2);
    GatedHost.open();
    assert.deepEqual((await Promise.all(answers)).map(valuesOf), [[1], [2], [3]]);
  });
});

describe('a bad member', () => {
  test('fails alone, wherever it stands in the batch', async (t) => {
    const { runner } = await open(t, modelFile(t, pickyModel()));
    for (let bad = 0; bad < 4; bad++) {
      const values = [0, 1, 2, 3].map((value) => (value === bad ? 99 : value));
      const answers = await Promise.all(values.map((value) => submit(runner, [integers(value)])));
      assert.deepEqual(
        answers.map(valuesOf),
        [0, 1, 2, 3].map((value) => (value === bad ? 'internal' : [value * 10])),
      );
      assert.match(String(answers[bad]), /the model failed: .*indices element out of data bounds/);
    }
  });
});

describe('what cannot be taken is refused at once', () => {
  test('rows over the bound, until there is room again', async (t) => {
    const { runner } = await open(t, modelFile(t, identityModel('FP32')), {
      maxQueueRows: 3,
    });
    const answers = await Promise.all([1, 2, 3, 4].map((value) => submit(runner, [floats(value)])));
    assert.deepEqual(answers.map(valuesOf), [[1], [2], [3], 'exhausted']);
    assert.match(String(answers[3]), /queue is full: 3 of 3 rows wait \(--max-queue-rows\)/);
    assert.deepEqual(valuesOf(await submit(runner, [floats(5)])), [5]);
  });

  test('a request that no empty queue would hold', async (t) => {
    const { runner } = await open(t, modelFile(t, identityModel('FP32')), {
      maxQueueRows: 3,
    });
    const answer = await submit(runner, [floats(1, 2, 3, 4)]);
    assert.equal(valuesOf(answer), 'too-large');
    assert.match(String(answer), /has 4 rows; at most 3 may wait \(--max-queue-rows\)/);
  });

  test('a file that is no model', async (t) => {
    await assert.rejects(
      open(t, modelFile(t, Buffer.from('no model'))),
      /Protobuf|protobuf|parse/i,
    );
  });
});

describe('time and departure', () => {
  test('a request without an answer in time is told so, and its late answer goes nowhere', async (t) => {
    const { runner, batches } = await open(t, modelFile(t, identityModel('FP32')), {
      requestTimeoutMs: 30,
      maxQueueRows: 2,
    });
    GatedHost.close();
    const running = submit(runner, [floats(1)]);
    await new Promise((resolve) => setImmediate(resolve));
    const waiting = submit(runner, [floats(2, 3)]);
    assert.deepEqual(
      [valuesOf(await running), valuesOf(await waiting)],
      ['deadline-exceeded', 'deadline-exceeded'],
    );
    assert.equal(runner.queuedRows, 0, 'who waited in vain holds no place in the queue');
    const next = submit(runner, [floats(4)]);
    GatedHost.open();
    assert.deepEqual(valuesOf(await next), [4]);
    assert.deepEqual(batches, [1, 1]);
  });

  test('a client that is gone before its run costs no run', async (t) => {
    const { runner, batches } = await open(t, modelFile(t, identityModel('FP32')));
    const client = { gone: false };
    const answers = [
      submit(runner, [floats(1)]),
      submit(runner, [floats(2, 2)], client),
      submit(runner, [floats(3)]),
    ];
    client.gone = true;
    assert.deepEqual((await Promise.all(answers)).map(valuesOf), [[1], 'unavailable', [3]]);
    assert.deepEqual(batches, [2]);
  });
});
