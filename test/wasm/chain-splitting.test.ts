/** The built chain under the strict host: which variant, by which key, and who is told. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bucketOf, variantOfBucket } from '../../filters/splitter/choice.ts';
import { LABEL, splitterOf, type TestMesh } from '../unit/chain/mesh.ts';
import {
  ChainScene,
  CONTINUE,
  counterOf,
  HOLD,
  openAiError,
  replied,
  routed,
} from './chain-scene.ts';

const VARIANTS = [
  { name: 'stable', weight: 70 },
  { name: 'canary', weight: 25 },
  { name: 'tiny-share', weight: 5 },
  { name: 'off', weight: 0 },
];
const MESH: TestMesh = {
  routes: {
    'default/digits': { models: ['digits'], stickyHeader: 'X-User', variants: VARIANTS },
    'default/field': { models: ['field'], stickyField: 'user', variants: VARIANTS },
    'default/quiet': { models: ['quiet'], variantHeader: false },
  },
};

const PROGRAM = splitterOf(MESH);

/** The variant of a key, by the same code under Node. */
function variantOf(route: string, key: string): string {
  const program = PROGRAM.routes.get(route);
  assert.ok(program);
  return program.variants[variantOfBucket(program, bucketOf(program, key))]?.name ?? '';
}

function chosen(scene: ChainScene, route: string, variant: string): number {
  return scene.count(
    `modelweir_router_requests_total;outcome=routed;route=${route};variant=${variant}`,
  );
}

test('a request gets a cluster, and Envoy is told which variant to name in the response', () => {
  const scene = new ChainScene(MESH);
  const headers = { 'x-user': 'ann' };
  const { stream, effects } = scene.send({ path: '/v2/models/digits/infer', headers, body: '' });
  const variant = variantOf('default/digits', 'ann');
  assert.deepEqual(effects, routed(`default/digits-${variant}`, variant));
  assert.equal(chosen(scene, 'default/digits', variant), 1);
  scene.end(stream);
});

test('a route that keeps its variant to itself says nothing of it', () => {
  const scene = new ChainScene(MESH);
  const { stream, effects } = scene.send({ body: '{"model":"quiet"}' });
  assert.deepEqual(effects, routed('default/quiet', ''));
  scene.end(stream);
});

test('what the access log says is noted where there is one', () => {
  const scene = new ChainScene({ ...MESH, noteOutcome: true, noteFacts: true });
  const { stream, effects } = scene.send({ body: '{"model":"quiet"}' });
  assert.deepEqual(effects, [
    ...routed('default/quiet', ''),
    'property modelweir.route="default/quiet"',
    'property modelweir.variant="only"',
    'property modelweir.model="quiet"',
    'property modelweir.reason="random"',
    `property modelweir.configuration="${LABEL}"`,
  ]);
  scene.end(stream);
});

test('a field of the body decides, once it has come', () => {
  const scene = new ChainScene(MESH);
  const variant = variantOf('default/field', 'ann');
  const effects = routed(`default/field-${variant}`, variant);
  for (const body of ['{"user":"ann","model":"field"}', '{"model":"field","user":"ann"}']) {
    const passage = scene.send({ body });
    assert.deepEqual(passage.effects, effects);
    scene.end(passage.stream);
  }
  const stream = scene.held({});
  assert.equal(stream.requestBody('{"model":"field",', false), HOLD);
  assert.deepEqual(scene.host.takeEffects(), []);
  assert.ok(scene.heldBytes > 0);
  assert.equal(stream.requestBody('"user":"ann"', false), CONTINUE);
  assert.deepEqual(scene.host.takeEffects(), effects);
  assert.equal(scene.heldBytes, 0);
  assert.equal(stream.requestBody('}', true), CONTINUE);
  scene.end(stream);
});

test('a body that ends, be it with trailers, while it waits for its field goes on without', () => {
  for (const trailers of [false, true]) {
    const scene = new ChainScene(MESH);
    const { stream, effects, action, sent } = scene.send(
      { body: ['{"model":"field"', ',"x":1', '}'] },
      trailers,
    );
    assert.equal(action, CONTINUE);
    assert.equal(effects.length, 3);
    assert.equal(sent.toString(), '{"model":"field","x":1}');
    scene.end(stream);
  }
});

test('WebAssembly and JavaScript put 100,000 clients on the same variants', () => {
  const scene = new ChainScene(MESH);
  for (let i = 0; i < 100_000; i++) {
    const key = i % 3 === 0 ? `üser-${i}-\u{1f600}` : `user-${i}`;
    const request = { path: '/v2/models/digits', headers: { 'x-user': key } };
    const { stream } = scene.begin(request);
    const cluster = stream.requestHeadersNow['x-modelweir-cluster'];
    assert.equal(cluster, `default/digits-${variantOf('default/digits', key)}`, key);
    scene.host.takeEffects();
    stream.done();
  }
  scene.host.finish();
  assert.ok(scene.host.memoryBytes <= 16 << 20, `${scene.host.memoryBytes} bytes`);
});

test('without a key the shares are the weights, and a weight of 0 is exactly none', () => {
  const scene = new ChainScene(MESH);
  const total = 20_000;
  for (let i = 0; i < total; i++) {
    const { stream } = scene.begin({ path: '/v2/models/digits' });
    scene.host.takeEffects();
    stream.done();
  }
  assert.equal(chosen(scene, 'default/digits', 'off'), 0);
  for (const { name, weight } of VARIANTS) {
    const expected = (weight / 100) * total;
    const spread = 5 * Math.sqrt(total * (weight / 100) * (1 - weight / 100));
    const count = chosen(scene, 'default/digits', name);
    assert.ok(Math.abs(count - expected) <= spread, `${name}: ${count}`);
  }
});

test('a route of which the splitter knows nothing takes no requests', () => {
  const scene = new ChainScene(MESH);
  const next = scene.addRouter({ routes: { 'default/new': { models: ['new'] } } });
  const { stream } = scene.begin({ body: '' }, next);
  assert.equal(stream.requestBody('{"model":"new"}', false), HOLD);
  const message = 'no variant of route default/new takes requests';
  const error = openAiError(503, 'no_variant', message);
  assert.deepEqual(scene.host.takeEffects(), replied(stream, 503, error));
  assert.equal(scene.count(counterOf('default/new', 'no_variant')), 1);
  scene.end(stream);
});
