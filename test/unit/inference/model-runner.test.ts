/** One model's queue and batches over real workers and real models; only the gate that holds runs is the test's. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { RequestError } from '../../../inference/protocol/errors.ts';
import type { Tensor } from '../../../inference/protocol/tensor.ts';
import { ModelRunner, type RunnerOptions } from '../../../inference/runtime/model-runner.ts';
import type { RunResult, SessionHost } from '../../../inference/runtime/session-host.ts';
import { WorkerHost } from '../../../inference/runtime/worker-host.ts';
import { identityModel, pickyModel, summingModel } from './onnx-writer.ts';

const TINY = fileURLToPath(
  new URL('../../../examples/models/repository/tiny/1/model.onnx', import.meta.url),
);
const DYING_WORKER = new URL('./dying-worker.ts', import.meta.url);
const OPTIONS: RunnerOptions = {
  workers: 1,
  maxBatchRows: 4,
  maxQueueRows: 16,
  requestTimeoutMs: 20_000,
};

let folder = '';
before(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'runner-'));
});
after(() => rmSync(folder, { recursive: true }));

function modelFile(name: string, bytes: Uint8Array): string {
  const file = path.join(folder, `${name}.onnx`);
  writeFileSync(file, bytes);
  return file;
}

/** A real worker whose runs begin only while the gate is open. */
class GatedHost extends WorkerHost {
  static held: (() => void)[] = [];
  static closed = false;

  override run(inputs: readonly Tensor[], settle: (result: RunResult) => void): void {
    const begin = (): void => super.run(inputs, settle);
    if (GatedHost.closed) GatedHost.held.push(begin);
    else begin();
  }

  static close(): void {
    GatedHost.closed = true;
  }

  static open(): void {
    GatedHost.closed = false;
    for (const begin of GatedHost.held.splice(0)) begin();
  }
}

interface Opened {
  readonly runner: ModelRunner;
  /** Rows of each run. */
  readonly batches: number[];
  readonly losses: string[];
}

async function open(
  t: TestContext,
  file: string,
  options: Partial<RunnerOptions> = {},
  worker?: URL,
): Promise<Opened> {
  const batches: number[] = [];
  const losses: string[] = [];
  const startHost = (): SessionHost =>
    new GatedHost({ path: file, session: { threadsPerRun: 1 } }, worker);
  const runner = await ModelRunner.open(
    startHost,
    { ...OPTIONS, ...options },
    {
      onQueued: () => undefined,
      onBatch: (rows) => batches.push(rows),
      onLoss: (reason) => losses.push(reason),
    },
  );
  t.after(() => {
    GatedHost.open();
    return runner.close();
  });
  return { runner, batches, losses };
}

/** The answer's first output, or the refusal. `client.gone` can be set while it waits. */
function submit(
  runner: ModelRunner,
  inputs: Tensor[],
  client = { gone: false },
): Promise<Tensor | RequestError> {
  return new Promise((resolve) => {
    try {
      runner.submit(inputs, {
        get gone() {
          return client.gone;
        },
        answer: (outputs) => resolve(outputs[0] as Tensor),
        fail: resolve,
        drop: () => resolve(new RequestError('unavailable', 'dropped')),
      });
    } catch (error) {
      resolve(error as RequestError);
    }
  });
}

function floats(...values: number[]): Tensor {
  return { data: new Float32Array(values), shape: [values.length] };
}

function integers(...values: number[]): Tensor {
  return { data: new BigInt64Array(values.map(BigInt)), shape: [values.length] };
}

function valuesOf(answer: Tensor | RequestError): unknown {
  return answer instanceof RequestError ? answer.code : Array.from(answer.data as Float32Array);
}

describe('batches', () => {
  test('join what arrives together, up to the limit, and give each its own rows', async (t) => {
    const { runner, batches } = await open(t, modelFile('identity', identityModel('FP32')));
    const answers = await Promise.all(
      [[1], [2], [3, 4], [5], [], [6, 7]].map((values) => submit(runner, [floats(...values)])),
    );
    assert.deepEqual(answers.map(valuesOf), [[1], [2], [3, 4], [5], [], [6, 7]]);
    assert.deepEqual(batches, [4, 3]);
  });

  test('do not wait: a lone request runs alone, and what comes meanwhile shares the next run', async (t) => {
    const { runner, batches } = await open(t, modelFile('identity', identityModel('FP32')));
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
    const { runner, batches } = await open(
      t,
      modelFile('matrix', identityModel('FP32', ['N', 'L'])),
    );
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
    const { runner } = await open(t, modelFile('summing', summingModel()));
    const rows = [1, 2, 3].map((value) => ({ data: new Float32Array([value]), shape: [1, 1] }));
    const answers = await Promise.all(rows.map((tensor) => submit(runner, [tensor])));
    assert.deepEqual(answers.map(valuesOf), [[1], [2], [3]]);
  });

  test('run on all workers at once', async (t) => {
    const { runner } = await open(t, modelFile('identity', identityModel('FP32')), {
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
    const { runner } = await open(t, modelFile('picky', pickyModel()));
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
    const { runner } = await open(t, modelFile('identity', identityModel('FP32')), {
      maxQueueRows: 3,
    });
    const answers = await Promise.all([1, 2, 3, 4].map((value) => submit(runner, [floats(value)])));
    assert.deepEqual(answers.map(valuesOf), [[1], [2], [3], 'exhausted']);
    assert.match(String(answers[3]), /queue is full: 3 of 3 rows wait \(--max-queue-rows\)/);
    assert.deepEqual(valuesOf(await submit(runner, [floats(5)])), [5]);
  });

  test('a request that no empty queue would hold', async (t) => {
    const { runner } = await open(t, modelFile('identity', identityModel('FP32')), {
      maxQueueRows: 3,
    });
    const answer = await submit(runner, [floats(1, 2, 3, 4)]);
    assert.equal(valuesOf(answer), 'too-large');
    assert.match(String(answer), /has 4 rows; at most 3 may wait \(--max-queue-rows\)/);
  });

  test('a file that is no model', async (t) => {
    await assert.rejects(
      open(t, modelFile('broken', Buffer.from('no model'))),
      /Protobuf|protobuf|parse/i,
    );
  });
});

describe('time and departure', () => {
  test('a request without an answer in time is told so, and its late answer goes nowhere', async (t) => {
    const { runner, batches } = await open(t, modelFile('identity', identityModel('FP32')), {
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
    const { runner, batches } = await open(t, modelFile('identity', identityModel('FP32')));
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

describe('a worker that dies', () => {
  test('takes only its own batch with it, and is replaced', async (t) => {
    const file = modelFile('identity', identityModel('FP32'));
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
    const file = modelFile('identity', identityModel('FP32'));
    const { runner } = await open(t, file, { workers: 2, maxBatchRows: 1 }, DYING_WORKER);
    for (let i = 0; i < 3; i++) {
      const answers = await Promise.all(
        [666, 1, 2, 3, 4].map((value) => submit(runner, [floats(value)])),
      );
      assert.deepEqual(answers.map(valuesOf), ['unavailable', [1], [2], [3], [4]]);
    }
  });

  test('is not ready while it cannot be replaced, and is tried again until it can', async (t) => {
    const file = modelFile('vanishing', identityModel('FP32'));
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
