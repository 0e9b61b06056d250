/** What a pod's /metrics says of requests that went well and of those that did not. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { identityModel, slowModel } from '../../unit/inference/onnx-writer.ts';
import { inferBody, makeRepository, type PodProcess, startPod } from './pod-process.ts';

const repository = makeRepository({ slow: slowModel(4000), same: identityModel('FP32') });
let pod: PodProcess;
before(async () => {
  pod = await startPod(['--repository', repository.path, '--triton-metrics']);
});
after(async () => {
  await pod?.stop();
  repository.remove();
});

const SAME = { inputs: [{ name: 'x', shape: [1], datatype: 'FP32', data: [1] }] };
const SLOW_ROWS = 200;
const SLOW = inferBody('x', Array(SLOW_ROWS).fill(Array(256).fill(1)));

/** All series by name and labels as Prometheus reads them. */
async function series(of = pod): Promise<Map<string, number>> {
  const text = (await of.get('/metrics')).json as string;
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

test("Triton's counters are there under its endings, and under its names where that is asked for", async () => {
  for (let i = 0; i < 3; i++) await pod.post('/v2/models/same/infer', SAME);
  await pod.post('/v2/models/same/infer', '{');
  const metrics = await series();
  for (const prefix of ['modelweir_inference_', 'nv_inference_']) {
    const of = (ending: string, more = ''): number | undefined =>
      metrics.get(`${prefix}${ending}{model="same",version="1"${more}}`);
    assert.deepEqual([of('request_success'), of('count')], [3, 3]);
    assert.ok(Number(of('exec_count')) >= 1);
    const [total, queue, infer] = ['request', 'queue', 'compute_infer'].map((name) =>
      Number(of(`${name}_duration_us`)),
    );
    assert.ok(queue && infer && total && total >= queue + infer, `${total}, ${queue}, ${infer}`);
    assert.equal(of('request_failure', ',reason="OTHER"'), 1);
    assert.equal(of('request_failure', ',reason="REJECTED"'), 0);
  }
  assert.equal(metrics.get('modelweir_inference_requests_total{model="same",code="400"}'), 1);
});

test('where a model runs is a gauge: it may leave the event loop', async () => {
  const placesOf = async (model: string): Promise<(number | undefined)[]> => {
    const metrics = await series();
    return ['inline', 'worker'].map((place) =>
      metrics.get(
        `modelweir_inference_execution{model="${model}",version="1",execution="${place}"}`,
      ),
    );
  };
  assert.deepEqual(await placesOf('slow'), [undefined, 1]);
  assert.deepEqual(await placesOf('same'), [1, undefined]);
  const data = Array(2000).fill(1);
  const large = { inputs: [{ name: 'x', shape: [2000], datatype: 'FP32', data }] };
  assert.equal((await pod.post('/v2/models/same/infer', large)).json.outputs[0].data.length, 2000);
  assert.deepEqual(await placesOf('same'), [undefined, 1]);
  const metrics = await series();
  assert.equal(
    metrics.get('modelweir_inference_execution_moves_total{model="same",version="1"}'),
    1,
  );
  assert.match(pod.output(), /runs move from the event loop to workers/);
});

test('what a model runs on and what is held are gauges', async () => {
  const metrics = await series();
  const labels = 'model="same",version="1",provider="cpu"';
  assert.equal(metrics.get(`modelweir_inference_provider{${labels}}`), 1);
  assert.equal(metrics.get('modelweir_inference_held_bytes'), 0);
  const slow = pod.post('/v2/models/slow/infer', SLOW);
  while ((await series()).get('modelweir_inference_held_bytes') === 0);
  assert.equal((await slow).status, 200);
  assert.equal((await series()).get('modelweir_inference_held_bytes'), 0);
});

test('names that nobody serves make no series', async () => {
  for (let i = 0; i < 5; i++) await pod.post(`/v2/models/nobody${i}/infer`, SAME);
  const metrics = await series();
  assert.equal(metrics.get('modelweir_inference_requests_total{model="",code="404"}'), 5);
  assert.ok(![...metrics.keys()].some((name) => name.includes('nobody')));
});

test("a request's own timeout is kept, whoever sets it", async () => {
  const timed = { ...SLOW, parameters: { timeout: 5000 } };
  assert.equal((await pod.post('/v2/models/slow/infer', timed)).status, 504);
  const headers = { 'x-envoy-expected-rq-timeout-ms': '5' };
  assert.equal((await pod.post('/v2/models/slow/infer', SLOW, headers)).status, 504);
  const long = { 'x-envoy-expected-rq-timeout-ms': '60000' };
  assert.equal((await pod.post('/v2/models/slow/infer', SLOW, long)).status, 200);
  const wrong = { ...SAME, parameters: { timeout: 'soon' } };
  const { status, json } = await pod.post('/v2/models/same/infer', wrong);
  assert.equal(status, 400);
  assert.match(json.error, /"timeout" must be an integer/);
  const metrics = await series();
  const failed = 'modelweir_inference_request_failure{model="slow",version="1",reason="REJECTED"}';
  assert.equal(metrics.get(failed), 2);
});

test('series of a version that is gone from the repository go too, and are counted until then', async (t) => {
  const own = makeRepository({ stays: identityModel('FP32'), goes: identityModel('FP32') });
  t.after(() => own.remove());
  const args = ['--model-control', 'poll', '--repository-poll-ms', '20'];
  const pod = await startPod(['--repository', own.path, ...args]);
  t.after(() => pod.stop());
  for (const model of ['stays', 'goes']) {
    assert.equal((await pod.post(`/v2/models/${model}/infer`, SAME)).status, 200);
    assert.equal((await pod.post(`/v2/models/${model}/infer`, '{')).status, 400);
  }
  const namesOf = async (model: string): Promise<string[]> => {
    const names = [...(await series(pod)).keys()].filter((key) => key.includes(`"${model}"`));
    return names.map((name) => name.replace(model, 'MODEL'));
  };
  assert.deepEqual(await namesOf('goes'), await namesOf('stays'));
  rmSync(path.join(own.path, 'goes'), { recursive: true });
  const unloaded = 'modelweir_inference_model_loads_total{model="goes",outcome="unloaded"}';
  while ((await series(pod)).get(unloaded) !== 1) await setTimeout(10);
  const left = (await namesOf('goes')).filter((name) => name.includes('version='));
  assert.deepEqual(left, []);
  assert.ok((await namesOf('stays')).some((name) => name.includes('version=')));
});
