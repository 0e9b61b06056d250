/** Spans as a collector gets them, from OpenTelemetry's own exporter. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { RequestError } from '../../../inference/protocol/errors.ts';
import type { InferRequest } from '../../../inference/protocol/infer-request.ts';
import type { CallWatch, InferCall } from '../../../inference/telemetry/infer-watcher.ts';
import { startTracing, type Tracing } from '../../../inference/telemetry/tracing.ts';
import { type OtlpReceiver, startOtlpReceiver } from './otlp-receiver.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const MODEL = { name: 'digits', version: '3', inputs: [], outputs: [] };
const REQUEST: InferRequest = {
  id: undefined,
  inputs: [{ data: new Float32Array(4), shape: [2, 2] }],
  outputs: [],
};
const TIMING = { queueMs: 5, computeMs: 2, batchRows: 8 };

async function start(
  t: TestContext,
  environment: Record<string, string> = {},
): Promise<[Tracing, OtlpReceiver, string[]]> {
  const receiver = await startOtlpReceiver();
  t.after(() => receiver.close());
  const added = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, ...environment };
  // The exporter reads the real environment.
  Object.assign(process.env, added);
  t.after(() => {
    for (const name of Object.keys(added)) delete process.env[name];
  });
  const warnings: string[] = [];
  const tracing = await startTracing(process.env, '1.2', (message) => warnings.push(message));
  assert.ok(tracing);
  return [tracing, receiver, warnings];
}

function callOf(
  protocol: InferCall['protocol'],
  headers: Record<string, string> = {},
  more: Partial<InferCall> = {},
): InferCall {
  return { protocol, header: (name) => headers[name], ...more };
}

function begin({ watcher }: Tracing, call: InferCall): CallWatch {
  const watch = watcher.begin(MODEL, REQUEST, call);
  assert.ok(watch);
  return watch;
}

test("an inference is a server span in its caller's trace, over those of its wait and its run", async (t) => {
  const [tracing, receiver, warnings] = await start(t, {
    OTEL_SERVICE_NAME: 'my-models',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
  });
  const headers = { traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: 'vendor=x' };
  const path = '/v2/models/digits/infer?x=1';
  begin(tracing, callOf('http', headers, { path })).answered([], TIMING);
  await tracing.close();
  assert.deepEqual(warnings, []);
  assert.equal(receiver.spans.length, 3);
  const [queue, compute, server] = [
    'inference.queue',
    'inference.compute',
    'POST /v2/models/{model}/infer',
  ].map((name) => receiver.spans.find((span) => span.name === name));
  assert.ok(queue && compute && server, receiver.spans.map(({ name }) => name).join());
  assert.deepEqual(
    [server.traceId, server.parentSpanId, server.traceState, server.isServer, server.statusCode],
    [TRACE, PARENT, 'vendor=x', true, 0],
  );
  assert.deepEqual(server.attributes, {
    'http.request.method': 'POST',
    'http.route': '/v2/models/{model}/infer',
    'url.path': '/v2/models/digits/infer',
    'http.response.status_code': 200,
    'modelweir.model.name': 'digits',
    'modelweir.model.version': '3',
    'modelweir.request.rows': 2,
  });
  for (const child of [queue, compute]) {
    assert.deepEqual([child.traceId, child.parentSpanId], [TRACE, server.spanId]);
  }
  assert.deepEqual(compute.attributes, { 'modelweir.batch.rows': 8 });
  const nearMs = (ns: bigint, ms: number): void =>
    assert.ok(Math.abs(Number(ns) / 1e6 - ms) < 0.01);
  nearMs(queue.endNs - queue.startNs, 5);
  nearMs(compute.endNs - compute.startNs, 2);
  nearMs(compute.startNs - queue.endNs, 0);
  assert.equal(server.resource['service.name'], 'my-models');
  assert.equal(server.resource['service.version'], '1.2');
  assert.equal(server.resource['deployment.environment.name'], 'test');
});

test("failures say why, and only the pod's own are errors", async (t) => {
  const [tracing, receiver] = await start(t);
  begin(tracing, callOf('http')).failed(new RequestError('invalid-argument', 'no'));
  begin(tracing, callOf('http')).failed(new RequestError('exhausted', 'full'));
  begin(tracing, callOf('grpc')).failed(new RequestError('internal', 'broken'));
  begin(tracing, callOf('openai', {}, { path: '/v1/embeddings' })).dropped();
  await tracing.close();
  const seen = receiver.spans.map(({ name, attributes, statusCode }) => [
    name,
    attributes['error.type'],
    attributes['http.response.status_code'] ?? attributes['rpc.response.status_code'],
    statusCode,
  ]);
  const infer = 'POST /v2/models/{model}/infer';
  assert.deepEqual(seen, [
    [infer, 'invalid-argument', 400, 0],
    [infer, 'exhausted', 429, 0],
    ['inference.GRPCInferenceService/ModelInfer', 'internal', 'INTERNAL', 2],
    ['POST /v1/embeddings', 'cancelled', undefined, 0],
  ]);
  assert.equal(receiver.spans[0]?.parentSpanId, '');
});

test('what the caller does not sample is not sampled, nor what the sampler leaves out', async (t) => {
  const [tracing, receiver] = await start(t, { OTEL_TRACES_SAMPLER: 'parentbased_always_off' });
  const watch = (flags: string) =>
    tracing.watcher.begin(
      MODEL,
      REQUEST,
      callOf('http', { traceparent: `00-${TRACE}-${PARENT}-${flags}` }),
    );
  assert.equal(watch('00'), undefined);
  assert.equal(tracing.watcher.begin(MODEL, REQUEST, callOf('http')), undefined);
  watch('01')?.answered([], TIMING);
  await tracing.close();
  assert.equal(receiver.spans.length, 3);
});

test('a traceparent that is none begins a new trace', async (t) => {
  const [tracing, receiver] = await start(t);
  begin(tracing, callOf('http', { traceparent: '00-zz-yy-01' })).answered([], TIMING);
  await tracing.close();
  const server = receiver.spans.find(({ isServer }) => isServer);
  assert.match(server?.traceId ?? '', /^[0-9a-f]{32}$/);
  assert.equal(server?.parentSpanId, '');
});

test('spans that find no room are dropped, and the rest is sent in batches', async (t) => {
  const [tracing, receiver] = await start(t, {
    OTEL_BSP_MAX_QUEUE_SIZE: '10',
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10',
  });
  for (let i = 0; i < 100; i++) {
    begin(tracing, callOf('http')).failed(new RequestError('internal', 'no'));
  }
  await tracing.close();
  assert.ok(receiver.spans.length >= 10 && receiver.spans.length <= 20, `${receiver.spans.length}`);
});

test('a collector that is not there is told to the log, and nothing waits for it', async (t) => {
  const [tracing, receiver, warnings] = await start(t, { OTEL_BSP_EXPORT_TIMEOUT: '1000' });
  await receiver.close();
  begin(tracing, callOf('http')).answered([], TIMING);
  await tracing.close();
  assert.match(warnings.join('\n'), /^traces: /);
});
