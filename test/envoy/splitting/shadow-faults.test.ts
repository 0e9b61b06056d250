/** Whatever becomes of the copy, the request itself neither waits nor fails, and nothing is left behind. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { httpLoad, statusCounts } from '../../harness/http-load.ts';
import { until } from '../../harness/until.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from '../protocols/resources.ts';
import { FRAMINGS, pieces, send } from '../protocols/upload.ts';
import {
  type Act,
  type ActingBackend,
  answer,
  reset,
  silence,
  startActingBackend,
} from './acting-backend.ts';
import { CHAT_PATH, chat, variantOf } from './asking.ts';
import { weighted } from './weighted.ts';

const MAX_CONCURRENT = 4;
const REQUESTS = 100;
const LARGE_BYTES = 10_000_000;
const JSON_TYPE = { 'content-type': 'application/json' };

let primary: ActingBackend;
let shadow: ActingBackend;
let mesh: ServedMesh;

before(async () => {
  primary = await startActingBackend(answer(200, 'primary'));
  shadow = await startActingBackend(answer(200, 'shadow'));
  const protocol = 'OpenAI';
  const route = (name: string, spec: object) =>
    modelRoute(name, [name], [], {
      variants: weighted({ stable: 1, canary: 0 }),
      shadow: { variant: 'canary', maxConcurrent: MAX_CONCURRENT },
      ...spec,
    });
  mesh = await serve([
    modelBackend('stable', primary.port, { protocol }),
    modelBackend('canary', shadow.port, { protocol, model: { name: 'of-canary' } }),
    route('m', {}),
    route('full', { retry: { attempts: 2 }, responses: { publicModel: true, countTokens: true } }),
    route('short', { timeoutMs: 1000 }),
  ]);
});

after(async () => {
  await mesh?.stop();
  await primary?.stop();
  await shadow?.stop();
});

afterEach(async () => {
  shadow.act = answer(200, 'shadow');
});

async function load(model: string): Promise<void> {
  const outcomes = await httpLoad({
    connections: 8,
    count: REQUESTS,
    request: { url: mesh.url + CHAT_PATH, method: 'POST', body: JSON.stringify({ model }) },
  });
  assert.deepEqual(statusCounts(outcomes), { 200: REQUESTS });
  for (const { answer: got } of outcomes) {
    assert.equal(String(got?.body), 'primary');
    assert.equal(got && variantOf(got), 'stable');
  }
}

const FAULTS: Readonly<Record<string, Act>> = {
  'answers 500': answer(500),
  'answers 429': answer(429),
  resets: reset,
  'never answers': silence,
  'breaks off its answer': (response) => {
    response.writeHead(200, { 'content-length': '1000' }).write('x');
    setImmediate(() => response.socket?.resetAndDestroy());
  },
};

for (const model of ['m', 'full']) {
  for (const [what, act] of Object.entries(FAULTS)) {
    test(`${model}: a shadow that ${what} fails no request and holds none up`, async () => {
      shadow.act = act;
      // A request that waited for its copy would never be answered by a shadow that is silent.
      await load(model);
    });
  }

  test(`${model}: a shadow that is down fails no request`, async () => {
    await shadow.goDown();
    try {
      await load(model);
    } finally {
      await shadow.comeBack();
    }
  });
}

test('a shadow that reads nothing does not stop a large request', async (t) => {
  const deaf = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on('error', () => {});
    t.after(() => socket.destroy());
  });
  deaf.listen(0, '127.0.0.1');
  await once(deaf, 'listening');
  t.after(() => deaf.close());
  const { port } = deaf.address() as AddressInfo;
  const protocol = 'OpenAI';
  const own = await serve([
    modelBackend('stable', primary.port, { protocol }),
    modelBackend('canary', port, { protocol }),
    modelRoute('m', ['m'], [], {
      variants: weighted({ stable: 1, canary: 0 }),
      shadow: { variant: 'canary', maxBodyBytes: LARGE_BYTES * 2 },
    }),
  ]);
  t.after(() => own.stop());
  const parts = pieces(`{"model":"m","input":"${'x'.repeat(LARGE_BYTES)}"}`, 100_000);
  for (const framing of FRAMINGS) {
    const got = await send(framing, { port: own.port, path: CHAT_PATH, headers: JSON_TYPE, parts });
    assert.equal(`${got.status} ${got.body}`, '200 primary', framing);
  }
});

test('only so many copies are under way at one time; the others are dropped', async () => {
  const waiting: ServerResponse[] = [];
  let most = 0;
  shadow.act = (response) => {
    waiting.push(response);
    most = Math.max(most, waiting.length);
  };
  await load('m');
  await until('copies are under way', () => waiting.length > 0);
  assert.ok(most <= MAX_CONCURRENT, `${most} copies at one time`);
  for (const response of waiting.splice(0)) response.end('late');
  const from = shadow.attempts.length;
  shadow.act = answer(200, 'shadow');
  await until('copies are made again', async () => {
    await chat({ url: mesh.url, model: 'm' });
    return shadow.attempts.length > from;
  });
});

test('a copy that is never answered ends with the time of its route', async () => {
  let closed = 0;
  shadow.act = (response) => {
    response.on('close', () => closed++);
  };
  const from = shadow.attempts.length;
  await chat({ url: mesh.url, model: 'short' });
  await until('the copy came', () => shadow.attempts.length > from);
  await until('it was given up', () => closed === 1);
});
