/** The built batcher under a strict host: every host call that it makes, and none on a stream that has gone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CallAnswer, CONTINUE, HOLD, WasmHost } from '../harness/wasm-host.ts';
import type { Headers } from '../harness/wasm-stream.ts';
import { answer, answerBody, body, CONFIG, HEADERS, MODULE, Scene } from './batcher-scene.ts';

test('a lone request passes with nothing but reads', () => {
  const scene = new Scene();
  const stream = scene.lead();
  assert.equal(stream.requestBody(body(1), true), CONTINUE);
  stream.done();
  scene.host.finish();
  assert.equal(scene.count('passed'), 1);
});

test('companions are joined when the one in flight returns, and each gets its slice', () => {
  const scene = new Scene();
  const lead = scene.lead();
  const { stream: first, action } = scene.arrive();
  assert.equal(action, HOLD);
  assert.deepEqual(scene.host.takeEffects(), [`tick ${scene.root} 5`]);
  assert.equal(first.requestBody(body(10, 2).slice(0, 30), false), HOLD);
  assert.equal(first.requestBody(body(10, 2).slice(30), true), HOLD);
  const second = scene.held(20);
  lead.done();
  const joined =
    '{"id":"r10","inputs":[{"name":"x","shape":[3],"datatype":"FP32","data":[10,10,20]}]}';
  const headers = 'content-type=application/json authorization=ann';
  assert.deepEqual(scene.host.takeEffects(), [
    `call 1 cluster=default/stable POST /v2/models/digits/infer timeout=1000 ${headers} body=${joined}`,
  ]);
  scene.host.answerCall(1, answer([11, 12, 21], 'r10'));
  const shown =
    'content-type=application/json x-model=v1 x-modelweir-batch-size=2 x-modelweir-batch-rows=3 ' +
    'x-modelweir-batch-wait-ms=0';
  const noted = 'property modelweir.batch="size=2;rows=3;wait-ms=0"';
  assert.deepEqual(scene.host.takeEffects(), [
    noted,
    `reply ${first.id} 200 ${shown} ${answerBody([11, 12], 'r10')}`,
    noted,
    `reply ${second.id} 200 ${shown} ${answerBody([21], 'r20')}`,
  ]);
  first.done();
  second.done();
  scene.host.tick(scene.root, 5);
  assert.deepEqual(scene.host.takeEffects(), [`tick ${scene.root} 0`]);
  scene.host.finish();
  assert.equal(scene.count('joined'), 2);
  const histogram = (name: string) =>
    scene.host.metrics.get(`modelweir_batcher_${name};route=default/digits`);
  assert.deepEqual(
    [histogram('batch_size'), histogram('batch_rows'), histogram('wait_ms')],
    [2, 3, 0],
  );
});

test('a batch of one is released to go its own way', () => {
  const scene = new Scene();
  const lead = scene.lead();
  const only = scene.held(1);
  lead.done();
  assert.deepEqual(scene.host.takeEffects(), [`continue request ${only.id}`]);
  only.done();
});

test('a full batch goes from the body callback of the one that fills it', () => {
  const scene = new Scene();
  scene.lead();
  scene.held(1, 4);
  const { stream } = scene.arrive();
  assert.equal(stream.requestBody(body(2, 4), true), HOLD);
  assert.match(scene.host.takeEffects().join(), /^call 1 /);
  const { stream: large } = scene.arrive();
  assert.equal(large.requestBody(body(3, 9), true), CONTINUE, 'larger than any batch');
});

test('what waits goes with the tick', () => {
  const scene = new Scene();
  scene.lead();
  scene.held(1);
  scene.held(2);
  scene.host.tick(scene.root, 19);
  assert.deepEqual(scene.host.takeEffects(), []);
  scene.host.tick(scene.root, 1);
  assert.match(scene.host.takeEffects().join(), /^call 1 .*"data":\[1,2\]/);
});

const FAILURES: readonly { name: string; answer: CallAnswer | 'failure' }[] = [
  { name: 'a refusal', answer: { status: 400, body: '{"error":"no"}' } },
  { name: 'a server’s error', answer: { status: 500, body: '{"error":"no"}' } },
  { name: 'no answer', answer: 'failure' },
  { name: 'an answer that is no JSON', answer: { status: 200, body: 'fine' } },
  { name: 'an empty answer', answer: { status: 200, body: '' } },
  { name: 'a row too few', answer: answer([1], 'r1') },
  { name: 'a row too many', answer: answer([1, 2, 3], 'r1') },
];

for (const { name, answer: given } of FAILURES) {
  test(`after ${name} each member goes on alone, unchanged`, () => {
    const scene = new Scene();
    const lead = scene.lead();
    const members = [scene.held(1), scene.held(2)];
    lead.done();
    scene.host.takeEffects();
    scene.host.answerCall(1, given);
    assert.deepEqual(
      scene.host.takeEffects(),
      members.map((member) => `continue request ${member.id}`),
    );
    assert.equal(members[0]?.requestBodyNow.toString(), body(1));
    for (const member of members) member.done();
    assert.equal(scene.count('retried_alone'), 2);
  });
}

test('once the time is up, members get 504 in the protocol’s shape', () => {
  const scene = new Scene();
  const lead = scene.lead();
  const members = [scene.held(1), scene.held(2)];
  lead.done();
  scene.host.takeEffects();
  scene.host.advance(1_000);
  scene.host.answerCall(1, { status: 504, body: 'upstream request timeout' });
  const text = 'content-type=application/json {"error":"no answer within 1000 ms"}';
  assert.deepEqual(
    scene.host.takeEffects(),
    members.map((member) => `reply ${member.id} 504 ${text}`),
  );
  assert.equal(scene.count('timed_out'), 2);
});

test('a member that has gone is not joined, and not answered', () => {
  const scene = new Scene();
  const lead = scene.lead();
  const members = [1, 2, 3, 4].map((value) => scene.held(value));
  members[0]?.done();
  lead.done();
  assert.match(scene.host.takeEffects().join(), /^call 1 .*"data":\[2,3,4\]/);
  members[2]?.done();
  scene.host.answerCall(1, answer([2, 3, 4], 'r2'));
  const replied = scene.effects().map((effect) => effect.split(' ')[1]);
  assert.deepEqual(replied, [String(members[1]?.id), String(members[3]?.id)]);
  assert.equal(scene.count('gone'), 2);
});

test('a member that goes when its failed batch is resumed is left alone', () => {
  const scene = new Scene();
  const lead = scene.lead();
  const members = [scene.held(1), scene.held(2)];
  lead.done();
  scene.host.takeEffects();
  for (const member of members) member.done();
  scene.host.answerCall(1, 'failure');
  scene.host.finish();
});

const BYPASSES: readonly { name: string; headers: Headers; outcome?: string }[] = [
  { name: 'a GET', headers: { ':method': 'GET' } },
  { name: 'another path', headers: { ':path': '/v2/models/digits' } },
  { name: 'a route without batching', headers: { 'x-modelweir-route': 'default/other' } },
  { name: 'another content type', headers: { 'content-type': 'text/plain' }, outcome: 'not_json' },
  {
    name: 'a body that is but one tensor',
    headers: { 'inference-header-content-length': '0' },
    outcome: 'not_json',
  },
  {
    name: 'an infer path that names no model',
    headers: { ':path': '/v2/models/infer' },
  },
  {
    name: 'a path of nobody that ends like ours',
    headers: { ':path': '/v2/graphs/digits/infer' },
  },
  { name: 'a compressed body', headers: { 'content-encoding': 'gzip' }, outcome: 'not_json' },
  { name: 'no cluster', headers: { 'x-modelweir-cluster': '' }, outcome: 'no_cluster' },
  { name: 'a body over the limit', headers: { 'content-length': '10001' }, outcome: 'too_large' },
  {
    name: 'a length that is absurd',
    headers: { 'content-length': '99999999999999999999' },
    outcome: 'too_large',
  },
];

for (const { name, headers, outcome } of BYPASSES) {
  test(`${name} passes while its lane is busy`, () => {
    const scene = new Scene();
    const lead = scene.lead();
    const { stream, action } = scene.arrive(headers);
    assert.equal(action, CONTINUE);
    assert.equal(stream.requestBody(body(1), true), CONTINUE);
    stream.done();
    lead.done();
    scene.host.finish();
    if (outcome) assert.equal(scene.count(outcome), 1);
  });
}

const OTHER_LANES: readonly { name: string; headers: Headers }[] = [
  { name: 'another identity', headers: { authorization: 'bob' } },
  { name: 'another path', headers: { ':path': '/v2/models/numbers/infer' } },
  { name: 'another query', headers: { ':path': '/v2/models/digits/infer?x=1' } },
  { name: 'another host', headers: { ':authority': 'other' } },
  { name: 'another content type', headers: { 'content-type': 'application/json; charset=utf-8' } },
  { name: 'another cluster', headers: { 'x-modelweir-cluster': 'default/canary' } },
];

for (const { name, headers } of OTHER_LANES) {
  test(`${name} has a lane of its own`, () => {
    const scene = new Scene();
    const lead = scene.lead();
    const other = scene.lead(headers);
    lead.done();
    other.done();
    scene.host.finish();
  });
}

test('what turns out not to be joinable goes on from its body callback', () => {
  const scene = new Scene();
  scene.lead();
  const { stream } = scene.arrive();
  scene.host.takeEffects();
  assert.equal(stream.requestBody('{"inputs":[', false), HOLD);
  assert.equal(stream.requestBody('oops', true), CONTINUE);
  assert.equal(scene.count('not_joinable'), 1);
  const { stream: long } = scene.arrive();
  assert.equal(long.requestBody('x'.repeat(10_001), false), CONTINUE);
  assert.equal(long.requestBody('x', true), CONTINUE);
  const { stream: trailing } = scene.arrive();
  assert.equal(trailing.requestBody(body(1), false), HOLD);
  assert.equal(trailing.requestTrailers(), CONTINUE);
});

test('switched off, or without routes, everything passes', () => {
  for (const config of [
    { ...CONFIG, disabled: true },
    { ...CONFIG, routes: [] },
  ]) {
    const scene = new Scene(config);
    for (let i = 0; i < 3; i++) assert.equal(scene.arrive().action, CONTINUE);
    assert.deepEqual(scene.host.takeEffects(), []);
  }
});

test('a configuration that it does not understand is refused with every reason', () => {
  const host = WasmHost.load(MODULE);
  const bad = { ...CONFIG, version: 1, routes: [{ ...CONFIG.routes[0], maxRows: 0, x: 1 }] };
  assert.equal(host.configure(host.createRoot(), JSON.stringify(bad)), false);
  const log = host.logs.join('\n');
  for (const part of ['version', 'routes[0].maxRows', 'routes[0].x: unknown field']) {
    assert.ok(log.includes(part), log);
  }
});

test('the old configuration answers its own members after an update, and ends without a trace', () => {
  const scene = new Scene();
  const { host, root } = scene;
  const lead = scene.lead();
  const members = [scene.held(1), scene.held(2)];
  const next = host.createRoot();
  assert.ok(host.configure(next, JSON.stringify(CONFIG)));
  const young = host.createStream(next);
  assert.equal(young.requestHeaders(HEADERS), CONTINUE, 'the new one has lanes of its own');
  lead.done();
  assert.match(host.takeEffects().join(), /^call 1 /);
  host.answerCall(1, answer([1, 2], 'r1'));
  assert.equal(scene.effects().length, 2);
  for (const member of members) member.done();
  host.endRoot(root);
  assert.deepEqual(host.takeEffects(), [`tick ${root} 0`]);
  young.done();
  host.finish();
});

test('20,000 requests leave no memory behind', () => {
  const scene = new Scene();
  let early = 0;
  for (let round = 0; round < 4_000; round++) {
    const lead = scene.lead({ authorization: `user ${round}` });
    const members = Array.from({ length: 4 }, (_, i) => {
      const { stream } = scene.arrive({ authorization: `user ${round}` });
      scene.host.takeEffects();
      stream.requestBody(body(i), true);
      return stream;
    });
    lead.done();
    scene.host.takeEffects();
    scene.host.answerCall(round + 1, answer([1, 2, 3, 4], 'r0'));
    scene.host.takeEffects();
    for (const member of members) member.done();
    if (round === 1_000) early = scene.host.memoryBytes;
  }
  scene.host.tick(scene.root, 100);
  scene.host.takeEffects();
  scene.host.finish();
  assert.equal(scene.host.memoryBytes, early);
});
