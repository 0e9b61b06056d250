/** The property that batching must keep: whatever comes together, each answer is the one that it gets alone. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { Tensor } from '../../../inference/protocol/tensor.ts';
import type { ModelRunner, RunnerOptions } from '../../../inference/runtime/model-runner.ts';
import { randomSource } from '../../harness/random.ts';
import { identityModel, onnxModel, pickyModel } from './onnx-writer.ts';
import { integers, modelFile, open, submit, valuesOf } from './runner-harness.ts';

const ROUNDS = 20;
const REQUESTS = 40;

/** A number below its argument. */
type Random = (bound: number) => number;

interface Case {
  readonly name: string;
  readonly model: Uint8Array;
  readonly request: (random: Random) => Tensor;
}

/** Each row's answer depends on this row alone, to the last bit. */
const ROW_BY_ROW = onnxModel({
  inputs: [{ name: 'x', type: 'FP32', shape: ['N', 'L'] }],
  outputs: [{ name: 'y', type: 'FP32', shape: ['N', 'L'] }],
  nodes: [
    { op: 'Mul', inputs: ['x', 'x'], outputs: ['square'] },
    { op: 'Add', inputs: ['square', 'x'], outputs: ['y'] },
  ],
});

const CASES: readonly Case[] = [
  {
    name: 'rows of one size',
    model: identityModel('INT64'),
    request: (random) => integers(...values(random, random(6))),
  },
  {
    name: 'rows of sizes that cannot be joined',
    model: ROW_BY_ROW,
    request: (random) => matrix(random, random(4), 1 + random(9)),
  },
  {
    name: 'rows of which some make a run fail',
    model: pickyModel(),
    request: (random) =>
      integers(...values(random, random(4)).map((v) => (v % 40 === 0 ? 99 : v % 4))),
  },
];

const SETTINGS: readonly [string, Partial<RunnerOptions>][] = [
  ['as they come', { maxBatchRows: 8 }],
  ['on two workers', { maxBatchRows: 5, workers: 2 }],
  [
    'with delay, preferred sizes and priorities',
    { maxBatchRows: 16, maxDelayMs: 2, preferredRows: [4, 8], priorityLevels: 3 },
  ],
];

function values(random: Random, count: number): number[] {
  return Array.from({ length: count }, () => random(1000));
}

function matrix(random: Random, rows: number, columns: number): Tensor {
  const data = Float32Array.from({ length: rows * columns }, () => random(1000) / 7);
  return { data, shape: [rows, columns] };
}

/** A request's inputs are handed over to a worker, so each time they are new. */
function copy({ data, shape }: Tensor): Tensor {
  return { data: (data as Float32Array).slice(), shape };
}

/** Sends some at once, some a little later, some that are gone before they run. */
async function mixed(runner: ModelRunner, requests: readonly Tensor[], random: Random) {
  const answers: Promise<unknown>[] = [];
  for (const request of requests) {
    const client = { gone: false };
    const answer = submit(runner, [copy(request)], client, { priority: random(4) });
    const leaves = random(10) === 0;
    client.gone = leaves;
    answers.push(answer.then((given) => (leaves ? 'gone' : valuesOf(given))));
    if (random(4) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return Promise.all(answers);
}

async function check(t: TestContext, each: Case, options: Partial<RunnerOptions>): Promise<void> {
  const { runner } = await open(t, modelFile(t, each.model), { maxQueueRows: 10_000, ...options });
  const random = randomSource(7);
  for (let round = 0; round < ROUNDS; round++) {
    const requests = Array.from({ length: REQUESTS }, () => each.request(random));
    const together = await mixed(runner, requests, random);
    for (const [i, request] of requests.entries()) {
      if (together[i] === 'gone') continue;
      const alone = valuesOf(await submit(runner, [copy(request)]));
      assert.deepEqual(together[i], alone, `round ${round}, request ${i}`);
    }
  }
}

for (const [setting, options] of SETTINGS) {
  describe(`answers ${setting} are those that each request gets alone`, () => {
    for (const each of CASES) test(each.name, (t) => check(t, each, options));
  });
}

describe('answers of padded rows are those that each request gets alone', () => {
  test('rows of any size', async (t) => {
    const each = CASES[1] as Case;
    const pad = { x: { dimension: 1, value: 3, multipleOf: 8 } };
    await check(t, each, { maxBatchRows: 16, pad });
  });
});
