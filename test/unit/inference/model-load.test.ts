/** How busy a model says it is: the arithmetic, and what a runner over a real worker makes of it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ModelLoad } from '../../../inference/runtime/model-load.ts';
import { identityModel } from './onnx-writer.ts';
import { floats, GatedHost, modelFile, open, submit } from './runner-harness.ts';

/** The utilization of a state that lasts. */
function lasting(busy: number, workers: number, queuedRows: number): number {
  const load = new ModelLoad(8, 0);
  load.set(busy, workers, queuedRows, 0);
  return load.utilization(1_000_000);
}

describe('utilization', () => {
  const cases: [string, number, number, number, number][] = [
    ['is 0 when nothing runs', 0, 2, 0, 0],
    ['is the share of the workers that are busy', 1, 4, 0, 0.25],
    ['is 1 when all are busy and nothing waits', 2, 2, 0, 1],
    ['is half more when a full batch waits for each', 2, 2, 16, 1.5],
    ['stays below 2 whatever waits', 2, 2, 16_000, 1 + 1000 / 1001],
    ['is 1 and more while all workers are lost', 0, 0, 8, 1.5],
  ];
  for (const [name, busy, workers, queuedRows, expected] of cases) {
    test(name, () => assert.equal(lasting(busy, workers, queuedRows), expected));
  }

  test('and rate give what a busy worker can do, also after a single run', () => {
    for (const tookMs of [1, 50, 4000]) {
      const load = new ModelLoad(8, 0);
      load.set(1, 1, 0, 100);
      load.countServed(2, 100, 100 + tookMs);
      const perSecond = load.servedPerSecond(100 + tookMs) / load.utilization(100 + tookMs);
      assert.ok(Math.abs(perSecond - 2000 / tookMs) < 1e-6 * perSecond, `${tookMs} ms`);
    }
  });
});

describe('a runner', () => {
  test('counts busy workers, what waits, and the answers that somebody got', async (t) => {
    const { runner } = await open(t, modelFile(t, identityModel('FP32')));
    const start = performance.now();
    GatedHost.close();
    const client = { gone: false };
    const answers = [submit(runner, [floats(1)])];
    await new Promise((resolve) => setImmediate(resolve));
    answers.push(submit(runner, [floats(2)]), submit(runner, [floats(3)], client));
    // A full worker and half a batch that waits, for ever: 1 + 0.5 / 1.5.
    assert.ok(Math.abs(runner.load.utilization(start + 1e6) - 4 / 3) < 1e-9);
    client.gone = true;
    GatedHost.open();
    await Promise.all(answers);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(runner.queuedRows, 0);
    assert.ok(runner.load.servedPerSecond(performance.now()) > 0);
  });
});
