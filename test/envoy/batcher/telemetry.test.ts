/** A request that was joined is seen by Envoy, by its log and by its counts as one that was not; or it is not joined. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { httpLoad, type Outcome } from '../../harness/http-load.ts';
import { until } from '../../harness/until.ts';
import {
  embeddingsMessage,
  inferMessage,
  serve as served,
} from '../../unit/batcher/model-server.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from '../protocols/resources.ts';
import { samples, sum } from '../splitting/prometheus.ts';
import { batchSize } from './infer-client.ts';
import { type ModelBackend, replyOf, requestOf, startModelBackend } from './model-backend.ts';

const CALL_MS = 40;
const CLIENTS = 12;
const REQUESTS = 96;
const BATCHING = { maxDelayMs: 1_000 };
const NO_BATCH = new Set([undefined, null, '', '-']);

type Fields = Readonly<Record<string, unknown>>;

interface Parts {
  readonly backend: ModelBackend;
  readonly mesh: ServedMesh;
}

async function start(
  t: TestContext,
  spec: Fields,
  { backendSpec = {}, args = [] as readonly string[] } = {},
): Promise<Parts> {
  const backend = await startModelBackend({ delayMs: () => CALL_MS });
  t.after(() => backend.stop());
  const protocol = { protocol: 'OpenInference', ...backendSpec };
  const resources = [
    modelBackend('digits', backend.port, protocol),
    modelRoute('digits', ['digits'], ['digits'], { batching: BATCHING, ...spec }),
  ];
  const mesh = await serve(resources, args);
  t.after(() => mesh.stop());
  return { backend, mesh };
}

async function load({ mesh }: Parts): Promise<readonly Outcome[]> {
  const outcomes = await httpLoad({
    connections: CLIENTS,
    count: REQUESTS,
    request: (i) => requestOf(mesh.url, inferMessage(i)),
  });
  for (const outcome of outcomes) {
    assert.deepEqual(replyOf(outcome), served(inferMessage(outcome.index)));
  }
  return outcomes;
}

const joinedOf = (outcomes: readonly Outcome[]): Outcome[] =>
  outcomes.filter((outcome) => batchSize(outcome) > 1);

test('the router counts each request, the cluster each call', async (t) => {
  const parts = await start(t, {});
  const joined = joinedOf(await load(parts));
  assert.ok(joined.length > REQUESTS / 2);
  const all = await samples(parts.mesh.envoy);
  const routed = { route: 'default/digits', variant: 'digits', outcome: 'routed' };
  assert.equal(sum(all, 'modelweir_router_requests_total', routed), REQUESTS);
  const calls = parts.backend.served.length;
  assert.ok(calls < REQUESTS / 2);
  const stats = await parts.mesh.envoy.stats(/^cluster\.default\/digits\.upstream_rq/);
  assert.equal(stats.get('cluster.default/digits.upstream_rq_total'), calls);
  assert.equal(stats.get('cluster.default/digits.upstream_rq_200'), calls);
  assert.equal(stats.get('cluster.default/digits.upstream_rq_active'), 0);
});

test('the log has a line for each request, joined or not, that says the same of it but for its upstream', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'modelweir-log-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'access.log');
  const parts = await start(t, {}, { args: ['--access-log', file] });
  const joined = joinedOf(await load(parts));
  await parts.mesh.envoy.stop();
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  const entries: Record<string, unknown>[] = lines.map((line) => JSON.parse(line));
  assert.equal(entries.length, REQUESTS);
  const said = ({
    method,
    path,
    route,
    model,
    variant,
    reason,
    configuration,
    status,
  }: Fields) => ({
    ...{ method, path, route, model, variant, reason, configuration, status },
  });
  for (const entry of entries) assert.deepEqual(said(entry), said(entries[0] ?? {}));
  assert.deepEqual(
    { route: entries[0]?.['route'], model: entries[0]?.['model'], status: entries[0]?.['status'] },
    { route: 'default/digits', model: 'digits', status: 200 },
  );
  const inBatch = entries.filter(({ batch }) => !NO_BATCH.has(batch as string));
  assert.equal(inBatch.length, joined.length);
  for (const entry of inBatch) {
    assert.equal(entry['details'], 'modelweir_batch');
    assert.ok(Number(entry['bytesSent']) > 0 && Number(entry['bytesReceived']) > 0);
  }
});

test('a breaker counts a call as one request: a batch of eleven is no overload', async (t) => {
  // One that comes back, and the next one that goes while the breaker still counts it.
  const parts = await start(t, {}, { backendSpec: { maxRequests: 2 } });
  assert.ok(joinedOf(await load(parts)).length > REQUESTS / 2);
  const overflows = await parts.mesh.envoy.stats(/^cluster\.default\/digits\..*overflow$/);
  assert.equal(Math.max(...overflows.values()), 0);
});

test('a call that a breaker stops is sent again by each alone, and nobody waits for the time limit', async (t) => {
  const spec = { batching: { maxDelayMs: 5 }, timeoutMs: 5_000 };
  const { mesh } = await start(t, spec, { backendSpec: { maxRequests: 1 } });
  const outcomes = await httpLoad({
    connections: CLIENTS,
    count: REQUESTS,
    request: (i) => requestOf(mesh.url, inferMessage(i)),
  });
  for (const outcome of outcomes) {
    if (outcome.answer?.status === 200) {
      assert.deepEqual(replyOf(outcome), served(inferMessage(outcome.index)));
    } else assert.equal(outcome.answer?.status, 503);
    assert.ok((outcome.answer?.latencyMs ?? 0) < 5_000);
  }
  const all = await samples(mesh.envoy);
  assert.ok(sum(all, 'modelweir_batcher_batches_total', { outcome: 'failed' }) > 0);
});

test('without size headers a client does not see that it shared a call', async (t) => {
  const parts = await start(t, { batching: { ...BATCHING, sizeHeaders: false } });
  for (const { answer } of await load(parts)) {
    const own = Object.keys(answer?.headers ?? {}).filter((name) => name.includes('-batch-'));
    assert.deepEqual(own, []);
  }
  const all = await samples(parts.mesh.envoy);
  assert.ok(sum(all, 'modelweir_batcher_requests_total', { outcome: 'joined' }) > REQUESTS / 2);
});

test('what is drawn for its shadow is copied and not joined, the rest is joined and not copied', async (t) => {
  const primary = await startModelBackend({ delayMs: () => CALL_MS });
  t.after(() => primary.stop());
  const shadow = await startModelBackend();
  t.after(() => shadow.stop());
  const routeOf = (name: string, shareBasisPoints: number) =>
    modelRoute(name, [name], [], {
      batching: BATCHING,
      shadow: { variant: 'canary', shareBasisPoints, maxConcurrent: 1_000 },
      variants: ['stable', 'canary'].map((variant) => ({
        name: variant,
        backendRef: { name: variant },
        weight: variant === 'stable' ? 1 : 0,
      })),
    });
  const mesh = await serve([
    modelBackend('stable', primary.port, { protocol: 'OpenInference' }),
    modelBackend('canary', shadow.port, { protocol: 'OpenInference' }),
    routeOf('copied', 10_000),
    routeOf('half', 5_000),
  ]);
  t.after(() => mesh.stop());
  const ask = async (model: string) => {
    const copies = shadow.served.length;
    const outcomes = await httpLoad({
      connections: CLIENTS,
      count: REQUESTS,
      request: (i) => ({
        ...requestOf(mesh.url, inferMessage(i)),
        url: `${mesh.url}/v2/models/${model}/infer`,
      }),
    });
    for (const outcome of outcomes) {
      assert.deepEqual(replyOf(outcome), served(inferMessage(outcome.index)));
    }
    const joined = joinedOf(outcomes).length;
    const labels = { route: `default/${model}` };
    const drawn = sum(await samples(mesh.envoy), 'modelweir_shadow_requests_total', labels);
    await until('all copies came', () => shadow.served.length - copies >= drawn);
    assert.equal(shadow.served.length - copies, drawn);
    return { joined, drawn };
  };
  assert.deepEqual(await ask('copied'), { joined: 0, drawn: REQUESTS });
  const half = await ask('half');
  assert.ok(half.drawn > 20 && half.drawn < 76, `${half.drawn} were drawn`);
  assert.ok(half.joined > 5 && half.joined <= REQUESTS - half.drawn, `${half.joined} were joined`);
});

test('embeddings whose route counts tokens are not joined, so that each is counted', async (t) => {
  const backend = await startModelBackend({ delayMs: () => CALL_MS });
  t.after(() => backend.stop());
  const mesh = await serve([
    modelBackend('digits', backend.port, { protocol: 'OpenAI' }),
    modelRoute('digits', ['digits'], ['digits'], {
      batching: BATCHING,
      responses: { countTokens: true },
    }),
  ]);
  t.after(() => mesh.stop());
  let tokens = 0;
  const outcomes = await httpLoad({
    connections: CLIENTS,
    count: REQUESTS,
    request: (i) => requestOf(mesh.url, embeddingsMessage(i, { model: 'digits' })),
  });
  for (const { answer } of outcomes) {
    tokens += JSON.parse(String(answer?.body)).usage.prompt_tokens;
  }
  assert.equal(joinedOf(outcomes).length, 0);
  const all = await samples(mesh.envoy);
  assert.equal(sum(all, 'modelweir_tokens_total', { direction: 'in' }), tokens);
});
