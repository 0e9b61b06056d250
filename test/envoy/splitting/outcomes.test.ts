/** What became of requests, counted by route and variant: and whose answer it was, the backend's or the mesh's. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { until } from '../../harness/until.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from '../protocols/resources.ts';
import {
  type ActingBackend,
  answer,
  reset,
  silence,
  startActingBackend,
} from './acting-backend.ts';
import { chat } from './asking.ts';
import { samples, sum } from './prometheus.ts';
import { weighted } from './weighted.ts';

const REQUESTS = 'modelweir_requests_total';
const TESTER = { 'x-tester': 'yes' };

let backend: ActingBackend;
let mesh: ServedMesh;

before(async () => {
  backend = await startActingBackend();
  const protocol = 'OpenAI';
  mesh = await serve([
    modelBackend('stable', backend.port, { protocol }),
    modelBackend('canary', backend.port, { protocol }),
    modelRoute('m', ['m'], [], {
      variants: weighted({ stable: 1, canary: 0 }),
      variantMatches: [{ variant: 'canary', headers: [{ name: 'x-tester', value: 'yes' }] }],
    }),
    modelRoute('timed', ['timed'], ['stable']),
    modelRoute('short', ['short'], ['stable'], { timeoutMs: 300 }),
    modelRoute('safe', ['safe'], [], {
      variants: weighted({ canary: 1, stable: 0 }),
      retry: { attempts: 1, on: ['TooManyRequests'] },
      fallback: { variants: ['stable'] },
    }),
  ]);
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
});

/** Does it, and says by how much a sum of the metric has grown; something must have been counted. */
async function counted(
  labels: Readonly<Record<string, string>>,
  act: () => Promise<unknown>,
): Promise<number> {
  const before = await samples(mesh.envoy);
  await act();
  await until('it is counted', async () => {
    return sum(await samples(mesh.envoy), REQUESTS) > sum(before, REQUESTS);
  });
  return sum(await samples(mesh.envoy), REQUESTS, labels) - sum(before, REQUESTS, labels);
}

const ANSWERS = [200, 201, 400, 404, 429, 500, 503];

for (const status of ANSWERS) {
  test(`a ${status} of a backend is counted for its variant, by its code, as the backend's`, async () => {
    backend.act = answer(status, '{}');
    for (const [variant, headers] of [
      ['stable', {}],
      ['canary', TESTER],
    ] as const) {
      const labels = { route: 'default/m', variant, code: String(status), source: 'backend' };
      const ask = () => chat({ url: mesh.url, model: 'm', headers });
      assert.equal(await counted(labels, ask), 1);
    }
  });
}

test('what the filters refuse is counted as theirs, without a variant', async () => {
  const unknown = () => chat({ url: mesh.url, model: 'nobody' });
  assert.equal(await counted({ variant: '', code: '404', source: 'filter' }, unknown), 1);
  const url = `${mesh.url}/v1/chat/completions`;
  const malformed = () => exchange({ url, method: 'POST', body: '{' });
  assert.equal(await counted({ code: '400', source: 'filter' }, malformed), 1);
});

test("what Envoy answers in place of a backend is counted as the proxy's, for the variant", async () => {
  backend.act = reset;
  const labels = { route: 'default/m', variant: 'stable', code: '503', source: 'proxy' };
  assert.equal(await counted(labels, () => chat({ url: mesh.url, model: 'm' })), 1);
  backend.act = silence;
  const late = { route: 'default/short', variant: 'stable', code: '504', source: 'proxy' };
  assert.equal(await counted(late, () => chat({ url: mesh.url, model: 'short' })), 1);
});

test('a request that fell back is counted once, for the variant that answered', async () => {
  let first = true;
  backend.act = (response) => {
    response.writeHead(first ? 429 : 200).end();
    first = false;
  };
  const labels = { route: 'default/safe' };
  const ask = () => chat({ url: mesh.url, model: 'safe' });
  assert.equal(await counted(labels, ask), 1);
  const stable = { ...labels, variant: 'stable', code: '200', source: 'backend' };
  assert.equal(sum(await samples(mesh.envoy), REQUESTS, stable), 1);
});

test('durations and times to the first byte are histograms with the same labels', async () => {
  backend.act = (response) => {
    response.writeHead(200).write('a');
    setTimeout(() => response.end('b'), 300);
  };
  const labels = { route: 'default/timed', variant: 'stable', code_class: '2xx' };
  await chat({ url: mesh.url, model: 'timed' });
  const value = async (name: string) => sum(await samples(mesh.envoy), name, labels);
  const duration = 'modelweir_request_duration_ms';
  const firstByte = 'modelweir_time_to_first_byte_ms';
  // Envoy joins the histograms of its workers every five seconds.
  await until('it is counted', async () => (await value(`${duration}_count`)) === 1);
  assert.equal(await value(`${firstByte}_count`), 1);
  const [whole, first] = [await value(`${duration}_sum`), await value(`${firstByte}_sum`)];
  assert.ok(whole >= 250 && first < whole, `${first} of ${whole} ms`);
});

test('the prefix of the names is that of all metrics of the filters', async () => {
  const names = (await samples(mesh.envoy)).map(({ name }) => name);
  const ours = names.filter((name) => name.includes('modelweir_requests_total'));
  assert.deepEqual(new Set(ours), new Set(['modelweir_requests_total']));
});

test('a client reads in the status and the error whether a backend or the mesh has answered', async () => {
  backend.act = answer(500, '{"error":"mine"}');
  assert.equal(String((await chat({ url: mesh.url, model: 'm' })).body), '{"error":"mine"}');
  const refused = await chat({ url: mesh.url, model: 'nobody' });
  assert.equal(refused.status, 404);
  assert.match(String(refused.body), /nobody/);
  assert.equal(refused.headers['x-modelweir-variant'], undefined);
  backend.act = reset;
  const lost = await chat({ url: mesh.url, model: 'm' });
  assert.equal(lost.status, 503);
  assert.equal(lost.headers['x-modelweir-variant'], 'stable');
});
