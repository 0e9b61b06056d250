/** Router and splitter in the sidecar of a caller, beside hosts that are none of their business. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { type Answer, httpLoad, statusCounts } from '../../harness/http-load.ts';
import { BACKEND_HEADER, type NamedBackends, startNamedBackends } from './named-backends.ts';
import { MODELS, ORDERS, type OutboundSidecar, startOutbound } from './outbound-sidecar.ts';

const INFER = '/v2/models/digits/infer';
const CHAT = '/v1/chat/completions';

let backends: NamedBackends['backends'];
let ports: NamedBackends['ports'];
let stopBackends: NamedBackends['stop'];
let sidecar: OutboundSidecar;

before(async () => {
  ({ backends, ports, stop: stopBackends } = await startNamedBackends());
  sidecar = await startOutbound({ ports });
});

after(async () => {
  await sidecar?.stop();
  await stopBackends?.();
});

interface Asked {
  readonly path?: string;
  readonly method?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

function ask(asked: Asked = {}, of = sidecar): Promise<Answer> {
  const { path = INFER, method = 'POST', host = MODELS, headers = {}, body = '{}' } = asked;
  return exchange({
    url: of.url + path,
    method,
    headers: { host, 'content-type': 'application/json', ...headers },
    ...(method === 'POST' && { body }),
  });
}

function servedBy(answer: Answer): unknown {
  return answer.headers[BACKEND_HEADER];
}

test('a request for a model goes to a variant, under the name that this one knows, and loses the headers of ours', async () => {
  for (const [variant, path] of [
    ['stable', INFER],
    ['canary', '/v2/models/digits-v2/infer'],
  ] as const) {
    const answer = await askUntil(variant);
    assert.equal(JSON.parse(answer.body.toString()).path, path);
    assert.equal(answer.headers['x-modelweir-variant'], variant);
    const { headers } = backends[variant].requests.at(-1) ?? { headers: {} };
    assert.doesNotMatch(Object.keys(headers).join(), /x-modelweir/);
  }
});

/** Until chance has chosen that variant. */
async function askUntil(variant: string): Promise<Answer> {
  for (let i = 0; i < 200; i++) {
    const answer = await ask();
    assert.equal(answer.status, 200);
    if (servedBy(answer) === variant) return answer;
  }
  throw new Error(`never ${variant}`);
}

test('a user stays with the variant', async () => {
  for (const user of ['ann', 'bob', 'carl', 'dora']) {
    const served = await Promise.all(
      Array.from({ length: 8 }, async () => servedBy(await ask({ headers: { 'x-user': user } }))),
    );
    assert.equal(new Set(served).size, 1);
  }
});

test('short names of the host are the same host to Envoy, and pass where the router does not know them', async () => {
  const answer = await ask({ host: 'models' });
  assert.equal(answer.status, 200);
  assert.equal(servedBy(answer), 'models');
});

test('what is no model request goes to the host as before', async () => {
  for (const path of ['/', '/api/orders', '/healthz']) {
    assert.equal(servedBy(await ask({ path, method: 'GET' })), 'models');
    assert.equal(servedBy(await ask({ path, body: 'not json' })), 'models');
  }
});

test('a model that nobody has is answered in the shape of its protocol', async () => {
  const open = await ask({ path: '/v2/models/unknown/infer' });
  assert.equal(open.status, 404);
  assert.match(String(JSON.parse(open.body.toString()).error), /unknown/);
  const chat = await ask({ path: CHAT, body: '{"model":"unknown"}' });
  assert.equal(chat.status, 404);
  assert.equal(JSON.parse(chat.body.toString()).error.code, 'model_not_found');
});

test('a client cannot choose a variant', async () => {
  const answer = await ask({
    path: '/api/orders',
    headers: { 'x-modelweir-cluster': 'shop/digits/canary' },
  });
  assert.equal(servedBy(answer), 'models');
});

test('a model that comes behind a megabyte of a body is found', async () => {
  const body = `{"messages":"${'x'.repeat(900_000)}","model":"digits"}`;
  const answer = await ask({ path: CHAT, body });
  assert.equal(answer.status, 200);
  assert.match(String(servedBy(answer)), /stable|canary/);
});

test('a question for metadata is asked of the variant, and answered under the public name', async () => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => ask({ path: '/v2/models/digits', method: 'GET' })),
  );
  for (const answer of answers) {
    assert.equal(answer.status, 200, answer.body.toString());
    const { name, path } = JSON.parse(answer.body.toString());
    // The backend calls it by its own name; where that is the public one, nobody looks at its answer.
    assert.equal(name, path === '/v2/models/digits' ? 'digits-v2' : 'digits');
  }
  assert.ok(backends.canary.requests.some(({ path }) => path === '/v2/models/digits-v2'));
});

test('requests of another host on the same port never meet a filter of ours', async () => {
  const seen = await sidecar.seen();
  const request = {
    url: `${sidecar.url}${CHAT}`,
    method: 'POST',
    headers: { host: ORDERS, 'content-type': 'application/json' },
    body: '{"model":"unknown"}',
  };
  const outcomes = await httpLoad({ connections: 4, count: 200, request });
  assert.deepEqual(statusCounts(outcomes), { 200: 200 });
  assert.ok(outcomes.every(({ answer }) => answer !== null && servedBy(answer) === 'orders'));
  assert.equal(await sidecar.seen(), seen);
  await ask();
  assert.equal(await sidecar.seen(), seen + 1, 'the counter counts');
});

test('while no configuration ever comes, each host is served as before', async () => {
  const waiting = await startOutbound({ ports, source: 'nowhere' });
  try {
    assert.equal(servedBy(await ask({ host: ORDERS }, waiting)), 'orders');
    assert.equal(servedBy(await ask({}, waiting)), 'models');
    const claim = { 'x-modelweir-cluster': 'shop/digits/canary' };
    assert.equal(servedBy(await ask({ headers: claim }, waiting)), 'models');
  } finally {
    await waiting.stop();
  }
});
