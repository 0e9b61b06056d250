import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { heldoutRows } from '../../unit/inference/heldout-rows.ts';
import { EXAMPLES, inferBody, type PodProcess, startPod } from './pod-process.ts';

const PACKAGE = new URL('../../../package.json', import.meta.url);
const VERSION: string = JSON.parse(readFileSync(PACKAGE, 'utf8')).version;
const EXTENSIONS = ['binary_tensor_data', 'model_repository', 'model_configuration', 'statistics'];
const MAX_BURSTS = 50;
let pod: PodProcess;
before(async () => {
  pod = await startPod(['--repository', EXAMPLES]);
});
after(() => pod?.stop());

describe('the server says what it is', () => {
  const digits = {
    versions: ['1'],
    platform: 'onnx_onnxv1',
    inputs: [{ name: 'pixels', datatype: 'FP32', shape: [-1, 64] }],
    outputs: [
      { name: 'label', datatype: 'INT64', shape: [-1] },
      { name: 'probabilities', datatype: 'FP32', shape: [-1, 10] },
    ],
  };
  const cases: [string, object][] = [
    ['/v2', { name: 'modelweir', version: VERSION, extensions: EXTENSIONS }],
    ['/v2/health/live', { live: true }],
    ['/v2/health/ready', { ready: true }],
    ['/v2/models/digits-stable', { name: 'digits-stable', ...digits }],
    ['/v2/models/digits-canary/versions/1', { name: 'digits-canary', ...digits }],
    ['/v2/models/tiny/ready', { name: 'tiny', ready: true }],
    ['/v2/models/tiny/versions/1/ready', { name: 'tiny', ready: true }],
  ];
  for (const [path, expected] of cases) {
    test(`GET ${path}`, async () => {
      const { status, json } = await pod.get(path);
      assert.deepEqual({ status, json }, { status: 200, json: expected });
    });
  }
});

describe('infer', () => {
  test('tiny: nested data, id echoed', async () => {
    const body = inferBody(
      'x',
      [
        [1, 0, 1],
        [0, 1, 0],
        [1, 1, 0],
        [0, 0, 1],
      ],
      { id: 'lesson' },
    );
    const { status, json } = await pod.post('/v2/models/tiny/infer', body);
    assert.equal(status, 200, JSON.stringify(json));
    const { model_name, model_version, id, outputs } = json;
    assert.deepEqual(
      { model_name, model_version, id },
      { model_name: 'tiny', model_version: '1', id: 'lesson' },
    );
    assert.deepEqual(
      { ...outputs[0], data: outputs[0].data.map(Math.round) },
      {
        name: 'y',
        datatype: 'FP32',
        shape: [4, 1],
        data: [0, 1, 1, 0],
      },
    );
  });

  test('digits: flat data of integers, both outputs', async () => {
    const [row] = heldoutRows();
    const input = { name: 'pixels', shape: [1, 64], datatype: 'FP32', data: row?.pixels };
    const { json } = await pod.post('/v2/models/digits-stable/versions/1/infer', {
      inputs: [input],
    });
    assert.equal(json.id, undefined);
    assert.deepEqual(json.outputs[0], {
      name: 'label',
      datatype: 'INT64',
      shape: [1],
      data: [row?.label],
    });
    assert.deepEqual(json.outputs[1].shape, [1, 10]);
    const sum = json.outputs[1].data.reduce((a: number, b: number) => a + b);
    assert.ok(Math.abs(sum - 1) < 1e-5);
  });

  test('only the requested outputs are sent', async () => {
    const rows = heldoutRows().slice(0, 2);
    const body = inferBody(
      'pixels',
      rows.map(({ pixels }) => pixels),
      { outputs: [{ name: 'label' }] },
    );
    const { json } = await pod.post('/v2/models/digits-canary/infer', body);
    assert.deepEqual(json.outputs, [
      { name: 'label', datatype: 'INT64', shape: [2], data: rows.map(({ label }) => label) },
    ]);
  });

  test('a final slash and a query change nothing', async () => {
    assert.equal(
      (await pod.post('/v2/models/tiny/infer/?x=1', inferBody('x', [[1, 0, 1]]))).status,
      200,
    );
  });

  test('nothing but its load is added to the answer that the protocol does not have', async () => {
    const { headers } = await pod.post('/v2/models/tiny/infer', inferBody('x', [[1, 0, 1]]));
    const expected = ['connection', 'content-length', 'content-type', 'date', 'keep-alive'];
    assert.deepEqual([...headers.keys()].sort(), [...expected, 'endpoint-load-metrics'].sort());
  });
});

test('mixed requests at once get the answers that they get one by one', async () => {
  const rows = heldoutRows().slice(0, 60);
  const calls = rows.map(({ pixels }, i): [string, object] => {
    if (i % 5 === 0)
      return ['/v2/models/tiny/infer', inferBody('x', [[i % 2, i / 7, 1]], { id: `${i}` })];
    if (i % 5 === 1)
      return ['/v2/models/digits-stable/infer', inferBody('pixels', [pixels.slice(1)])];
    const pair = [pixels, rows[(i * 7) % rows.length]?.pixels ?? pixels];
    const outputs = i % 5 === 2 ? [{ name: 'label' }] : undefined;
    const model = i % 2 === 0 ? 'digits-stable' : 'digits-canary';
    return [
      `/v2/models/${model}/infer`,
      inferBody('pixels', pair.slice(i % 3 === 0 ? 0 : 1), { id: `${i}`, outputs }),
    ];
  });
  const single = [];
  for (const [path, body] of calls) single.push(await pod.post(path, body));
  // Which of them meet in a run is left to the machine: again, until some did.
  for (let burst = 0; burst < MAX_BURSTS && !(await batchedRows('digits-stable')).joined; burst++) {
    const joined = await Promise.all(calls.map(([path, body]) => pod.post(path, body)));
    for (const [i, reply] of joined.entries()) {
      assert.equal(reply.status, single[i]?.status);
      assertSame(reply.json, single[i]?.json, `request ${i}`);
    }
    assert.ok(joined.some(({ status }) => status === 400));
  }
  assert.ok((await batchedRows('digits-stable')).joined, 'some requests did share a run');
});

test('metrics count requests by model and status, runs, rows and times', async () => {
  const before = (await pod.get('/metrics')).json as string;
  await pod.post(
    '/v2/models/tiny/infer',
    inferBody('x', [
      [1, 0, 1],
      [0, 0, 0],
    ]),
  );
  await pod.post('/v2/models/tiny/infer', 'no');
  await pod.post('/v2/models/nope/infer', 'no');
  const text = (await pod.get('/metrics')).json as string;
  const grown = (series: string): number => value(text, series) - value(before, series);
  assert.equal(grown('modelweir_inference_requests_total{model="tiny",code="200"}'), 1);
  assert.equal(grown('modelweir_inference_requests_total{model="tiny",code="400"}'), 1);
  assert.equal(grown('modelweir_inference_requests_total{model="",code="404"}'), 1);
  assert.equal(grown('modelweir_inference_batch_rows_sum{model="tiny",version="1"}'), 2);
  assert.equal(grown('modelweir_inference_batch_rows_count{model="tiny",version="1"}'), 1);
  assert.equal(grown('modelweir_inference_queue_seconds_count{model="tiny",version="1"}'), 1);
  assert.equal(grown('modelweir_inference_compute_seconds_count{model="tiny",version="1"}'), 1);
  assert.ok(grown('modelweir_inference_compute_seconds_sum{model="tiny",version="1"}') > 0);
  assert.equal(value(text, 'modelweir_inference_queue_rows{model="tiny",version="1"}'), 0);
});

function value(text: string, series: string): number {
  const line = text.split('\n').find((each) => each.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1) ?? 0);
}

async function batchedRows(model: string): Promise<{ joined: boolean }> {
  const text = (await pod.get('/metrics')).json as string;
  const labels = `{model="${model}",version="1"}`;
  const runs = value(text, `modelweir_inference_batch_rows_count${labels}`);
  return { joined: runs < value(text, `modelweir_inference_queue_seconds_count${labels}`) };
}

/** Equal but for the last bits of numbers, which another batch size may round differently. */
function assertSame(actual: unknown, expected: unknown, where: string): void {
  if (typeof actual === 'number' && typeof expected === 'number') {
    assert.ok(Math.abs(actual - expected) < 1e-6, `${where}: ${actual} is not ${expected}`);
  } else if (
    typeof actual === 'object' &&
    actual !== null &&
    typeof expected === 'object' &&
    expected !== null
  ) {
    assert.deepEqual(Object.keys(actual), Object.keys(expected), where);
    for (const [key, part] of Object.entries(actual)) {
      assertSame(part, (expected as Record<string, unknown>)[key], `${where}.${key}`);
    }
  } else assert.deepEqual(actual, expected, where);
}
