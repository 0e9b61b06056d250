/** What `docs/metrics.md` says of the batcher is what users read at `/stats/prometheus`, number by number. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { repositoryRoot } from '../../../control-plane/cli/quickstart/places.ts';
import { httpLoad, type Outcome } from '../../harness/http-load.ts';
import { until } from '../../harness/until.ts';
import {
  embeddingsMessage,
  inferMessage,
  json,
  type Message,
} from '../../unit/batcher/model-server.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from '../protocols/resources.ts';
import { type Sample, samples, sum } from '../splitting/prometheus.ts';
import { type ModelBackend, requestOf, startModelBackend, UNAVAILABLE } from './model-backend.ts';

const CALL_MS = 60;
const SLOW_MS = 500;
const TIMEOUT_MS = 150;
/** So that a held request of another kind does not go before its companions. */
const BATCHING = { maxDelayMs: 1_000, maxBytes: 4_000 };
const LARGE = { columns: 2_000 };

type Fields = Readonly<Record<string, unknown>>;

/** A route for each course of events, so that its counts are its own. */
const ROUTES: Readonly<Record<string, Fields>> = {
  good: {},
  poisoned: {},
  failing: {},
  strict: { retryFailed: false },
  denied: {},
  garbled: {},
  slow: { timeoutMs: TIMEOUT_MS },
  odd: {},
};

let backend: ModelBackend;
let mesh: ServedMesh;

before(async () => {
  backend = await startModelBackend({
    delayMs: ({ path, message }) =>
      path.includes('slow') && rowsOf(message) > 1 ? SLOW_MS : CALL_MS,
    instead: ({ path, message }) => {
      if (path.includes('odd') || path === '/v1/embeddings' || rowsOf(message) <= 1) return null;
      if (path.includes('failing') || path.includes('strict')) return UNAVAILABLE;
      if (path.includes('denied')) return json(403, { error: 'not for you' });
      return path.includes('garbled') ? json(200, { outputs: 'none' }) : null;
    },
  });
  const routes = Object.entries(ROUTES).map(([name, more]) =>
    modelRoute(name, [name], ['tensors'], { batching: { ...BATCHING, ...more } }),
  );
  mesh = await serve([
    modelBackend('tensors', backend.port, { protocol: 'OpenInference' }),
    modelBackend('texts', backend.port, { protocol: 'OpenAI' }),
    ...routes,
    modelRoute('planned', ['planned'], ['texts'], { batching: BATCHING, retry: { attempts: 2 } }),
  ]);
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
});

function rowsOf({ bytes }: Message): number {
  try {
    return JSON.parse(bytes.toString()).inputs[0].shape[0];
  } catch {
    return 0;
  }
}

/** The request `first` and, once that is on its way, all of the others at one time. */
async function burst(
  model: string,
  count: number,
  message: (i: number) => Message,
  type?: string,
): Promise<readonly Outcome[]> {
  const url = `${mesh.url}/v2/models/${model}/infer`;
  const request = (i: number) => {
    const made = requestOf(mesh.url, message(i));
    const headers = { ...made.headers, ...(type && { 'content-type': type }) };
    return { ...made, url, headers };
  };
  const seen = backend.served.length;
  const first = httpLoad({ connections: 1, count: 1, request: request(0) });
  while (backend.served.length === seen) await delay(1);
  const others = await httpLoad({
    connections: count,
    count,
    request: (i) => request(i + 1),
  });
  return [...(await first), ...others];
}

/** What became of requests or calls of a route, as far as it is not 0. */
function outcomes(all: readonly Sample[], name: string, route: string): Record<string, number> {
  const metric = `modelweir_batcher_${name}`;
  const of = all.filter((one) => one.name === metric && one.labels['route'] === `default/${route}`);
  return Object.fromEntries(of.map(({ labels, value }) => [labels['outcome'] ?? '', value]));
}

async function assertCounts(
  route: string,
  requests: Record<string, number>,
  calls: Record<string, number>,
): Promise<void> {
  const all = await samples(mesh.envoy);
  assert.deepEqual(outcomes(all, 'requests_total', route), requests);
  assert.deepEqual(outcomes(all, 'batches_total', route), calls);
}

test('requests and calls that are answered, with their sizes, rows and waits', async () => {
  await burst('good', 8, (i) => inferMessage(i, { rows: 1 + (i % 3) }));
  await assertCounts('good', { passed: 1, joined: 8 }, { answered: 1 });
  const labels = { route: 'default/good' };
  let all: readonly Sample[] = [];
  // Envoy adds to its histograms every few seconds.
  await until('a histogram has the call', async () => {
    all = await samples(mesh.envoy);
    return sum(all, 'modelweir_batcher_batch_size_count', labels) > 0;
  });
  for (const name of ['batch_size', 'batch_rows', 'wait_ms']) {
    assert.equal(sum(all, `modelweir_batcher_${name}_count`, labels), 1, name);
  }
  const near = (name: string, value: number) => {
    const measured = sum(all, `modelweir_batcher_${name}_sum`, labels);
    // Envoy's histograms keep two digits.
    assert.ok(Math.abs(measured - value) <= value / 10, `${name}: ${measured} and not ${value}`);
  };
  near('batch_size', 8);
  near('batch_rows', 2 + 3 + 1 + 2 + 3 + 1 + 2 + 3);
  const waited = sum(all, 'modelweir_batcher_wait_ms_sum', labels);
  assert.ok(waited > 0 && waited < BATCHING.maxDelayMs, `waited for ${waited} ms`);
});

test('a bad member: halves, and those that were sent again', async () => {
  await burst('poisoned', 4, (i) => inferMessage(i, { poisoned: i === 2 }));
  const requests = { passed: 1, joined: 2, retried_alone: 2 };
  await assertCounts('poisoned', requests, { refused: 2, answered: 1 });
});

test('a server that fails: with a second try and without', async () => {
  await burst('failing', 4, inferMessage);
  await assertCounts('failing', { passed: 1, retried_alone: 4 }, { failed: 1 });
  await burst('strict', 4, inferMessage);
  await assertCounts('strict', { passed: 1, failed_together: 4 }, { failed: 1 });
});

test('what is refused for all, and what cannot be read', async () => {
  await burst('denied', 4, inferMessage);
  await assertCounts('denied', { passed: 1, failed_together: 4 }, { denied: 1 });
  await burst('garbled', 4, inferMessage);
  await assertCounts('garbled', { passed: 1, retried_alone: 4 }, { unreadable: 3 });
});

test('time that is up', async () => {
  await burst('slow', 4, inferMessage);
  // For Envoy a call whose time is up has an answer, its own 504.
  await assertCounts('slow', { passed: 1, timed_out: 4 }, { failed: 1 });
});

test('why a request was not joined', async () => {
  const broken = { ...inferMessage(1), bytes: Buffer.from('{"inputs":[') };
  await burst('odd', 2, (i) => (i === 0 ? inferMessage(i) : broken));
  await burst('odd', 2, (i) => inferMessage(i, i === 0 ? {} : LARGE));
  await burst('odd', 2, inferMessage, 'text/plain');
  const counts = { passed: 2, not_joinable: 2, too_large: 2, not_json: 3 };
  await assertCounts('odd', counts, {});
  await httpLoad({
    connections: 4,
    count: 8,
    request: (i) => requestOf(mesh.url, embeddingsMessage(i, { model: 'planned' })),
  });
  await assertCounts('planned', { planned: 8 }, {});
});

test('each metric that is documented is there, and no other', async () => {
  const text = readFileSync(join(repositoryRoot, 'docs/metrics.md'), 'utf8');
  const documented = new Set(text.match(/modelweir_batcher_\w+/g));
  const found = (await samples(mesh.envoy)).flatMap(({ name }) =>
    name.startsWith('modelweir_batcher_') ? [name.replace(/_(bucket|sum|count)$/, '')] : [],
  );
  assert.deepEqual(new Set(found), documented);
});
