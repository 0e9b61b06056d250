/** What is tried again, how often, and who gets it: always another endpoint of the same variant. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { freePort } from '../../harness/envoy.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from '../protocols/resources.ts';
import {
  type Act,
  type ActingBackend,
  answer,
  inTurn,
  reset,
  silence,
  startActingBackend,
} from './acting-backend.ts';
import { attemptsOf, chat, variantOf } from './asking.ts';
import { weighted } from './weighted.ts';

const FIRST_BYTE_TIMEOUT_MS = 300;
const ALL = ['ConnectFailure', 'Reset', 'TooManyRequests', 'ServerError'];

/** Two endpoints of one variant, which act by one list. */
let endpoints: readonly ActingBackend[];
let other: ActingBackend;
let mesh: ServedMesh;

before(async () => {
  endpoints = [await startActingBackend(), await startActingBackend()];
  other = await startActingBackend(answer(200, 'other'));
  const protocol = 'OpenAI';
  const model = { name: 'served' };
  const both = endpoints.map(({ port }) => ({ address: '127.0.0.1', port }));
  const closed = [{ address: '127.0.0.1', port: await freePort() }, ...both];
  const route = (name: string, retry: object, backend = 'stable') =>
    modelRoute(name, [name], [], {
      variants: [
        { name: 'stable', backendRef: { name: backend }, weight: 1 },
        ...weighted({ other: 0 }),
      ],
      retry: { backoffMs: 1, ...retry },
      responses: { attemptsHeader: true },
    });
  mesh = await serve([
    modelBackend('stable', 0, { protocol, model, endpoints: both }),
    modelBackend('partly-down', 0, { protocol, model, endpoints: closed }),
    modelBackend('other', other.port, { protocol }),
    route('m', { attempts: 2, firstByteTimeoutMs: FIRST_BYTE_TIMEOUT_MS }),
    route('four', { attempts: 4 }),
    route('once', { attempts: 1 }),
    route('down', { attempts: 2 }, 'partly-down'),
    route('small', { attempts: 2, maxBodyBytes: 2000 }),
    ...ALL.map((condition) =>
      route(`only-${condition.toLowerCase()}`, {
        attempts: 2,
        on: [condition],
        ...(condition === 'Reset' ? { firstByteTimeoutMs: FIRST_BYTE_TIMEOUT_MS } : {}),
      }),
    ),
  ]);
});

after(async () => {
  await mesh?.stop();
  await Promise.all([...(endpoints ?? []), other].map((backend) => backend?.stop()));
});

afterEach(() => assert.equal(other.attempts.length, 0, 'a retry has left its variant'));

/** What both endpoints do, in turn. */
function actAll(...acts: readonly [Act, ...Act[]]): void {
  const act = inTurn(...acts);
  for (const endpoint of endpoints) endpoint.act = act;
}

function tries(): number {
  return endpoints.reduce((sum, { attempts }) => sum + attempts.length, 0);
}

const FAILURES: readonly (readonly [what: string, act: Act, noted: string])[] = [
  ['a reset', reset, 'reset'],
  ['a 429', answer(429), 'status=429'],
  ['a 500', answer(500), 'status=500'],
  ['a 503', answer(503), 'status=503'],
  ['no answer in time', silence, 'reset'],
];

for (const [what, act, noted] of FAILURES) {
  test(`after ${what} another endpoint is asked, and the caller told`, async () => {
    actAll(act, answer(200, 'second'));
    const counts = endpoints.map(({ attempts }) => attempts.length);
    const got = await chat({ url: mesh.url, model: 'm', body: { input: 'x' } });
    assert.equal(got.status, 200, String(got.body));
    assert.equal(String(got.body), 'second');
    assert.equal(variantOf(got), 'stable');
    assert.equal(attemptsOf(got), `stable;${noted}, stable;status=200`);
    endpoints.forEach(({ attempts }, index) => {
      assert.equal(attempts.length, (counts[index] ?? 0) + 1, 'each endpoint was asked once');
      assert.equal(String(attempts.at(-1)?.body), '{"model":"served","input":"x"}');
    });
  });
}

test('an endpoint that refuses connections costs no request', async () => {
  actAll(answer(200, 'up'));
  for (let i = 0; i < 30; i++) {
    const got = await chat({ url: mesh.url, model: 'down' });
    assert.equal(got.status, 200, String(got.body));
    assert.match(attemptsOf(got) ?? '', /^(stable;reset, )?stable;status=200$/);
  }
});

test('the last answer is given on when all tries have failed, and there are so many of them', async () => {
  for (const [model, count] of [
    ['once', 1],
    ['m', 2],
    ['four', 4],
  ] as const) {
    actAll(answer(500, 'early'), answer(500, 'early'), answer(500, 'early'), answer(503, 'last'));
    const before = tries();
    const got = await chat({ url: mesh.url, model });
    assert.equal(tries() - before, count, model);
    assert.equal(String(got.body), count === 4 ? 'last' : 'early');
    assert.equal(attemptsOf(got)?.split(', ').length, count);
  }
});

test('a client error is an answer, and not tried again', async () => {
  for (const status of [400, 404, 409, 422]) {
    actAll(answer(status, 'mine'), answer(200));
    const got = await chat({ url: mesh.url, model: 'm' });
    assert.equal(got.status, status);
    assert.equal(attemptsOf(got), `stable;status=${status}`);
  }
});

test('what the route does not name is not tried again', async () => {
  const acts: readonly (readonly [string, Act, number])[] = [
    ['only-toomanyrequests', answer(429), 200],
    ['only-toomanyrequests', answer(500), 500],
    ['only-toomanyrequests', reset, 503],
    ['only-servererror', answer(500), 200],
    ['only-servererror', answer(429), 429],
    ['only-servererror', reset, 503],
    ['only-reset', reset, 200],
    ['only-reset', silence, 200],
    ['only-reset', answer(500), 500],
    ['only-connectfailure', reset, 503],
    ['only-connectfailure', answer(500), 500],
  ];
  for (const [model, act, status] of acts) {
    actAll(act, answer(200));
    const got = await chat({ url: mesh.url, model });
    assert.equal(got.status, status, `${model}: ${act}`);
  }
});

for (const [model, smallBytes, largeBytes] of [
  ['small', 1000, 100_000],
  // With the default limit.
  ['m', 1_000_000, 10_000_000],
] as const) {
  test(`a body of ${largeBytes} bytes is more than route ${model} keeps, and tried once`, async () => {
    for (const [size, status, count] of [
      [smallBytes, 200, 2],
      [largeBytes, 500, 1],
    ] as const) {
      actAll(answer(500, 'failed'), answer(200));
      const before = tries();
      const got = await chat({ url: mesh.url, model, body: { input: 'x'.repeat(size) } });
      assert.equal(got.status, status);
      assert.equal(tries() - before, count);
      if (count === 1) assert.equal(String(got.body), 'failed');
    }
  });
}

test('a larger body whose first try succeeds notices nothing', async () => {
  actAll(answer(200, 'first'));
  const body = { input: 'x'.repeat(900_000) };
  const got = await chat({ url: mesh.url, model: 'small', body });
  assert.equal(got.status, 200);
  assert.equal(String(got.body), 'first');
});
