/** Traces of a real pod, as a collector gets them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type OtlpReceiver, startOtlpReceiver } from '../../unit/inference/otlp-receiver.ts';
import { inferRequest, PodClient } from './grpc-client.ts';
import { EXAMPLES, inferBody, type PodProcess, startPod } from './pod-process.ts';

const ARGS = ['--repository', EXAMPLES, '--models', 'tiny'];
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const BODY = inferBody('x', [
  [1, 0, 1],
  [0, 1, 0],
]);
/** Says on stdout which modules of OpenTelemetry are loaded, but for the API, which prom-client loads. */
const TELLS_IMPORTS = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({
    resolve(specifier, context, next) {
      if (/^@opentelemetry.(?!api$)/.test(specifier)) console.log('LOADED ' + specifier);
      return next(specifier, context);
    },
  });
`)}`;

async function start(
  t: TestContext,
  environment: Record<string, string> = {},
): Promise<[PodProcess, OtlpReceiver]> {
  const receiver = await startOtlpReceiver();
  t.after(() => receiver.close());
  const traced = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, ...environment };
  const pod = await startPod(ARGS, ['--import', TELLS_IMPORTS], traced);
  t.after(() => pod.stop());
  return [pod, receiver];
}

test("a request's spans are in its caller's trace, and those not yet sent are sent when it drains", async (t) => {
  // The schedule alone would send them in an hour.
  const [pod, receiver] = await start(t, { OTEL_BSP_SCHEDULE_DELAY: '3600000' });
  const headers = { traceparent: `00-${TRACE}-${PARENT}-01` };
  assert.equal((await pod.post('/v2/models/tiny/infer', BODY, headers)).status, 200);
  assert.equal((await pod.post('/v2/models/tiny/versions/1/infer', '{', headers)).status, 400);
  pod.signal('SIGTERM');
  assert.equal(await pod.exited, 0, pod.output());
  assert.match(pod.output(), /LOADED @opentelemetry\/sdk-trace/);
  assert.equal(receiver.spans.length, 4);
  assert.deepEqual([...new Set(receiver.spans.map(({ traceId }) => traceId))], [TRACE]);
  const [served, refused] = receiver.spans
    .filter(({ isServer }) => isServer)
    .sort((a, b) => Number(a.startNs - b.startNs));
  assert.ok(served && refused);
  assert.deepEqual([served.parentSpanId, refused.parentSpanId], [PARENT, PARENT]);
  assert.equal(served.attributes['modelweir.request.rows'], 2);
  assert.equal(served.attributes['http.response.status_code'], 200);
  assert.equal(served.resource['service.name'], 'modelweir-inference');
  assert.equal(refused.name, 'POST /v2/models/{model}/versions/{version}/infer');
  assert.equal(refused.attributes['error.type'], 'invalid-argument');
  const [queue, compute] = ['inference.queue', 'inference.compute'].map((name) =>
    receiver.spans.find((span) => span.name === name),
  );
  assert.ok(queue && compute);
  assert.deepEqual([queue.parentSpanId, compute.parentSpanId], [served.spanId, served.spanId]);
  assert.ok(served.startNs <= queue.startNs && queue.endNs <= compute.startNs);
  assert.ok(compute.startNs < compute.endNs && compute.endNs <= served.endNs);
});

test('over gRPC the trace comes in the metadata', async (t) => {
  const receiver = await startOtlpReceiver();
  t.after(() => receiver.close());
  const environment = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    OTEL_BSP_SCHEDULE_DELAY: '1',
  };
  const pod = await startPod([...ARGS, '--grpc-port', '0'], [], environment);
  t.after(() => pod.stop());
  const client = new PodClient(pod);
  t.after(() => client.close());
  const metadata = { traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: 'vendor=x' };
  const good = inferRequest('tiny', 'x', [[1, 0, 1]]);
  assert.equal((await client.call('ModelInfer', good, { metadata })).code, 'OK');
  const bad = inferRequest('tiny', 'nothing', [[1, 0, 1]]);
  assert.equal((await client.call('ModelInfer', bad, { metadata })).code, 'INVALID_ARGUMENT');
  await receiver.waitFor(4);
  const servers = receiver.spans.filter(({ isServer }) => isServer);
  for (const { name, traceId, parentSpanId, traceState, attributes } of servers) {
    assert.equal(name, 'inference.GRPCInferenceService/ModelInfer');
    assert.deepEqual([traceId, parentSpanId, traceState], [TRACE, PARENT, 'vendor=x']);
    assert.equal(attributes['rpc.system.name'], 'grpc');
    assert.equal(attributes['http.route'], undefined);
  }
  const codes = servers.map(({ attributes }) => attributes['rpc.response.status_code']);
  assert.deepEqual(codes.sort(), ['INVALID_ARGUMENT', 'OK']);
});

test('an answer that is written has one span, whole or streamed or refused, with its tokens', async (t) => {
  const receiver = await startOtlpReceiver();
  t.after(() => receiver.close());
  const chats = ['--repository', EXAMPLES, '--models', 'tiny-chat'];
  const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint };
  const pod = await startPod(chats, [], environment);
  t.after(() => pod.stop());
  const headers = { traceparent: `00-${TRACE}-${PARENT}-01` };
  const chat = {
    model: 'tiny-chat',
    messages: [{ role: 'user', content: 'hello' }],
    max_tokens: 3,
    temperature: 0,
  };
  const path = '/v1/chat/completions';
  const whole = await pod.post(path, chat, headers);
  assert.equal(whole.status, 200);
  assert.equal((await pod.post(path, { ...chat, stream: true }, headers)).status, 200);
  assert.equal((await pod.post(path, { ...chat, n: 2 }, headers)).status, 400);
  const long = { model: 'tiny-chat', prompt: 'x'.repeat(20_000), max_tokens: 3 };
  assert.equal((await pod.post('/v1/completions', long, headers)).status, 400);
  pod.signal('SIGTERM');
  assert.equal(await pod.exited, 0, pod.output());
  assert.deepEqual(
    receiver.spans.map(({ name, parentSpanId, attributes }) => [
      ...[name, parentSpanId, attributes['http.response.status_code']],
      attributes['gen_ai.usage.output_tokens'],
    ]),
    [
      [`POST ${path}`, PARENT, 200, 3],
      [`POST ${path}`, PARENT, 200, 3],
      [`POST ${path}`, PARENT, 400, undefined],
      ['POST /v1/completions', PARENT, 400, undefined],
    ],
  );
  const [first] = receiver.spans;
  assert.equal(first?.attributes['gen_ai.operation.name'], 'chat');
  assert.equal(first?.attributes['gen_ai.usage.input_tokens'], whole.json.usage.prompt_tokens);
});

test('without an endpoint nothing of OpenTelemetry is loaded', async (t) => {
  const [pod, receiver] = await start(t, { OTEL_EXPORTER_OTLP_ENDPOINT: '' });
  assert.equal((await pod.post('/v2/models/tiny/infer', BODY)).status, 200);
  pod.signal('SIGTERM');
  assert.equal(await pod.exited, 0, pod.output());
  assert.doesNotMatch(pod.output(), /LOADED/);
  assert.equal(receiver.exports, 0);
});

test('a collector that is gone costs a warning, and no request', async (t) => {
  const [pod, receiver] = await start(t, {
    OTEL_BSP_SCHEDULE_DELAY: '1',
    OTEL_BSP_EXPORT_TIMEOUT: '200',
  });
  await receiver.close();
  for (let i = 0; i < 20; i++) {
    assert.equal((await pod.post('/v2/models/tiny/infer', BODY)).status, 200);
  }
  pod.signal('SIGTERM');
  assert.equal(await pod.exited, 0, pod.output());
  assert.match(pod.output(), /"msg":"traces: /);
});

test('a collector that never answers does not keep the pod from ending', async (t) => {
  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  t.after(() => {
    silent.closeAllConnections();
    silent.close();
  });
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` };
  const pod = await startPod(ARGS, [], endpoint);
  t.after(() => pod.stop());
  assert.equal((await pod.post('/v2/models/tiny/infer', BODY)).status, 200);
  pod.signal('SIGTERM');
  assert.equal(await pod.exited, 0, pod.output());
  assert.match(pod.output(), /not all traces and payloads could be handed over/);
});
