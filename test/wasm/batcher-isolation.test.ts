/** The built batcher when a call goes wrong: halves, shared statuses, second tries, and time that is up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONTINUE, HOLD } from '../harness/wasm-host.ts';
import type { WasmStream } from '../harness/wasm-stream.ts';
import { inferMessage, type Message, serve } from '../unit/batcher/model-server.ts';
import { answer, answerBody, body, CONFIG, ROUTE, Scene } from './batcher-scene.ts';

/** Answers all that is called, by a server that refuses the poison, and ends what is answered. */
function serveCalls(scene: Scene, kind: number): { calls: number; alone: string[] } {
  const alone: string[] = [];
  let calls = 0;
  for (let token = 1; scene.host.pendingCalls.size > 0; token++) {
    if (!scene.host.pendingCalls.has(token)) continue;
    const bytes = scene.host.callBodies.get(token) as Buffer;
    const { status, bytes: text } = serve({ kind, bytes, jsonBytes: -1 });
    scene.host.answerCall(token, { status, body: text });
    calls++;
    alone.push(...scene.effects().filter((effect) => effect.startsWith('continue')));
  }
  return { calls, alone };
}

test('one bad request of eight is found by halves of what Envoy still holds', () => {
  const scene = new Scene();
  const lead = scene.lead();
  const messages = Array.from({ length: 8 }, (_, i) =>
    inferMessage(i + 1, { columns: 3, poisoned: i === 5 }),
  );
  const members = messages.map(({ bytes }) => {
    const { stream } = scene.arrive();
    scene.effects();
    stream.requestBody(bytes.subarray(0, 40), false);
    stream.requestBody(bytes.subarray(40), true);
    return stream;
  });
  scene.effects();
  lead.done();
  const { calls, alone } = serveCalls(scene, (messages[0] as Message).kind);
  assert.equal(calls, 5, 'eight, four and four, two and two');
  const pair = members.slice(4, 6);
  assert.deepEqual(
    alone,
    pair.map((member) => `continue request ${member.id}`),
  );
  for (const [i, member] of members.entries()) {
    if (pair.includes(member)) assert.deepEqual(member.requestBodyNow, messages[i]?.bytes);
    else assert.deepEqual(member.reply?.body, serve(messages[i] as Message).bytes);
    member.done();
  }
  assert.equal(scene.count('refused', 'batches'), 2 + 1);
  assert.equal(scene.count('answered', 'batches'), 2);
  scene.host.finish();
});

test('who leaves between two halves is neither read again nor called', () => {
  const scene = new Scene();
  const lead = scene.lead();
  const members = [1, 2, 3, 4, 5, 6].map((value) => scene.held(value));
  lead.done();
  scene.effects();
  members[1]?.done();
  members[4]?.done();
  scene.host.answerCall(1, { status: 400, body: '{}' });
  const calls = scene.effects();
  assert.equal(calls.length, 2);
  assert.match(calls[0] ?? '', /"data":\[1,3\]/);
  assert.match(calls[1] ?? '', /"data":\[4,6\]/);
  members[0]?.done();
  scene.host.answerCall(2, answer([1, 3], 'r1'));
  assert.deepEqual(members[2]?.reply?.body.toString(), answerBody([3], 'r3'));
  scene.effects();
});

test('a status about what all have in common goes to all, with its body', () => {
  const scene = new Scene();
  const lead = scene.lead();
  const members = [scene.held(1), scene.held(2)];
  lead.done();
  scene.host.takeEffects();
  const headers = {
    'content-type': 'text/plain',
    'set-cookie': 'a=1',
    'www-authenticate': 'Basic',
  };
  scene.host.answerCall(1, { status: 401, headers, body: 'who are you' });
  scene.host.takeEffects();
  for (const { reply } of members) {
    assert.equal(reply?.status, 401);
    assert.equal(reply.body.toString(), 'who are you');
    const names = reply.headers.map(([name]) => name);
    assert.ok(names.includes('www-authenticate') && !names.includes('set-cookie'));
  }
  assert.equal(scene.count('failed_together'), 2);
  assert.equal(scene.count('denied', 'batches'), 1);
});

const ONE_TRY = { ...CONFIG, routes: [{ ...ROUTE, retryFailed: false }] };

test('where no second try is wanted, a server’s error is what all get', () => {
  const scene = new Scene(ONE_TRY);
  const lead = scene.lead();
  const members = [scene.held(1), scene.held(2)];
  lead.done();
  scene.host.takeEffects();
  scene.host.answerCall(1, { status: 503, body: 'busy' });
  scene.host.takeEffects();
  for (const { reply } of members)
    assert.deepEqual([reply?.status, reply?.body.toString()], [503, 'busy']);
});

test('where no second try is wanted, no answer is a 504 for all, in the protocol’s shape', () => {
  const scene = new Scene(ONE_TRY);
  const lead = scene.lead();
  const members = [scene.held(1), scene.held(2)];
  lead.done();
  scene.host.takeEffects();
  scene.host.answerCall(1, 'failure');
  const text = '504 content-type=application/json {"error":"the backend did not answer in time"}';
  assert.deepEqual(
    scene.effects(),
    members.map(({ id }) => `reply ${id} ${text}`),
  );
});

test('a cluster that is missing sends all on alone, also from the body callback of the last', () => {
  const scene = new Scene(ONE_TRY);
  scene.host.missingClusters.add('default/stable');
  scene.lead();
  const first = scene.held(1, 4);
  const { stream: last } = scene.arrive();
  assert.equal(last.requestBody(body(2, 4), true), CONTINUE);
  assert.deepEqual(scene.host.takeEffects(), [`continue request ${first.id}`]);
  assert.equal(scene.count('not_called', 'batches'), 1);
  assert.equal(scene.count('retried_alone'), 2);
});

/** A lane whose calls take 100 ms, with one in flight. */
function slowLane(): Scene {
  const scene = new Scene();
  const lead = scene.lead();
  scene.held(1);
  scene.held(2);
  scene.host.advance(100);
  lead.done();
  scene.effects();
  return scene;
}

const REFUSALS: readonly { name: string; headers: Record<string, string>; text: string }[] = [
  {
    name: 'grpc-timeout',
    headers: { 'grpc-timeout': '99m' },
    text: '{"error":"no answer within 99 ms"}',
  },
  {
    name: 'the route’s header',
    headers: { 'x-wait-ms': '50' },
    text: '{"error":"no answer within 50 ms"}',
  },
];

for (const { name, headers, text } of REFUSALS) {
  test(`who cannot make it by ${name} is refused before its body comes`, () => {
    const scene = slowLane();
    const { stream, action } = scene.arrive(headers);
    assert.equal(action, HOLD);
    assert.deepEqual(scene.host.takeEffects(), [
      `reply ${stream.id} 504 content-type=application/json ${text}`,
    ]);
    stream.done();
    assert.equal(scene.count('too_late'), 1);
  });
}

test('a member whose time is up leaves its call; the answer that comes later is for the others', () => {
  const scene = new Scene();
  const lead = scene.lead();
  const short = scene.hold(body(1), { 'x-wait-ms': '40' });
  const long = scene.hold(body(2), { 'x-wait-ms': '400' });
  lead.done();
  assert.match(scene.effects().join(), / timeout=400 /);
  scene.host.tick(scene.root, 40);
  assert.match(scene.effects().join(), new RegExp(`reply ${short.id} 504`));
  short.done();
  scene.effects();
  scene.host.answerCall(1, answer([1, 2], 'r1'));
  assert.deepEqual(long.reply?.body.toString(), answerBody([2], 'r2'));
  scene.effects();
  long.done();
  scene.host.tick(scene.root, 5);
  assert.deepEqual(scene.effects(), [`tick ${scene.root} 0`]);
  scene.host.finish();
});

test('20,000 requests whose calls are halved leave no memory behind', () => {
  const scene = new Scene();
  const { kind } = inferMessage(1);
  let early = 0;
  let token = 1;
  for (let round = 0; round < 2_500; round++) {
    const user = { authorization: `user ${round % 7}` };
    const lead = scene.lead(user);
    const members: WasmStream[] = [];
    for (let i = 0; i < 7; i++) {
      const { bytes } = inferMessage(i + 1, { columns: 40, poisoned: i === round % 7 });
      members.push(scene.hold(bytes, user));
    }
    lead.done();
    scene.effects();
    for (; scene.host.pendingCalls.size > 0; token++) {
      const bytes = scene.host.callBodies.get(token) as Buffer;
      const { status, bytes: text } = serve({ kind, bytes, jsonBytes: -1 });
      scene.host.answerCall(token, { status, body: text });
      scene.effects();
    }
    for (const member of members) member.done();
    if (round === 700) early = scene.host.memoryBytes;
  }
  scene.host.tick(scene.root, 100);
  scene.effects();
  scene.host.finish();
  assert.equal(scene.host.memoryBytes, early);
});
