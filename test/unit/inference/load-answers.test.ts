/** Which answers carry the load, asked of a real server with a real model over a socket. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ModelCatalog } from '../../../inference/runtime/model-catalog.ts';
import { InferService } from '../../../inference/server/infer-service.ts';
import { PodMetrics } from '../../../inference/server/pod-metrics.ts';
import { PodServer } from '../../../inference/server/pod-server.ts';
import { pickyModel } from './onnx-writer.ts';
import { metricsOf } from './report-metrics.ts';
import { modelFile } from './runner-harness.ts';

const HEADER = 'endpoint-load-metrics';
const SERVER = {
  version: '0',
  // More than may be held, so that a long body is refused for now and not for ever.
  maxTensors: 8,
  maxElements: 1_000_000,
  maxBodyBytes: 2000,
  maxHeldBytes: 1000,
  maxConnections: 10,
  receiveTimeoutMs: 20_000,
};
const CATALOG = {
  workers: 1,
  maxBatchRows: 8,
  maxQueueRows: 64,
  requestTimeoutMs: 20_000,
  session: { threadsPerRun: 1 },
};

async function serve(t: TestContext, loadReport: boolean): Promise<string> {
  let catalog: ModelCatalog | undefined;
  const metrics = new PodMetrics(() => catalog);
  const service = new InferService(() => catalog, metrics, { loadReport });
  const server = new PodServer(SERVER, metrics, service);
  const base = `http://127.0.0.1:${await server.listen('127.0.0.1', 0)}`;
  const file = { name: 'picky', version: '1', path: modelFile(t, pickyModel()) };
  catalog = await ModelCatalog.load([file], CATALOG, ({ name, version }) =>
    metrics.observer(name, version, () => undefined),
  );
  server.serve(catalog);
  t.after(async () => {
    await server.drain(0);
    await catalog?.close();
  });
  return base;
}

/** The status, and the load that came with it. */
async function infer(base: string, data: string): Promise<[number, string | null]> {
  const answer = await fetch(`${base}/v2/models/picky/infer`, {
    method: 'POST',
    body: `{"inputs":[{"name":"x","shape":[1],"datatype":"INT64","data":[${data}]}]}`,
    headers: { connection: 'close' },
  });
  await answer.text();
  return [answer.status, answer.headers.get(HEADER)];
}

const TOO_MUCH_AT_PRESENT = `${' '.repeat(1500)}1`;

test('answers say how loaded the pod is, and so do failures that are its own', async (t) => {
  const base = await serve(t, true);
  const [status, report] = await infer(base, '2');
  assert.equal(status, 200);
  const served = metricsOf(report ?? '');
  assert.ok(Number(served.rps_fractional) > 0.1, `it counts the answer that it is in: ${report}`);
  assert.ok(Number(served.application_utilization) > 0);
  assert.equal(served.eps, 0);
  assert.equal(served['named_metrics.queue_rows'], 0);

  for (const [data, expected] of [
    [TOO_MUCH_AT_PRESENT, 429],
    ['77', 500],
  ] as const) {
    // A report is up to 5 ms old.
    await new Promise((resolve) => setTimeout(resolve, 20));
    const [status, report] = await infer(base, data);
    assert.equal(status, expected);
    assert.ok(Number(metricsOf(report ?? '').eps) > 0, String(report));
  }
});

test('answers to requests that are wrong, or that infer nothing, do not', async (t) => {
  const base = await serve(t, true);
  assert.deepEqual(await infer(base, '"no number"'), [400, null]);
  const health = await fetch(`${base}/v2/health/ready`, { headers: { connection: 'close' } });
  await health.text();
  assert.equal(health.headers.get(HEADER), null);
});

test('no answer does when it is turned off', async (t) => {
  const base = await serve(t, false);
  assert.deepEqual(await infer(base, '2'), [200, null]);
  assert.deepEqual(await infer(base, TOO_MUCH_AT_PRESENT), [429, null]);
});
