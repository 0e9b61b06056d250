/** Where a model's runs are done, decided by real measurements and moved under real requests. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import { RequestError } from '../../../inference/protocol/errors.ts';
import { BatchPlan } from '../../../inference/runtime/batch-plan.ts';
import {
  decideExecution,
  type ExecutionName,
  inlineLimitUs,
} from '../../../inference/runtime/execution.ts';
import { HostPool } from '../../../inference/runtime/host-pool.ts';
import { InlineHost } from '../../../inference/runtime/inline-host.ts';
import { InlinePool } from '../../../inference/runtime/inline-pool.ts';
import { ModelRunner, type RunnerOptions } from '../../../inference/runtime/model-runner.ts';
import { ModelSession } from '../../../inference/runtime/model-session.ts';
import type { RunTimes } from '../../../inference/runtime/run-times.ts';
import { openRunner } from '../../../inference/runtime/runner-opening.ts';
import { SlowRuns } from '../../../inference/runtime/slow-runs.ts';
import { WorkerHost } from '../../../inference/runtime/worker-host.ts';
import { identityModel, mirrorModel, pickyModel } from './onnx-writer.ts';
import { floats, integers, modelFile, RUNNER_OPTIONS, submit, valuesOf } from './runner-harness.ts';

const SESSION = { threadsPerRun: 1 };

describe('it is decided that a model runs', () => {
  const quick: RunTimes = {
    within: { rows: 64, slowUs: 40 },
    beyond: { rows: 128, slowUs: 120 },
    loadMs: 3,
  };
  const slow: RunTimes = { beyond: { rows: 1, slowUs: 950 }, loadMs: 3 };
  const cases: [string, ExecutionName, Partial<RunTimes>, number, RegExp][] = [
    ['inline, if whole batches are quick', 'auto', {}, 64, /64 rows take 40 us/],
    [
      'in workers, if only small batches are',
      'auto',
      { within: { rows: 16, slowUs: 90 } },
      0,
      /128 rows take 120 us; the limit is 100/,
    ],
    [
      'inline in small batches, if that is asked for',
      'inline',
      { within: { rows: 16, slowUs: 190 } },
      16,
      /16 rows take 190 us; the limit is 200/,
    ],
    [
      'in workers, if one row is slow',
      'inline',
      { ...slow, within: undefined },
      0,
      /1 rows .* 950/,
    ],
    ['in workers, if it takes long to load', 'auto', { loadMs: 800 }, 0, /took 800 ms to load/],
    [
      'in workers, if it fails on zeros',
      'auto',
      { within: undefined, beyond: { rows: 1, slowUs: Number.POSITIVE_INFINITY } },
      0,
      /could not be measured/,
    ],
  ];
  for (const [name, execution, times, rows, reason] of cases) {
    test(name, async (t) => {
      const decided = await decide(t, identityModel('FP32'), execution, { ...quick, ...times });
      assert.equal(decided.inlineRows, rows);
      assert.match(decided.reason, reason);
    });
  }

  test('in workers, if texts may be of any length', async (t) => {
    const decided = await decide(t, identityModel('BYTES'), 'inline', quick);
    assert.equal(decided.inlineRows, 0);
    assert.match(decided.reason, /depends on more than its rows/);
  });

  test('in workers, if it has other open dimensions', async (t) => {
    const decided = await decide(t, mirrorModel(['FP32']), 'inline', quick);
    assert.match(decided.reason, /depends on more than its rows/);
  });

  test('in workers without measuring, where that is said', () => {
    assert.equal(inlineLimitUs('worker'), undefined);
  });
});

describe('slow runs', () => {
  test('are borne while they are few', () => {
    const runs = new SlowRuns(0.2);
    for (let i = 0; i < 1000; i++) assert.equal(runs.add(i % 10 === 0 ? 3 : 0.1, 0), undefined);
  });

  test('are told when they are many', () => {
    const runs = new SlowRuns(0.2);
    let told: string | undefined;
    for (let i = 0; i < 100; i++) told ??= runs.add(0.3, 0.3);
    assert.equal(told, 'more than 25 of 100 runs took over 200 us');
  });

  test('that take very long are told at once, unless it was others that took the time', () => {
    const runs = new SlowRuns(0.2);
    assert.equal(runs.add(50, 1), undefined);
    assert.equal(runs.add(50, 49), 'a run took 50.0 ms');
  });
});

describe('a model on the event loop', () => {
  test('answers as in a worker, batches included', async (t) => {
    const { runner, batches } = await openTiny(t);
    assert.equal(runner.place, 'inline');
    const answers = await Promise.all(
      [[1], [2], [3, 4], [5], [], [6, 7]].map((values) => submit(runner, [floats(...values)])),
    );
    assert.deepEqual(answers.map(valuesOf), [[1], [2], [3, 4], [5], [], [6, 7]]);
    assert.deepEqual(batches, [4, 3]);
  });

  test('lets a bad member of a batch fail alone', async (t) => {
    const { runner } = await openInline(t, pickyModel(), { slowMs: 1000 });
    const answers = await Promise.all([1, 99, 2].map((value) => submit(runner, [integers(value)])));
    assert.deepEqual(answers.map(valuesOf), [[10], 'internal', [20]]);
    assert.equal(runner.place, 'inline');
  });

  test('moves to workers when its runs are slow, and answers everything meanwhile', async (t) => {
    const { runner, moves } = await openInline(t, identityModel('FP32'), { slowMs: 0 });
    for (let i = 0; i < 40; i++) {
      assert.deepEqual(valuesOf(await submit(runner, [floats(i)])), [i]);
    }
    assert.deepEqual(moves, ['more than 25 of 100 runs took over 0 us']);
    while (runner.place === 'inline') await submit(runner, [floats(1)]);
    const answers = await Promise.all([1, 2, 3].map((value) => submit(runner, [floats(value)])));
    assert.deepEqual(answers.map(valuesOf), [[1], [2], [3]]);
  });

  test('moves when a request is larger than any run may be there, and others pass it', async (t) => {
    const { runner, moves, batches } = await openInline(t, identityModel('FP32'), {
      slowMs: 1000,
      maxRunRows: 2,
    });
    const large = submit(runner, [floats(1, 2, 3)]);
    const small = await Promise.all([4, 5, 6].map((value) => submit(runner, [floats(value)])));
    assert.deepEqual(small.map(valuesOf), [[4], [5], [6]]);
    assert.equal(runner.place, 'inline');
    assert.deepEqual(batches, [2, 1]);
    assert.deepEqual(valuesOf(await large), [1, 2, 3]);
    assert.equal(runner.place, 'worker');
    assert.deepEqual(moves, ['a request has 3 rows; runs there have at most 2']);
  });

  test('stays while no worker can be started, and is tried again', async (t) => {
    const { runner, file, losses } = await openInline(t, identityModel('FP32'), { slowMs: 0 });
    rmSync(file);
    while (losses.length === 0) await submit(runner, [floats(1)]);
    assert.match(losses[0] ?? '', /^no worker can be started: /);
    assert.equal(runner.place, 'inline');
    writeFileSync(file, identityModel('FP32'));
    while (runner.place === 'inline') {
      assert.deepEqual(valuesOf(await submit(runner, [floats(7)])), [7]);
    }
    assert.deepEqual(valuesOf(await submit(runner, [floats(8)])), [8]);
  });

  test('is closed while it moves', async (t) => {
    const { runner } = await openInline(t, identityModel('FP32'), {
      slowMs: 1000,
      maxRunRows: 1,
    });
    const large = submit(runner, [floats(1, 2)]);
    await runner.drained();
    await runner.close();
    assert.deepEqual(valuesOf(await large), [1, 2]);
    assert.ok((await submit(runner, [floats(1)])) instanceof RequestError);
  });
});

async function decide(
  t: TestContext,
  model: Uint8Array,
  name: ExecutionName,
  runTimes: RunTimes,
): ReturnType<typeof decideOf> {
  return decideOf(modelFile(t, model), name, runTimes);
}

async function decideOf(file: string, name: ExecutionName, runTimes: RunTimes) {
  const { metadata, provider } = await ModelSession.load(file, SESSION);
  const limitUs = inlineLimitUs(name) ?? 0;
  const loaded = { metadata, provider, runTimes };
  return decideExecution(name, limitUs, loaded, new BatchPlan(metadata), 32);
}

interface Opened {
  readonly runner: ModelRunner;
  readonly file: string;
  readonly batches: number[];
  readonly moves: string[];
  readonly losses: string[];
}

function observed(): Omit<Opened, 'runner' | 'file'> & {
  observer: Parameters<typeof openRunner>[3];
} {
  const [batches, moves, losses]: [number[], string[], string[]] = [[], [], []];
  const observer = {
    onQueued: () => undefined,
    onBatch: (rows: number) => batches.push(rows),
    onLoss: (reason: string) => losses.push(reason),
    onMove: (reason: string) => moves.push(reason),
  };
  return { batches, moves, losses, observer };
}

/** The way the pod does it: nothing is slower than what a busy machine adds to it. */
async function openTiny(t: TestContext): Promise<Opened> {
  const file = modelFile(t, identityModel('FP32'));
  const { observer, ...told } = observed();
  const settings = { path: file, session: SESSION };
  const { runner } = await openRunner(settings, 'inline', RUNNER_OPTIONS, observer);
  t.after(() => runner.close());
  return { runner, file, ...told };
}

async function openInline(
  t: TestContext,
  model: Uint8Array,
  limits: { slowMs: number; maxRunRows?: number },
): Promise<Opened> {
  const file = modelFile(t, model);
  const { observer, ...told } = observed();
  const settings = { path: file, session: SESSION };
  const onLoss = (reason: string): void => observer.onLoss(reason);
  const pool = await InlinePool.open(
    {
      maxRunRows: 100,
      ...limits,
      workers: () => new HostPool(1, () => new WorkerHost(settings), onLoss),
      onMove: (reason) => observer.onMove?.(reason),
      onLoss,
    },
    (onRun) => new InlineHost(settings, onRun),
  );
  const { metadata, provider } = await ModelSession.load(file, SESSION);
  const options: RunnerOptions = RUNNER_OPTIONS;
  const runner = new ModelRunner(pool, { metadata, provider }, options, observer);
  t.after(() => runner.close());
  return { runner, file, ...told };
}
