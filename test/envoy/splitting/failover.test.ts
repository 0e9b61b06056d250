/** Variants whose endpoints are unhealthy get nothing; who stands in for them follows the documented rule. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { until } from '../../harness/until.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from '../protocols/resources.ts';
import { type ActingBackend, answer, startActingBackend } from './acting-backend.ts';
import { chat, variantOf } from './asking.ts';
import { weighted } from './weighted.ts';

const USERS = 60;
const CHECK = { intervalMs: 50, timeoutMs: 500, unhealthyThreshold: 1, healthyThreshold: 1 };

let stable: ActingBackend;
let canaries: readonly ActingBackend[];
let mesh: ServedMesh;
/** A user whose variant is the canary. */
let atCanary: string | undefined;

before(async () => {
  stable = await startActingBackend(answer(200, 'stable'));
  canaries = [await startActingBackend(), await startActingBackend(), await startActingBackend()];
  const protocol = 'OpenAI';
  const endpoints = canaries.map(({ port }) => ({ address: '127.0.0.1', port }));
  const sticky = { header: 'x-user' };
  const route = (name: string, weights: Record<string, number>, spec: object = {}) =>
    modelRoute(name, [name], [], { variants: weighted(weights), sticky, ...spec });
  const others = ['a', 'b', 'backup'].map((name) =>
    modelBackend(name, stable.port, { protocol, model: { name: `of-${name}` } }),
  );
  mesh = await serve([
    ...others,
    modelBackend('stable', stable.port, { protocol, model: { name: 'of-stable' } }),
    modelBackend('canary', 0, { protocol, endpoints, healthCheck: CHECK }),
    route('two', { stable: 5000, canary: 5000 }),
    route('heaviest', { a: 100, b: 100, stable: 50, canary: 100, backup: 0 }),
    route(
      'listed',
      { stable: 5000, canary: 5000, backup: 0 },
      { fallback: { variants: ['backup'] } },
    ),
  ]);
  for (let user = 0; user < USERS && atCanary === undefined; user++) {
    const headers = { 'x-user': `user-${user}` };
    const got = await chat({ url: mesh.url, model: 'two', headers });
    if (variantOf(got) === 'canary') atCanary = `user-${user}`;
  }
});

after(async () => {
  await mesh?.stop();
  await Promise.all([stable, ...(canaries ?? [])].map((backend) => backend?.stop()));
});

afterEach(() => healthy(canaries.length));

/** So many of the canary's endpoints are well, and the worker knows it: a little later than the statistics. */
async function healthy(count: number): Promise<void> {
  canaries.forEach((backend, index) => {
    backend.health = index < count ? 200 : 503;
  });
  await until(`${count} endpoints are healthy`, async () => {
    const stats = await mesh.envoy.stats(/^cluster\.default\/canary\.membership_healthy$/);
    return [...stats.values()][0] === count;
  });
  await until(`${count} endpoints are asked`, async () => {
    const counts = canaries.map(({ attempts }) => attempts.length);
    for (let i = 0; i < 12; i++) {
      const got = await chat({ url: mesh.url, model: 'two', headers: { 'x-user': atCanary } });
      assert.equal(got.status, 200);
    }
    const asked = canaries.filter(({ attempts }, i) => attempts.length > (counts[i] ?? 0));
    return asked.length === count;
  });
}

/** The variant of each of many users; every request is answered by 200. */
async function variantsOf(model: string): Promise<readonly string[]> {
  const variants: string[] = [];
  for (let user = 0; user < USERS; user++) {
    const got = await chat({ url: mesh.url, model, headers: { 'x-user': `user-${user}` } });
    assert.equal(got.status, 200, String(got.body));
    variants.push(variantOf(got) ?? '');
  }
  return variants;
}

/** Where those go who were at the canary; all others stay, request by request. */
function checkMoved(before: readonly string[], after: readonly string[], to: string): void {
  const expected = before.map((variant) => (variant === 'canary' ? to : variant));
  assert.deepEqual(after, expected);
  assert.ok(before.includes('canary'), 'somebody was at the canary');
}

test('without a healthy endpoint a variant gets nothing; its users come back with its health', async () => {
  const before = await variantsOf('two');
  await healthy(0);
  const counts = canaries.map(({ attempts }) => attempts.length);
  checkMoved(before, await variantsOf('two'), 'stable');
  assert.deepEqual(
    canaries.map(({ attempts }) => attempts.length),
    counts,
  );
  await healthy(3);
  assert.deepEqual(await variantsOf('two'), before);
});

test('one healthy endpoint of three keeps the share of its variant', async () => {
  const before = await variantsOf('two');
  await healthy(1);
  const counts = canaries.map(({ attempts }) => attempts.length);
  assert.deepEqual(await variantsOf('two'), before);
  const more = canaries.map(({ attempts }, index) => attempts.length - (counts[index] ?? 0));
  assert.deepEqual(more, [before.filter((variant) => variant === 'canary').length, 0, 0]);
});

test('without a fallback list the heaviest other variant stands in, of two the first by name', async () => {
  const before = await variantsOf('heaviest');
  await healthy(0);
  checkMoved(before, await variantsOf('heaviest'), 'a');
  assert.equal(JSON.parse(String(stable.attempts.at(-1)?.body)).model.slice(0, 3), 'of-');
});

test('with a fallback list its first variant stands in, whatever it weighs', async () => {
  const before = await variantsOf('listed');
  await healthy(0);
  checkMoved(before, await variantsOf('listed'), 'backup');
});

test('health that flips under traffic fails no request', async () => {
  let isOver = false;
  const flipping = (async () => {
    for (let i = 0; i < 6; i++) await healthy(i % 2 === 0 ? 0 : 3);
    isOver = true;
  })();
  let count = 0;
  while (!isOver) {
    const headers = { 'x-user': `user-${count++ % USERS}` };
    assert.equal((await chat({ url: mesh.url, model: 'two', headers })).status, 200);
  }
  await flipping;
});
