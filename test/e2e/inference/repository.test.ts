/** A pod whose repository changes while it runs, seen from outside. */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import path from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { scalingModel } from '../../unit/inference/onnx-writer.ts';
import { inferBody, makeRepository, type PodProcess, type Reply, startPod } from './pod-process.ts';

const BODY = inferBody('x', [[1, 1]]);
const POLL = ['--repository-poll-ms', '50'];
const EXPLICIT = ['--model-control', 'explicit'];

interface Started {
  readonly pod: PodProcess;
  /** Puts a model there as careful writers do: whole, by a rename. */
  put(name: string, version: number, bytes: Uint8Array): void;
  readonly folder: string;
}

async function start(
  t: TestContext,
  models: Readonly<Record<string, Uint8Array>>,
  args: readonly string[],
): Promise<Started> {
  const repository = makeRepository(models);
  t.after(() => repository.remove());
  const pod = await startPod(['--repository', repository.path, ...args]);
  t.after(() => pod.stop());
  const put = (name: string, version: number, bytes: Uint8Array): void => {
    const parts = path.join(repository.path, `.${name}-${version}`);
    mkdirSync(parts);
    writeFileSync(path.join(parts, 'model.onnx'), bytes);
    mkdirSync(path.join(repository.path, name), { recursive: true });
    renameSync(parts, path.join(repository.path, name, String(version)));
  };
  return { pod, put, folder: repository.path };
}

function infer(pod: PodProcess, name: string): Promise<Reply> {
  return pod.post(`/v2/models/${name}/infer`, BODY);
}

const NO_MODEL = Buffer.from('no model');

describe('a new version', () => {
  test('takes over under load without an error', async (t) => {
    const { pod, put } = await start(t, { m: scalingModel(1) }, POLL);
    const seen = new Map<string, number>();
    let done = false;
    const clients = Array.from({ length: 4 }, async () => {
      while (!done) {
        const { status, json } = await infer(pod, 'm');
        const key = `${status} ${json.model_version} ${json.outputs?.[0].data[0]}`;
        seen.set(key, (seen.get(key) ?? 0) + 1);
        if (json.model_version === '5') done = true;
      }
    });
    for (let version = 2; version <= 5; version++) {
      put('m', version, scalingModel(version));
      await until(async () => (await pod.get('/v2/models/m')).json.versions[0] === String(version));
    }
    await Promise.all(clients);
    const expected = [1, 2, 3, 4, 5].map((version) => `200 ${version} ${version}`);
    assert.deepEqual(
      [...seen.keys()].filter((key) => !expected.includes(key)),
      [],
    );
    assert.ok(seen.has('200 1 1') && seen.has('200 5 5'), [...seen.keys()].join());
  });

  test('does not get requests whose headers came before', async (t) => {
    const { pod, put } = await start(t, { m: scalingModel(1) }, POLL);
    const text = JSON.stringify(BODY);
    const sent = request({
      port: pod.port,
      path: '/v2/models/m/infer',
      method: 'POST',
      headers: { 'content-length': text.length },
    });
    const answer = new Promise<string>((resolve, reject) => {
      sent.on('error', reject);
      sent.on('response', (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          body += part;
        });
        response.on('end', () => resolve(body));
      });
    });
    sent.write(text.slice(0, 10));
    // The pod has seen the headers once it has answered what was sent later.
    await pod.get('/v2');
    put('m', 2, scalingModel(2));
    await until(async () => (await pod.get('/v2/models/m')).json.versions[0] === '2');
    sent.end(text.slice(10));
    const { model_version: version, outputs } = JSON.parse(await answer);
    assert.deepEqual([version, outputs[0].data], ['1', [1, 1]]);
    await until(() => pod.output().includes('"msg":"unloaded"'));
  });
});

describe('a broken model', () => {
  test('says why wherever one looks, and leaves the pod ready', async (t) => {
    const { pod, put } = await start(t, { good: scalingModel(1), broken: NO_MODEL }, POLL);
    const ready = await pod.get('/v2/health/ready');
    assert.equal(ready.status, 200);
    const [{ name, version, reason }] = ready.json.unavailable;
    assert.deepEqual([name, version], ['broken', '1']);
    assert.match(reason, /[Pp]rotobuf/);
    const modelReady = await pod.get('/v2/models/broken/ready');
    assert.deepEqual([modelReady.status, modelReady.json.ready], [503, false]);
    assert.match(modelReady.json.reason, /[Pp]rotobuf/);
    for (const reply of [await pod.get('/v2/models/broken'), await infer(pod, 'broken')]) {
      assert.equal(reply.status, 503);
      assert.match(reply.json.error, /model "broken", version 1, is not served at present: /);
    }
    const index = await pod.post('/v2/repository/index', '');
    assert.deepEqual(
      index.json.map((entry: Record<string, string>) => [entry['name'], entry['state']]),
      [
        ['broken', 'UNAVAILABLE'],
        ['good', 'READY'],
      ],
    );
    put('broken', 2, scalingModel(4));
    await until(async () => (await infer(pod, 'broken')).status === 200);
    assert.deepEqual((await pod.get('/v2/health/ready')).json, { ready: true });
  });

  test('is a reason for a strict pod not to be ready', async (t) => {
    const args = [...POLL, '--strict-readiness'];
    const { pod } = await start(t, { good: scalingModel(1), broken: NO_MODEL }, args);
    assert.equal((await pod.get('/v2/health/ready')).status, 503);
    assert.equal((await infer(pod, 'good')).status, 200);
  });
});

describe('by request', () => {
  const model = '/v2/repository/models/m';

  test('models are loaded and unloaded, as Triton has it', async (t) => {
    const { pod, put } = await start(t, { m: scalingModel(1) }, EXPLICIT);
    assert.equal((await pod.get('/v2/health/ready')).status, 200);
    assert.equal((await infer(pod, 'm')).status, 503);
    assert.deepEqual(await pod.post(`${model}/load`, '').then(({ json }) => json), {});
    assert.equal((await infer(pod, 'm')).json.outputs[0].data[0], 1);
    put('m', 2, scalingModel(2));
    assert.equal((await pod.post(`${model}/load`, {})).status, 200);
    assert.equal((await infer(pod, 'm')).json.outputs[0].data[0], 2);
    const ready = await pod.post('/v2/repository/index', { ready: true });
    assert.deepEqual(ready.json, [{ name: 'm', version: '2', state: 'READY', reason: '' }]);
    const unload = { parameters: { unload_dependents: true } };
    assert.equal((await pod.post(`${model}/unload`, unload)).status, 200);
    assert.equal((await infer(pod, 'm')).status, 503);
    assert.deepEqual((await pod.post('/v2/repository/index', { ready: true })).json, []);
  });

  const refusals: [string, string, object | string, number, RegExp][] = [
    ['an unknown model', '/v2/repository/models/nope/load', {}, 404, /has no such model/],
    ['a path', '/v2/repository/models/..%2Fm/load', {}, 404, /has no such model/],
    ['a model that was never there', '/v2/repository/models/nope/unload', {}, 404, /never loaded/],
    [
      'a configuration from outside',
      `${model}/load`,
      { parameters: { config: '{}' } },
      400,
      /parameter "config" is not supported; change the repository/,
    ],
    ['a body that is no JSON', `${model}/load`, '{', 400, /must be a JSON object, or empty/],
    ['a broken model', '/v2/repository/models/broken/load', {}, 400, /failed to load "broken": /],
  ];
  test('what cannot be done is refused', async (t) => {
    const { pod } = await start(t, { m: scalingModel(1), broken: NO_MODEL }, EXPLICIT);
    for (const [name, target, body, status, expected] of refusals) {
      const reply = await pod.post(target, body);
      assert.equal(reply.status, status, name);
      assert.match(reply.json.error, expected, name);
    }
    assert.equal((await pod.get(`${model}/load`)).status, 405);
  });

  test('is refused where the repository is polled', async (t) => {
    const { pod } = await start(t, { m: scalingModel(1) }, POLL);
    const { status, json } = await pod.post(`${model}/unload`, {});
    assert.equal(status, 400);
    assert.match(json.error, /--model-control explicit/);
    assert.equal((await infer(pod, 'm')).status, 200);
  });
});

describe('what was counted', () => {
  test('is told in the shape of Triton', async (t) => {
    const { pod } = await start(t, { m: scalingModel(1), other: scalingModel(2) }, POLL);
    for (let i = 0; i < 3; i++) await infer(pod, 'm');
    await pod.post(
      '/v2/models/m/infer',
      inferBody('x', [
        [1, 1],
        [2, 2],
      ]),
    );
    for (const target of ['/v2/models/m/stats', '/v2/models/m/versions/1/stats']) {
      const { model_stats: stats } = (await pod.get(target)).json;
      assert.equal(stats.length, 1);
      assert.deepEqual(
        [stats[0].name, stats[0].version, stats[0].inference_count, stats[0].execution_count],
        ['m', '1', 5, 4],
      );
      assert.equal(stats[0].inference_stats.success.count, 4);
      assert.ok(stats[0].inference_stats.compute_infer.ns > 0);
      assert.deepEqual(
        stats[0].batch_stats.map(
          ({
            batch_size,
            compute_infer,
          }: {
            batch_size: number;
            compute_infer: { count: number };
          }) => [batch_size, compute_infer.count],
        ),
        [
          [1, 3],
          [2, 1],
        ],
      );
    }
    const all = (await pod.get('/v2/models/stats')).json.model_stats;
    assert.deepEqual(
      all.map(({ name }: { name: string }) => name),
      ['m', 'other'],
    );
    assert.equal((await pod.get('/v2/models/nope/stats')).status, 404);
  });

  test('and configured, too', async (t) => {
    const { pod, folder } = await start(t, { m: scalingModel(1) }, POLL);
    writeFileSync(path.join(folder, 'm/config.yaml'), 'batching: { maxRows: 8, maxDelayMs: 0.5 }');
    await until(async () => (await pod.get('/v2/models/m/config')).json.max_batch_size === 8);
    const { json } = await pod.get('/v2/models/m/config');
    assert.equal(json.dynamic_batching.max_queue_delay_microseconds, 500);
    assert.deepEqual(json.input, [{ name: 'x', data_type: 'TYPE_FP32', dims: [2] }]);
  });
});

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}
