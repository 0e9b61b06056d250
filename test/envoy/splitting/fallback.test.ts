/** A canary that fails in any way is followed by what the route falls back to, and no client notices. */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { after, before, beforeEach, test } from 'node:test';
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
import { type LoggedMesh, serveLogged } from './logged-mesh.ts';
import { weighted } from './weighted.ts';

const FIRST_BYTE_TIMEOUT_MS = 300;
const VARIANTS = ['canary', 'stable', 'backup'] as const;

let backends: Record<(typeof VARIANTS)[number], ActingBackend>;
let mesh: ServedMesh;

before(async () => {
  const [canary, stable, backup] = [
    await startActingBackend(),
    await startActingBackend(),
    await startActingBackend(),
  ];
  backends = { canary, stable, backup };
  mesh = await serve(resources());
});

after(async () => {
  await mesh?.stop();
  await Promise.all(Object.values(backends ?? {}).map((backend) => backend.stop()));
});

beforeEach(() => {
  for (const name of VARIANTS) {
    backends[name].act = answer(200, name);
    backends[name].actEarly = null;
  }
});

function resources(): object[] {
  const variants = weighted({ canary: 1, stable: 0, backup: 0 });
  const route = (name: string, spec: object) =>
    modelRoute(name, [name], [], { variants, responses: { attemptsHeader: true }, ...spec });
  const fallback = { variants: ['stable', 'backup'] };
  return [
    ...VARIANTS.map((name) =>
      modelBackend(name, backends[name].port, {
        protocol: 'OpenAI',
        model: { name: `of-${name}` },
      }),
    ),
    route('m', {
      fallback,
      retry: { attempts: 1, firstByteTimeoutMs: FIRST_BYTE_TIMEOUT_MS, backoffMs: 1 },
    }),
    route('twice', { fallback, retry: { attempts: 2, backoffMs: 1 } }),
    route('plain', { fallback }),
  ];
}

function modelsSent(name: (typeof VARIANTS)[number]): string[] {
  return backends[name].attempts.map(({ body }) => JSON.parse(String(body)).model);
}

const FAILURES: readonly (readonly [what: string, act: Act, noted: string])[] = [
  ['answers 500', answer(500), 'status=500'],
  ['answers 429', answer(429), 'status=429'],
  ['answers 503', answer(503), 'status=503'],
  ['never answers', silence, 'reset'],
  ['is killed', reset, 'reset'],
];

for (const [what, act, noted] of FAILURES) {
  test(`a canary that ${what}: the stable variant answers, asked for its own model`, async () => {
    backends.canary.act = act;
    const got = await chat({ url: mesh.url, model: 'm', body: { input: 'x' } });
    assert.equal(got.status, 200, String(got.body));
    assert.equal(String(got.body), 'stable');
    assert.equal(variantOf(got), 'stable');
    assert.equal(attemptsOf(got), `canary;${noted}, stable;status=200`);
    assert.equal(modelsSent('canary').at(-1), 'of-canary');
    assert.equal(modelsSent('stable').at(-1), 'of-stable');
  });
}

test('a canary that is killed in the middle of a request is followed by the stable variant', async () => {
  backends.canary.actEarly = reset;
  const input = 'x'.repeat(500_000);
  const got = await chat({ url: mesh.url, model: 'm', body: { input } });
  assert.equal(String(got.body), 'stable');
  const sent = backends.stable.attempts.at(-1);
  assert.equal(String(sent?.body), JSON.stringify({ model: 'of-stable', input }));
});

test('a canary that is down is followed, and serves again once it is back', async () => {
  await backends.canary.goDown();
  for (let i = 0; i < 10; i++) {
    const got = await chat({ url: mesh.url, model: 'm' });
    assert.equal(String(got.body), 'stable');
    assert.equal(attemptsOf(got), 'canary;reset, stable;status=200');
  }
  await backends.canary.comeBack();
  assert.equal(String((await chat({ url: mesh.url, model: 'm' })).body), 'canary');
});

test('a fallback that fails too is followed by the next', async () => {
  backends.canary.act = reset;
  backends.stable.act = answer(500);
  const got = await chat({ url: mesh.url, model: 'm' });
  assert.equal(String(got.body), 'backup');
  assert.equal(variantOf(got), 'backup');
  assert.equal(attemptsOf(got), 'canary;reset, stable;status=500, backup;status=200');
  assert.equal(modelsSent('backup').at(-1), 'of-backup');
});

test('a variant is tried as often as the route says before the next one is', async () => {
  backends.canary.act = answer(500);
  backends.stable.act = inTurn(answer(429), answer(200, 'stable'));
  const got = await chat({ url: mesh.url, model: 'twice' });
  const noted = 'canary;status=500, canary;status=500, stable;status=429, stable;status=200';
  assert.equal(attemptsOf(got), noted);
  assert.equal(String(got.body), 'stable');
});

test('a fallback list alone is enough', async () => {
  backends.canary.act = answer(500);
  const got = await chat({ url: mesh.url, model: 'plain' });
  assert.equal(attemptsOf(got), 'canary;status=500, stable;status=200');
});

test('when all have failed the last answer is given on, and names who gave it', async () => {
  backends.canary.act = answer(500, 'first');
  backends.stable.act = answer(500, 'second');
  backends.backup.act = answer(429, 'third');
  const got = await chat({ url: mesh.url, model: 'm' });
  assert.equal(got.status, 429);
  assert.equal(String(got.body), 'third');
  assert.equal(variantOf(got), 'backup');
});

test('connections are used again after an edited retry, and no byte is left on them', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const [canaryFrom, stableFrom] = [
    backends.canary.attempts.length,
    backends.stable.attempts.length,
  ];
  for (let i = 0; i < 20; i++) {
    backends.canary.act = i % 2 === 0 ? answer(500) : answer(200, 'canary');
    const got = await chat({ url: mesh.url, model: 'm', body: { i }, agent });
    assert.equal(String(got.body), i % 2 === 0 ? 'stable' : 'canary');
  }
  agent.destroy();
  for (const [name, from, count] of [
    ['canary', canaryFrom, 20],
    ['stable', stableFrom, 10],
  ] as const) {
    const attempts = backends[name].attempts.slice(from);
    assert.equal(attempts.length, count);
    assert.equal(new Set(attempts.map(({ connection }) => connection)).size, 1, name);
    for (const { body, headers } of attempts) {
      assert.match(String(body), RegExp(`^{"model":"of-${name}","i":\\d+}$`));
      assert.equal(headers['content-length'], String(body.length));
      const reserved = Object.keys(headers).filter((key) => key.startsWith('x-modelweir'));
      assert.deepEqual(reserved, []);
    }
    assert.equal(backends[name].malformed, 0);
  }
});

test('the access log says that Envoy chose the variant instead, and who was asked before', async (t) => {
  const logged: LoggedMesh = await serveLogged(t, resources());
  await chat({ url: logged.url, model: 'm' });
  backends.canary.act = answer(500);
  await chat({ url: logged.url, model: 'm' });
  const [first, second] = await logged.entries();
  assert.equal(first?.['variant'], 'canary');
  assert.equal(first?.['reason'], 'random');
  assert.equal(second?.['variant'], 'stable');
  assert.equal(second?.['reason'], 'fallback');
  assert.equal(second?.['attempts'], 'canary;status=500, stable;status=200');
});
