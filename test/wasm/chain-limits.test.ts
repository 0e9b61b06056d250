/** The built chain under the strict host: how much of bodies it holds, of one and of all together. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestMesh } from '../unit/chain/mesh.ts';
import { ChainScene, CONTINUE, counterOf, HOLD, routed } from './chain-scene.ts';

const MESH: TestMesh = {
  maxHoldBytes: 1_000,
  maxHeldBytes: 2_500,
  routes: {
    'default/strict': { models: ['digits'] },
    'default/fast': { models: ['fast'], strict: false },
    'default/renamed': {
      claims: [{ model: '', prefix: true }],
      variants: [{ servedModel: 'own' }],
    },
  },
};

/** The beginning of a body of that many bytes, whose model has not come. */
function begun(bytes: number): string {
  const before = '{"input":"';
  return before + 'x'.repeat(bytes - before.length);
}

test('no more than maxHoldBytes are held, and the answer names the limit', () => {
  const scene = new ChainScene(MESH);
  for (const bytes of [1_000, 1_001]) {
    const stream = scene.held({});
    const body = begun(bytes);
    assert.equal(stream.requestBody(body.slice(0, 500), false), HOLD);
    assert.equal(scene.heldBytes, 500);
    assert.equal(stream.requestBody(body.slice(500), false), HOLD);
    const effects = scene.host.takeEffects().join();
    if (bytes > 1_000) assert.match(effects, /^reply \d+ 413 .*first 1000 bytes.*maxHoldBytes/);
    else assert.equal(effects, '');
    assert.equal(scene.heldBytes, bytes > 1_000 ? 0 : bytes);
    scene.end(stream);
    assert.equal(scene.heldBytes, 0);
  }
  assert.equal(scene.count(counterOf('', 'body_too_large')), 1);
});

for (const model of ['digits', 'fast']) {
  test(`a piece that brings the name of ${model} may be longer than the limit`, () => {
    const scene = new ChainScene(MESH);
    const body = `{"model":"${model}","input":"${'x'.repeat(200_000)}"}`;
    const { stream, effects, sent } = scene.send({ body });
    assert.deepEqual(effects, routed(model === 'fast' ? 'default/fast' : 'default/strict'));
    assert.equal(sent.length, body.length);
    assert.equal(scene.heldBytes, 0);
    scene.end(stream);
  });
}

test('a body beyond the limit goes to the default route as it came, if that is wanted', () => {
  const scene = new ChainScene({ ...MESH, defaultOverLimit: true });
  const body = `${begun(1_200)}","model":"digits"}`;
  for (const pieces of [[body], [body.slice(0, 900), body.slice(900, 1_100), body.slice(1_100)]]) {
    const { stream, effects, action, sent } = scene.send({ body: pieces });
    assert.deepEqual([action, effects], [CONTINUE, routed('default/renamed')]);
    assert.equal(sent.toString(), body);
    assert.equal(scene.heldBytes, 0);
    scene.end(stream);
  }
});

test('all bodies together hold no more than maxHeldBytes, and who comes too late is told', () => {
  const scene = new ChainScene(MESH);
  const streams = [scene.held({}), scene.held({}), scene.held({})];
  const [first, second, third] = streams;
  assert.ok(first && second && third);
  assert.equal(first.requestBody(begun(1_000), false), HOLD);
  assert.equal(second.requestBody(begun(1_000), false), HOLD);
  assert.equal(third.requestBody(begun(500), false), HOLD);
  assert.deepEqual(scene.host.takeEffects(), []);
  assert.equal(scene.heldBytes, 2_500);
  assert.equal(third.requestBody('x', false), HOLD);
  const [reply] = scene.host.takeEffects();
  assert.match(reply ?? '', /^reply \d+ 429 .*holds 2500 bytes .*maxHeldBytes.*--max-held-bytes/);
  assert.equal(scene.count(counterOf('', 'too_many_held_bytes')), 1);
  assert.equal(scene.heldBytes, 2_000);
  for (const stream of streams) stream.done();
  assert.equal(scene.heldBytes, 0);
  scene.host.finish();
});

test('a body whose name comes with its first piece is held by nobody', () => {
  const scene = new ChainScene({ ...MESH, maxHeldBytes: 0 });
  const { stream, effects } = scene.send({ body: ['{"model":"digits"', '}'] });
  assert.deepEqual(effects, routed('default/strict'));
  assert.equal(scene.host.metrics.get('modelweir_router_held_bytes') ?? 0, 0);
  assert.equal(scene.host.metrics.get('modelweir_router_decision_microseconds'), undefined);
  scene.end(stream);
});

test('an empty piece waits without holding anything', () => {
  const scene = new ChainScene({ ...MESH, maxHeldBytes: 0 });
  const stream = scene.held({});
  assert.equal(stream.requestBody('', false), HOLD);
  assert.deepEqual(scene.host.takeEffects(), []);
  assert.equal(stream.requestBody('{', false), HOLD);
  assert.match(scene.host.takeEffects().join(), /^reply \d+ 429 /);
  scene.end(stream);
});

const LEAVING: readonly { name: string; last: string; trailers?: boolean }[] = [
  { name: 'is sent', last: '","model":"digits"}' },
  { name: 'is sent after an edit', last: '","model":"other"}' },
  { name: 'is refused', last: '"}' },
  { name: 'is malformed', last: '"]' },
  { name: 'ends with trailers', last: '', trailers: true },
];

for (const { name, last, trailers } of LEAVING) {
  test(`what was held counts no more once the request ${name}, and how long it took is known`, () => {
    const scene = new ChainScene(MESH);
    const stream = scene.held({});
    assert.equal(stream.requestBody(begun(600), false), HOLD);
    assert.equal(scene.heldBytes, 600);
    scene.host.advance(7);
    if (trailers) stream.requestTrailers();
    else stream.requestBody(last, true);
    assert.notEqual(scene.host.takeEffects().length, 0);
    assert.equal(scene.heldBytes, 0);
    assert.equal(scene.count('modelweir_router_decision_microseconds'), 7_000);
    scene.end(stream);
    assert.equal(scene.heldBytes, 0);
  });
}

test('a client that goes away while it is held gives back what it held, and decides nothing', () => {
  const scene = new ChainScene(MESH);
  const stream = scene.held({});
  stream.requestBody(begun(600), false);
  scene.host.advance(7);
  scene.end(stream);
  assert.equal(scene.heldBytes, 0);
  assert.equal(scene.host.metrics.get('modelweir_router_decision_microseconds'), undefined);
});
