/** The batcher in the sidecar of a model server: who shares calls, and who must pass as if it were not there. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { Answer } from '../../harness/http-load.ts';
import { type ComputeBackend, inferCall, startComputeBackend } from '../batcher/compute-backend.ts';
import { assertOwnAnswer } from '../batcher/infer-client.ts';
import { type InboundSidecar, startInbound } from './inbound-sidecar.ts';
import { type MeshClient, meshClient } from './mesh-client.ts';

const CALL_MS = 15;
const CONNECTIONS = 6;
const REQUESTS = 60;
const INFER = '/v2/models/digits/infer';

let application: ComputeBackend;
let sidecar: InboundSidecar;
const clients: MeshClient[] = [];

before(async () => {
  application = await startComputeBackend(CALL_MS);
  sidecar = await startInbound({ applicationPort: application.port });
});

after(async () => {
  for (const client of clients) client.stop();
  await sidecar?.stop();
  await application?.stop();
});

beforeEach(() => {
  application.rows.length = 0;
});

async function clientOf(workload: string, of = sidecar): Promise<MeshClient> {
  const client = await meshClient(of, workload);
  clients.push(client);
  return client;
}

/** Closed loops of one client; its numbers are its place among `callers`, and so many more for each request. */
async function load(client: MeshClient, caller: number, callers: number): Promise<Answer[]> {
  const answers: Answer[] = [];
  let next = 0;
  const loop = async (): Promise<void> => {
    while (next < REQUESTS) {
      const call = inferCall(next++ * callers + caller);
      const headers = { 'content-type': 'application/json' };
      const answer = await client.send({ path: INFER, headers, body: JSON.stringify(call) });
      assertOwnAnswer(answer, call);
      answers.push(answer);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, loop));
  return answers;
}

/** The callers of each call that the application got since `seen` of them. */
function callersSince(seen: number, callers: number): Set<number>[] {
  return application.requests.slice(seen).map(({ body }) => {
    const data: number[] = JSON.parse(body.toString()).inputs[0].data;
    return new Set(data.map((value) => Math.floor(value / 1000) % callers));
  });
}

test('requests of one workload share calls, each gets its own answer, and the application sees no header of ours', async () => {
  const seen = application.requests.length;
  const answers = await load(await clientOf('shop/web'), 0, 1);
  const calls = application.requests.slice(seen);
  assert.ok(calls.length < REQUESTS / 2, `${calls.length} calls`);
  assert.ok(answers.some(({ headers }) => Number(headers['x-modelweir-batch-size']) > 1));
  assert.ok(
    answers.some(({ headers }) => headers['x-modelweir-batch-size'] === undefined),
    'a lone one too',
  );
  for (const { headers } of calls) assert.doesNotMatch(Object.keys(headers).join(), /x-modelweir/);
});

test('two workloads at the same time never share a call', async () => {
  const seen = application.requests.length;
  const [web, jobs] = [await clientOf('shop/web'), await clientOf('shop/jobs')];
  await Promise.all([load(web, 0, 2), load(jobs, 1, 2)]);
  const calls = callersSince(seen, 2);
  for (const who of calls) assert.equal(who.size, 1, `callers ${[...who]} shared a call`);
  assert.ok(calls.length < REQUESTS, `${calls.length} calls`);
});

test('where the route says so, workloads share calls', async () => {
  const shared = await startInbound({
    applicationPort: application.port,
    batching: { peerIdentity: false },
  });
  try {
    const seen = application.requests.length;
    const [web, jobs] = [await clientOf('shop/web', shared), await clientOf('shop/jobs', shared)];
    await Promise.all([load(web, 0, 2), load(jobs, 1, 2)]);
    assert.ok(callersSince(seen, 2).some((who) => who.size === 2));
  } finally {
    await shared.stop();
  }
});

test('a client can neither choose the cluster of a call nor switch the batcher off', async () => {
  const client = await clientOf('shop/web');
  const call = inferCall(1);
  const claims = {
    'x-modelweir-cluster': 'elsewhere',
    'x-modelweir-route': 'ml/other',
    'x-modelweir-plan': 'x',
  };
  const send = () =>
    client.send({
      path: INFER,
      headers: { 'content-type': 'application/json', ...claims },
      body: JSON.stringify(call),
    });
  const before = await sidecar.count('joined');
  for (const answer of await Promise.all(Array.from({ length: 10 }, send))) {
    assertOwnAnswer(answer, call);
  }
  assert.ok((await sidecar.count('joined')) > before);
  for (const { headers } of application.requests.slice(-3)) {
    assert.doesNotMatch(Object.keys(headers).join(), /x-modelweir/);
  }
});

test('bodies of some 200 kB are held and joined', async () => {
  const client = await clientOf('shop/web');
  const columns = 30_000;
  const before = await sidecar.count('joined');
  const calls = Array.from({ length: 5 }, (_, i) => inferCall(i + 1, 1, columns));
  const answers = await Promise.all(
    calls.map((call) =>
      client.send({
        path: INFER,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(call),
      }),
    ),
  );
  answers.forEach((answer, i) => {
    assertOwnAnswer(answer, calls[i] as (typeof calls)[0]);
  });
  assert.ok((await sidecar.count('joined')) > before);
});

test('where the call goes to the cluster of the type ORIGINAL_DST each request goes alone', async () => {
  const misled = await startInbound({
    applicationPort: application.port,
    callCluster: `inbound|${application.port}||`,
  });
  try {
    const answers = await load(await clientOf('shop/web', misled), 0, 1);
    assert.equal(answers.length, REQUESTS);
    assert.ok(application.rows.every((rows) => rows === 1));
  } finally {
    await misled.stop();
  }
});

test('while the batcher has no configuration all passes, and the application sees no header of ours', async () => {
  const bare = await startInbound({ applicationPort: application.port, hasBatcher: false });
  try {
    const answers = await load(await clientOf('shop/web', bare), 0, 1);
    assert.ok(answers.every(({ headers }) => headers['x-modelweir-batch-size'] === undefined));
    assert.equal(application.rows.length, REQUESTS);
    for (const { headers } of application.requests.slice(-REQUESTS)) {
      assert.doesNotMatch(Object.keys(headers).join(), /x-modelweir/);
    }
  } finally {
    await bare.stop();
  }
});
