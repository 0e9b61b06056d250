/**
 * Routes whose attempts are planned: their requests are joined too, and what the route wants of attempts and
 * answers holds for a joined call as for any other request.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { httpLoad, statusCounts } from '../../harness/http-load.ts';
import { startMesh, type TestMesh } from '../../harness/mesh.ts';
import { inferMessage, json, type Message, serve } from '../../unit/batcher/model-server.ts';
import { batchSize } from './infer-client.ts';
import {
  type Acting,
  type ModelBackend,
  replyOf,
  requestOf,
  type Served,
  startModelBackend,
  UNAVAILABLE,
} from './model-backend.ts';

const CALL_MS = 30;

/** `canary` knows the model as `digits-v2`, and `stable`, which gets nothing by weight, as `digits-v1`. */
function yaml(ports: readonly number[], more: string): string {
  const backends = ports.map(
    (port, i) => `apiVersion: modelweir.dev/v1alpha1
kind: ModelBackend
metadata: { name: ${i === 0 ? 'canary' : 'stable'} }
spec:
  protocol: OpenInference
  endpoints: [{ address: 127.0.0.1, port: ${port} }]
  model: { name: ${i === 0 ? 'digits-v2' : 'digits-v1'} }
---
`,
  );
  return `${backends.join('')}apiVersion: modelweir.dev/v1alpha1
kind: ModelRoute
metadata: { name: digits }
spec:
  models: [{ name: digits }]
  variants:
    - { name: canary, weight: 1, backendRef: { name: canary } }
    - { name: stable, weight: 0, backendRef: { name: stable } }
  batching: { maxDelayMs: 100 }
${more}`;
}

interface Parts {
  readonly canary: ModelBackend;
  readonly stable: ModelBackend;
  readonly mesh: TestMesh;
}

async function start(
  t: TestContext,
  more: string,
  acting: Partial<Acting> = {},
  args: readonly string[] = [],
): Promise<Parts> {
  const slow = { delayMs: () => CALL_MS };
  const canary = await startModelBackend({ ...slow, ...acting });
  t.after(() => canary.stop());
  const stable = await startModelBackend(slow);
  t.after(() => stable.stop());
  const files = { 'a.yaml': yaml([canary.port, stable.port], more) };
  const mesh = await startMesh({ files, args });
  t.after(() => mesh.stop());
  await mesh.whenServing('/v2/models/digits/infer', inferMessage(1).bytes.toString());
  return { canary, stable, mesh };
}

function load({ mesh }: Parts, message: (i: number) => Message, count = 96) {
  return httpLoad({
    connections: 12,
    count,
    request: (i) => requestOf(mesh.url, message(i)),
  });
}

function rowsOf({ message }: Served): number {
  return JSON.parse(message.bytes.toString()).inputs[0].shape[0];
}

const RETRY = '  retry: { attempts: 3, on: [ServerError], budget: { minConcurrent: 1000 } }\n';

test('a joined call is renamed for its backend, and answers name the public model', async (t) => {
  const named = ({ message }: Served) => {
    const { status, bytes } = serve(message);
    return status === 200
      ? json(200, { model_name: 'digits-v2', ...JSON.parse(bytes.toString()) })
      : null;
  };
  const parts = await start(t, '  responses: { publicModel: true }\n', { instead: named });
  const message = (i: number) => inferMessage(i, { rows: 1 + (i % 3), poisoned: i % 16 === 5 });
  const outcomes = await load(parts, message);
  for (const outcome of outcomes) {
    const alone = serve(message(outcome.index));
    const wanted = alone.status === 200 ? { model_name: 'digits' } : {};
    assert.equal(outcome.answer?.status, alone.status);
    assert.deepEqual(JSON.parse(String(outcome.answer?.body)), {
      ...wanted,
      ...JSON.parse(alone.bytes.toString()),
    });
  }
  assert.ok(outcomes.some((outcome) => batchSize(outcome) > 1));
  for (const { path } of parts.canary.served) assert.equal(path, '/v2/models/digits-v2/infer');
});

test('a joined call that fails is not tried again; each of its members is, as the route wants', async (t) => {
  let calls = 0;
  const parts = await start(t, RETRY, {
    instead: (served) => (rowsOf(served) > 1 || ++calls % 5 === 0 ? UNAVAILABLE : null),
  });
  const outcomes = await load(parts, inferMessage);
  for (const outcome of outcomes) {
    assert.deepEqual(replyOf(outcome), serve(inferMessage(outcome.index)));
  }
  assert.ok(
    parts.canary.served.some((served) => rowsOf(served) > 1),
    'nothing was joined',
  );
});

test('a call whose variant fails goes to the next by its members alone', async (t) => {
  const parts = await start(
    t,
    `${RETRY}  fallback: { variants: [stable] }\n  responses: { attemptsHeader: true }\n`,
    {
      instead: () => UNAVAILABLE,
    },
  );
  const outcomes = await load(parts, inferMessage);
  for (const outcome of outcomes) {
    assert.deepEqual(replyOf(outcome), serve(inferMessage(outcome.index)));
  }
  assert.equal(statusCounts(outcomes)[200], 96);
  for (const { path } of parts.canary.served) assert.equal(path, '/v2/models/digits-v2/infer');
  for (const { path } of parts.stable.served) assert.equal(path, '/v2/models/digits-v1/infer');
});

test('backends see nothing of what the filters hand to each other', async (t) => {
  const parts = await start(t, RETRY);
  const outcomes = await load(parts, inferMessage);
  assert.ok(outcomes.some((outcome) => batchSize(outcome) > 1));
  for (const { headers } of parts.canary.requests) {
    const reserved = Object.keys(headers).filter((name) => name.startsWith('x-modelweir-'));
    assert.deepEqual(reserved, []);
  }
});

test('headers and access log say of each request how it was served, and who shared its call', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'modelweir-log-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'access.log');
  const responses = '  responses: { decisionHeader: Always, attemptsHeader: true }\n';
  const parts = await start(t, responses, {}, ['--access-log', file]);
  const outcomes = await load(parts, inferMessage);
  await parts.mesh.envoy.stop();
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  const batches: (string | null)[] = lines.map((line) => JSON.parse(line).batch);
  const joined = batches.filter((batch) => batch !== null && batch !== '-');
  assert.equal(joined.length, outcomes.filter((outcome) => batchSize(outcome) > 1).length);
  assert.ok(joined.length > 20, JSON.stringify(batches));
  for (const outcome of outcomes) {
    const headers = outcome.answer?.headers ?? {};
    const isJoined = batchSize(outcome) > 1;
    assert.match(String(headers['x-modelweir-decision']), /^route=default\/digits;variant=canary;/);
    assert.equal(headers['x-modelweir-variant'], 'canary');
    assert.equal(headers['x-modelweir-attempts'], isJoined ? undefined : 'canary;status=200');
  }
  for (const batch of joined) assert.match(batch ?? '', /^size=\d+;rows=\d+;wait-ms=\d+$/);
});

test('joined calls count for outlier detection as requests do', async (t) => {
  // Fails only what is joined: nothing else can have it ejected.
  const bad = await startModelBackend({
    delayMs: () => CALL_MS,
    instead: (served) => (rowsOf(served) > 1 ? UNAVAILABLE : null),
  });
  t.after(() => bad.stop());
  const good = await startModelBackend({ delayMs: () => CALL_MS });
  t.after(() => good.stop());
  const endpoints = [bad.port, good.port].map((port) => `{ address: 127.0.0.1, port: ${port} }`);
  const a = `apiVersion: modelweir.dev/v1alpha1
kind: ModelBackend
metadata: { name: digits }
spec:
  protocol: OpenInference
  endpoints: [${endpoints.join(', ')}]
  outlierDetection: { consecutiveErrors: 1, maxEjectionPercent: 50 }
---
apiVersion: modelweir.dev/v1alpha1
kind: ModelRoute
metadata: { name: digits }
spec:
  models: [{ name: digits }]
  variants: [{ name: v, backendRef: { name: digits } }]
  batching: { maxDelayMs: 100 }
`;
  const mesh = await startMesh({ files: { 'a.yaml': a } });
  t.after(() => mesh.stop());
  await mesh.whenServing('/v2/models/digits/infer', inferMessage(1).bytes.toString());
  const outcomes = await httpLoad({
    connections: 12,
    count: 240,
    request: (i) => requestOf(mesh.url, inferMessage(i)),
  });
  assert.equal(statusCounts(outcomes)[200], 240);
  const ejections = await mesh.envoy.stats(/outlier_detection\.ejections_enforced_total$/);
  assert.deepEqual([...ejections.values()], [1]);
});
