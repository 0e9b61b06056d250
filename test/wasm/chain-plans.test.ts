/** The built chain on routes whose clusters have rewriters: what it leaves alone, and what it tells them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodePlan } from '../../filters/rewriter/plan.ts';
import { LABEL, type TestMesh } from '../unit/chain/mesh.ts';
import { ChainScene, CONTINUE, routed } from './chain-scene.ts';

const VARIANTS = [
  { name: 'stable', servedModel: 'stable-v1' },
  { name: 'canary', servedModel: 'canary-v2', weight: 0 },
];
const SHARED = { variants: VARIANTS, variantHeader: false };
const MESH: TestMesh = {
  routes: {
    planned: { ...SHARED, models: ['planned'], planned: true, batched: true },
    shadowed: { ...SHARED, models: ['shadowed'], shadow: { variant: 'canary' }, batched: true },
    plain: { ...SHARED, models: ['plain'] },
    asked: { ...SHARED, models: ['asked'], tellDecision: 'OnRequest', stickyHeader: 'x-user' },
    told: { ...SHARED, models: ['told'], tellDecision: 'Always' },
    local: {
      ...SHARED,
      models: ['local'],
      matches: [{ variant: 'canary', sources: ['192.0.2.0/24'] }],
    },
  },
};

const COPIED = { body: '{"model":"shadowed"}', headers: { 'content-length': '20' } };

/** The value of a property among effects. */
function property(effects: readonly string[], name: string): string | undefined {
  const prefix = `property modelweir.${name}=`;
  const effect = effects.find((one) => one.startsWith(prefix));
  return effect === undefined ? undefined : JSON.parse(effect.slice(prefix.length));
}

test('a planned request is sent as it came, with its plan in a property and in no header', () => {
  const scene = new ChainScene(MESH);
  const body = '{"input":"a","model":"planned"}';
  const { stream, effects, sent, action } = scene.send({
    body,
    headers: { 'content-length': String(body.length) },
  });
  assert.equal(action, CONTINUE);
  assert.equal(sent.toString(), body);
  const plan = decodePlan(property(effects, 'plan') ?? '');
  assert.deepEqual([plan?.variant, plan?.model, plan?.offset], ['stable', 'planned', 21]);
  const headers = stream.requestHeadersNow;
  assert.equal(headers['x-modelweir-plan'], undefined);
  assert.equal(headers['content-length'], String(body.length));
  assert.equal(headers['x-modelweir-route'], 'planned', 'it may be joined with others');
  scene.end(stream);
});

test('a copied request names the shadow’s cluster, has its plan in a header too, and is not joined', () => {
  const scene = new ChainScene(MESH);
  const { stream, effects, sent } = scene.send(COPIED);
  const headers = stream.requestHeadersNow;
  assert.equal(headers['x-modelweir-shadow-cluster'], 'shadowed##shadow');
  assert.equal(headers['x-modelweir-plan'], property(effects, 'plan'));
  assert.match(decodePlan(headers['x-modelweir-plan'] ?? '')?.comparison ?? '', /^\d+\.\d+$/);
  assert.equal(headers['x-modelweir-route'], undefined);
  assert.equal(sent.toString(), '{"model":"shadowed"}');
  assert.equal(scene.count('modelweir_shadow_requests_total;route=shadowed;variant=canary'), 1);
  scene.end(stream);
});

test('two copied requests are never taken for one', () => {
  const scene = new ChainScene(MESH);
  const names = Array.from({ length: 50 }, () => {
    const { stream, effects } = scene.send(COPIED);
    scene.end(stream);
    return decodePlan(property(effects, 'plan') ?? '')?.comparison;
  });
  assert.equal(new Set(names).size, names.length);
});

test('an ordinary request costs no more than before', () => {
  const scene = new ChainScene(MESH);
  const { stream, effects } = scene.send({ body: '{"model":"plain"}' });
  assert.deepEqual(
    effects.filter((effect) => !effect.startsWith('replace request body ')),
    routed('plain-stable', ''),
  );
  scene.end(stream);
});

for (const [name, headers, expected] of [
  [
    'who asks for it',
    { 'modelweir-explain': '1', 'x-user': 'ada' },
    /^route=asked;variant=stable;reason=sticky:\d+;configuration=c0ffee$/,
  ],
  ['nobody else', { 'x-user': 'ada' }, null],
] as const) {
  test(`where a route tells its decisions on request, ${name} is told`, () => {
    const scene = new ChainScene(MESH);
    const { stream, effects } = scene.send({ body: '{"model":"asked"}', headers });
    if (expected === null) assert.equal(property(effects, 'decision'), undefined);
    else assert.match(property(effects, 'decision') ?? '', expected);
    scene.end(stream);
  });
}

test('where a route always tells its decisions, everybody is told', () => {
  const scene = new ChainScene(MESH);
  const { stream, effects } = scene.send({ body: '{"model":"told"}' });
  const decision = `route=told;variant=stable;reason=random;configuration=${LABEL}`;
  assert.equal(property(effects, 'decision'), decision);
  scene.end(stream);
});

test('the client’s address is asked for where a rule wants it', () => {
  const scene = new ChainScene(MESH);
  for (const [address, cluster] of [
    ['192.0.2.7:4711', 'local-canary'],
    ['198.51.100.7:4711', 'local-stable'],
    ['[2001:db8::1]:4711', 'local-stable'],
  ] as const) {
    const { stream } = scene.begin({ body: '{"model":"local"}' });
    stream.properties.set('source\0address', Buffer.from(address));
    assert.equal(stream.requestBody('{"model":"local"}', true), CONTINUE);
    scene.host.takeEffects();
    assert.equal(stream.requestHeadersNow['x-modelweir-cluster'], cluster);
    scene.end(stream);
  }
});
