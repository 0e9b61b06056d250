/** What the service learns of a call over gRPC, and how the server behaves before it has models. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ModelCatalog } from '../../../inference/runtime/model-catalog.ts';
import { GrpcServer } from '../../../inference/server/grpc/grpc-server.ts';
import { type InferCall, InferService } from '../../../inference/server/infer-service.ts';
import { PodMetrics } from '../../../inference/server/pod-metrics.ts';
import { inferRequest, PodClient } from '../../e2e/inference/grpc-client.ts';
import { identityModel } from './onnx-writer.ts';
import { modelFile } from './runner-harness.ts';

const SERVER = {
  version: '0',
  maxTensors: 8,
  maxElements: 1000,
  maxBodyBytes: 2000,
  maxHeldBytes: 4000,
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
const REQUEST = inferRequest('floats', 'x', [[1]]);

async function serve(t: TestContext) {
  const calls: InferCall[] = [];
  let catalog: ModelCatalog | undefined;
  const metrics = new PodMetrics(() => catalog);
  const watchers = [
    {
      begin: (_model: unknown, _request: unknown, call: InferCall) => {
        calls.push(call);
        return undefined;
      },
    },
  ];
  const service = new InferService(() => catalog, metrics, { loadReport: false, watchers });
  const server = new GrpcServer(SERVER, service, () => catalog);
  const client = new PodClient(await server.listen('127.0.0.1', 0));
  t.after(async () => {
    client.close();
    await server.drain(0);
    await catalog?.close();
  });
  const load = async (): Promise<void> => {
    const model = identityModel('FP32', ['N', 'D']);
    const file = { name: 'floats', version: '1', path: modelFile(t, model) };
    catalog = await ModelCatalog.load([file], CATALOG, ({ name, version }) =>
      metrics.observer(name, version, () => undefined),
    );
  };
  return { client, calls, load };
}

test('metadata, deadline and arrival of a call reach who watches it', async (t) => {
  const { client, calls, load } = await serve(t);
  await load();
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const startMs = performance.now();
  const options = { metadata: { traceparent }, deadlineMs: 60_000 };
  assert.equal((await client.call('ModelInfer', REQUEST, options)).code, 'OK');
  assert.equal(
    (await client.call('ModelInfer', { ...REQUEST, inputs: [] })).code,
    'INVALID_ARGUMENT',
  );
  const [first, refused] = calls;
  assert.equal(first?.protocol, 'grpc');
  assert.equal(first?.header('traceparent'), traceparent);
  assert.equal(first?.header('tracestate'), undefined);
  assert.ok((first?.startMs ?? 0) >= startMs);
  const leftMs = (first?.deadlineMs ?? 0) - startMs;
  assert.ok(leftMs > 0 && leftMs <= 61_000, `${leftMs}`);
  assert.equal(refused?.deadlineMs, undefined);
});

test('while models are being loaded the server is live and not ready, and refuses for now', async (t) => {
  const { client, load } = await serve(t);
  assert.equal((await client.call('ServerLive', {})).message.live, true);
  assert.equal((await client.call('ServerReady', {})).message.ready, false);
  assert.equal((await client.call('ModelReady', { name: 'floats' })).message.ready, false);
  assert.equal((await client.call('Check', {})).message.status, 'NOT_SERVING');
  const states: string[] = [];
  const watch = client.watch('').on('error', () => undefined);
  const changed = new Promise<void>((resolve) => {
    watch.on('data', ({ status }) => {
      if (states.push(status) === 2) resolve();
    });
  });
  for (const method of ['ModelInfer', 'ModelMetadata', 'RepositoryIndex']) {
    const { code, details } = await client.call(method, method === 'ModelInfer' ? REQUEST : {});
    assert.deepEqual([code, details], ['UNAVAILABLE', 'the models are being loaded; try again']);
  }
  await load();
  await changed;
  assert.deepEqual(states, ['NOT_SERVING', 'SERVING']);
  assert.equal((await client.call('ModelInfer', REQUEST)).code, 'OK');
});

test('without explicit control models are not loaded by request', async (t) => {
  const { client, load } = await serve(t);
  await load();
  for (const method of ['RepositoryModelLoad', 'RepositoryModelUnload']) {
    const { code, details } = await client.call(method, { model_name: 'floats' });
    assert.equal(code, 'INVALID_ARGUMENT');
    assert.match(details, /--model-control explicit/);
  }
});
