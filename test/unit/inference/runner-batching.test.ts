/** What a model's configuration says of its batches, over real workers and real models. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Tensor } from '../../../inference/protocol/tensor.ts';
import type { RunTiming } from '../../../inference/runtime/pending-request.ts';
import { identityModel, onnxModel, pickyModel } from './onnx-writer.ts';
import {
  floats,
  GatedHost,
  integers,
  modelFile,
  open,
  submit,
  valuesOf,
} from './runner-harness.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a maximum delay', () => {
  test('is waited for by a lone request, and no longer', async (t) => {
    const { runner, batches } = await open(t, modelFile(t, identityModel('FP32')), {
      maxDelayMs: 20,
    });
    const start = performance.now();
    const first = submit(runner, [floats(1)]);
    await turn();
    await turn();
    const second = submit(runner, [floats(2)]);
    assert.deepEqual((await Promise.all([first, second])).map(valuesOf), [[1], [2]]);
    assert.deepEqual(batches, [2]);
    assert.ok(performance.now() - start >= 20);
  });

  test('is not waited for once the batch is as large as is preferred', async (t) => {
    const { runner, batches } = await open(t, modelFile(t, identityModel('FP32')), {
      maxDelayMs: 10_000,
      preferredRows: [2],
    });
    const answers = await Promise.all([1, 2].map((value) => submit(runner, [floats(value)])));
    assert.deepEqual(answers.map(valuesOf), [[1], [2]]);
    assert.deepEqual(batches, [2]);
  });

  test('is nothing to a model whose requests cannot share a run', async (t) => {
    const { runner } = await open(t, modelFile(t, identityModel('FP32', [2])), {
      maxDelayMs: 10_000,
    });
    assert.deepEqual(valuesOf(await submit(runner, [floats(1, 2)])), [1, 2]);
  });
});

describe('priorities', () => {
  test('decide who goes first once a worker is free', async (t) => {
    const { runner } = await open(t, modelFile(t, identityModel('FP32')), {
      maxBatchRows: 1,
      priorityLevels: 3,
    });
    GatedHost.close();
    const order: unknown[] = [];
    const ask = (value: number, priority?: number): Promise<void> =>
      submit(runner, [floats(value)], { gone: false }, { priority }).then((answer) => {
        order.push(...(valuesOf(answer) as number[]));
      });
    const answers = [ask(0)];
    await turn();
    // By default in the middle; what is beyond the last level is in the last.
    answers.push(ask(1, 99), ask(2), ask(3, 1), ask(4, 0));
    GatedHost.open();
    await Promise.all(answers);
    assert.deepEqual(order, [0, 3, 2, 4, 1]);
  });

  test('that are none are refused', async (t) => {
    const { runner } = await open(t, modelFile(t, identityModel('FP32')));
    for (const priority of [-1, 1.5]) {
      const answer = await submit(runner, [floats(1)], { gone: false }, { priority });
      assert.equal(valuesOf(answer), 'invalid-argument');
    }
  });
});

describe('a deadline of the request itself', () => {
  test('ends its wait, and frees its place in the queue', async (t) => {
    const { runner, batches } = await open(t, modelFile(t, identityModel('FP32')), {
      maxQueueRows: 2,
    });
    GatedHost.close();
    const running = submit(runner, [floats(1)]);
    await turn();
    const deadlineMs = performance.now() + 20;
    const overdue = submit(runner, [floats(2, 3)], { gone: false }, { deadlineMs });
    const answer = await overdue;
    assert.equal(valuesOf(answer), 'deadline-exceeded');
    assert.match(String(answer), /no answer before the request.s own deadline/);
    assert.equal(runner.queuedRows, 0);
    GatedHost.open();
    assert.deepEqual(valuesOf(await running), [1]);
    assert.deepEqual(batches, [1]);
  });

  test('in the past is refused at once', async (t) => {
    const { runner } = await open(t, modelFile(t, identityModel('FP32')));
    const deadlineMs = performance.now() - 1;
    const answer = await submit(runner, [floats(1)], { gone: false }, { deadlineMs });
    assert.equal(valuesOf(answer), 'deadline-exceeded');
  });

  test('that is late does not outlast that of the server', async (t) => {
    const { runner } = await open(t, modelFile(t, identityModel('FP32')), { requestTimeoutMs: 20 });
    GatedHost.close();
    const deadlineMs = performance.now() + 1e6;
    const answer = await submit(runner, [floats(1)], { gone: false }, { deadlineMs });
    assert.match(String(answer), /no answer within 20 ms/);
  });
});

describe('padding', () => {
  /** y is x with each element doubled, rows is x. */
  const model = onnxModel({
    inputs: [{ name: 'x', type: 'FP32', shape: ['N', 'L'] }],
    outputs: [
      { name: 'y', type: 'FP32', shape: ['N', 'L'] },
      { name: 'rows', type: 'FP32', shape: ['N', 'L'] },
    ],
    nodes: [
      { op: 'Add', inputs: ['x', 'x'], outputs: ['y'] },
      { op: 'Identity', inputs: ['x'], outputs: ['rows'] },
    ],
  });
  const row = (...values: number[]): Tensor => ({
    data: new Float32Array(values),
    shape: [1, values.length],
  });

  test('lets requests of different sizes share a run, and gives each its own size back', async (t) => {
    const pad = { x: { dimension: 1, value: 7, multipleOf: 4 } };
    const { runner, batches } = await open(t, modelFile(t, model), { pad });
    const answers = await Promise.all(
      [row(1), row(1, 2, 3), row(1, 2, 3, 4), row(1, 2, 3, 4, 5)].map((each) =>
        submit(runner, [each]),
      ),
    );
    assert.deepEqual(answers.map(valuesOf), [[2], [2, 4, 6], [2, 4, 6, 8], [2, 4, 6, 8, 10]]);
    assert.deepEqual(batches, [3, 1]);
  });

  test('that does not fit the model is a reason not to load it', async (t) => {
    await assert.rejects(
      open(t, modelFile(t, model), { pad: { z: { dimension: 1, value: 0, multipleOf: 4 } } }),
      /batching\.pad\.z: the model has no such input; it has x/,
    );
  });
});

describe('who has gone', () => {
  test('gives way to who comes when the queue is full', async (t) => {
    const { runner, batches } = await open(t, modelFile(t, identityModel('FP32')), {
      maxQueueRows: 2,
    });
    GatedHost.close();
    const running = submit(runner, [floats(1)]);
    await turn();
    const client = { gone: false };
    const left = submit(runner, [floats(2, 3)], client);
    client.gone = true;
    const next = submit(runner, [floats(4)]);
    assert.equal(valuesOf(await left), 'unavailable');
    GatedHost.open();
    assert.deepEqual((await Promise.all([running, next])).map(valuesOf), [[1], [4]]);
    assert.deepEqual(batches, [1, 1]);
  });
});

describe('what was measured', () => {
  test('is told with each answer', async (t) => {
    const { runner } = await open(t, modelFile(t, identityModel('FP32')));
    const timing = (values: number[]): Promise<RunTiming> =>
      new Promise((resolve, reject) =>
        runner.submit([floats(...values)], {
          gone: false,
          answer: (_, told) => resolve(told),
          fail: reject,
          drop: () => reject(new Error('dropped')),
        }),
      );
    const [first, second] = await Promise.all([timing([1]), timing([2, 3])]);
    assert.equal(first.batchRows, 3);
    assert.equal(second.computeMs, first.computeMs);
    assert.ok(first.computeMs > 0 && first.queueMs >= 0);
  });

  test('is kept as the statistics that Triton has', async (t) => {
    const { runner } = await open(t, modelFile(t, pickyModel()));
    await Promise.all([submit(runner, [integers(0)]), submit(runner, [integers(1, 2)])]);
    await submit(runner, [integers(3)]);
    await submit(runner, [integers(99)]);
    const report = runner.statistics.report('picky', '1');
    assert.deepEqual([report.name, report.version], ['picky', '1']);
    assert.deepEqual([report.inference_count, report.execution_count], [4, 2]);
    const { success, fail, queue, compute_infer, cache_hit } = report.inference_stats;
    assert.deepEqual([success.count, fail.count, queue.count], [3, 1, 3]);
    assert.ok(compute_infer.ns > 0 && success.ns > compute_infer.ns);
    assert.deepEqual(cache_hit, { count: 0, ns: 0 });
    assert.deepEqual(
      report.batch_stats.map(({ batch_size, compute_infer: { count } }) => [batch_size, count]),
      [
        [1, 1],
        [3, 1],
      ],
    );
    assert.ok(Math.abs(report.last_inference - Date.now()) < 60_000);
  });
});

describe('a runner that is closed', () => {
  test('has first answered what it had, and takes nothing more', async (t) => {
    const { runner } = await open(t, modelFile(t, identityModel('FP32')));
    const answer = submit(runner, [floats(1)]);
    assert.equal(runner.openRequests, 1);
    await runner.drained();
    assert.equal(runner.openRequests, 0);
    assert.deepEqual(valuesOf(await answer), [1]);
    await runner.close();
    assert.equal(valuesOf(await submit(runner, [floats(1)])), 'unavailable');
  });
});
