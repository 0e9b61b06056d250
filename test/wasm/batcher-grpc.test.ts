/** The built batcher joins gRPC requests: what it calls, and how each client gets its own message. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PLAN_MESSAGE, Plan } from '../../filters/rewriter/plan.ts';
import { pick } from '../harness/infer-messages.ts';
import { randomSource } from '../harness/random.ts';
import { type CallAnswer, CONTINUE, HOLD } from '../harness/wasm-host.ts';
import type { Headers, WasmStream } from '../harness/wasm-stream.ts';
import { grpcFrame, grpcRequest, serveGrpc } from '../unit/batcher/grpc-model-server.ts';
import { CONFIG, ROUTE, Scene } from './batcher-scene.ts';

const GRPC: Headers = {
  ':path': '/inference.GRPCInferenceService/ModelInfer',
  'content-type': 'application/grpc',
  te: 'trailers',
};
const MARK = 'x-modelweir-grpc-answer';

function grpcScene(more: object = {}): Scene {
  return new Scene({ ...CONFIG, routes: [{ ...ROUTE, grpc: true, ...more }] });
}

/** Members that are held until the one in flight returns, and then called. */
function called(scene: Scene, messages: readonly Buffer[]): WasmStream[] {
  const lead = scene.lead(GRPC);
  const members = messages.map((message) => scene.hold(message, GRPC));
  lead.done();
  return members;
}

function answerOf(scene: Scene, token: number): CallAnswer {
  const { status, text, bytes } = serveGrpc(scene.host.callBodies.get(token) ?? Buffer.alloc(0));
  const trailers = { 'grpc-status': String(status), 'grpc-message': text };
  return { status: 200, headers: { 'content-type': 'application/grpc' }, body: bytes, trailers };
}

/** What Envoy's Lua filter makes of the reply: an empty body, which the batcher is shown. */
function messageOf(scene: Scene, stream: WasmStream): Buffer {
  const headers = Object.fromEntries(stream.reply?.headers ?? []);
  assert.equal(headers[MARK], 'true');
  assert.equal(headers['grpc-status'], '14', 'what a client finds whose message was lost');
  assert.equal(stream.responseBody(Buffer.alloc(0), true), CONTINUE);
  scene.host.takeEffects();
  assert.deepEqual(stream.response.trailers, [['grpc-status', '0']]);
  return stream.responseBodyNow;
}

test('gRPC requests are joined, and each client gets its message and a status', () => {
  const scene = grpcScene();
  const messages = [grpcRequest(1), grpcRequest(2, { rows: 3 }), grpcRequest(4_500)];
  const members = called(scene, messages);
  const [call = ''] = scene.effects();
  const head = call.slice(0, call.indexOf(' body='));
  assert.match(head, /cluster=default\/stable POST \/inference.GRPCInferenceService\/ModelInfer/);
  assert.match(head, / content-type=application\/grpc .*te=trailers grpc-timeout=1000m/);
  scene.host.answerCall(1, answerOf(scene, 1));
  assert.equal(scene.effects().length, 3);
  members.forEach((member, i) => {
    assert.equal(member.reply?.status, 200);
    assert.equal(member.reply.body.length, 0);
    const message = messageOf(scene, member);
    assert.deepEqual(message, serveGrpc(messages[i] ?? Buffer.alloc(0)).bytes);
    member.done();
  });
  assert.equal(scene.count('joined'), 3);
  scene.host.finish();
});

test('the status may come in the headers of an answer that has nothing else', () => {
  const scene = grpcScene({ retryFailed: false });
  const members = called(scene, [grpcRequest(1), grpcRequest(2)]);
  scene.host.takeEffects();
  const headers = { 'grpc-status': '14', 'grpc-message': 'not%20now' };
  scene.host.answerCall(1, { status: 200, headers, body: '' });
  scene.host.takeEffects();
  for (const member of members) {
    const got = Object.fromEntries(member.reply?.headers ?? []);
    assert.deepEqual([got['grpc-status'], got['grpc-message']], ['14', 'not%20now']);
    assert.equal(got[MARK], undefined);
  }
  assert.equal(scene.count('failed_together'), 2);
});

const STATUSES: readonly [status: number, what: string, effects: RegExp][] = [
  [3, 'is halved', /^call 2 .*\n.*call 3 /s],
  [11, 'is halved', /^call 2 .*\n.*call 3 /s],
  [5, 'goes to all', /^reply \d+ 200 .*grpc-status=5/s],
  [7, 'goes to all', /^reply \d+ 200 .*grpc-status=7/s],
  [12, 'goes to all', /^reply \d+ 200 .*grpc-status=12/s],
  [16, 'goes to all', /^reply \d+ 200 .*grpc-status=16/s],
  [2, 'sends each alone', /^continue request \d+\ncontinue/],
  [8, 'sends each alone', /^continue request \d+\ncontinue/],
  [13, 'sends each alone', /^continue request \d+\ncontinue/],
  [14, 'sends each alone', /^continue request \d+\ncontinue/],
  [99, 'sends each alone', /^continue request \d+\ncontinue/],
];

for (const [status, what, effects] of STATUSES) {
  test(`a call that ends with status ${status} ${what}`, () => {
    const scene = grpcScene();
    called(scene, [grpcRequest(1), grpcRequest(2), grpcRequest(3), grpcRequest(4)]);
    scene.host.takeEffects();
    const trailers = { 'grpc-status': String(status) };
    scene.host.answerCall(1, { status: 200, body: '', trailers });
    assert.match(scene.effects().join('\n'), effects);
  });
}

for (const [name, answer] of [
  ['no message', Buffer.alloc(0)],
  ['a compressed message', grpcFrame(Buffer.from('x'), 1)],
  ['a row too few', serveGrpc(grpcRequest(1)).bytes],
] as const) {
  test(`of an answer with status 0 and ${name} nobody gets anything`, () => {
    const scene = grpcScene();
    called(scene, [grpcRequest(1), grpcRequest(2)]);
    scene.host.takeEffects();
    scene.host.answerCall(1, { status: 200, body: answer, trailers: { 'grpc-status': '0' } });
    assert.match(scene.effects().join('\n'), /^continue request \d+\ncontinue request \d+$/);
    assert.equal(scene.count('unreadable', 'batches'), 1);
  });
}

test('an answer of HTTP from somebody who knows no gRPC counts by its status', () => {
  const scene = grpcScene();
  called(scene, [grpcRequest(1), grpcRequest(2)]);
  scene.host.takeEffects();
  scene.host.answerCall(1, { status: 403, body: 'go away' });
  assert.match(scene.effects().join('\n'), /^reply .*grpc-status=7/);
});

test('the poisoned one of eight is found by halves, and the others get their messages', () => {
  const scene = grpcScene({ maxRows: 16 });
  const messages = Array.from({ length: 8 }, (_, i) => grpcRequest(i, { poisoned: i === 5 }));
  const members = called(scene, messages);
  scene.host.takeEffects();
  for (let token = 1; scene.host.pendingCalls.has(token); token++) {
    scene.host.answerCall(token, answerOf(scene, token));
    scene.host.takeEffects();
  }
  members.forEach((member, i) => {
    assert.equal(member.replied, i !== 5 && i !== 4);
    if (!member.replied) return;
    assert.deepEqual(messageOf(scene, member), serveGrpc(messages[i] ?? Buffer.alloc(0)).bytes);
  });
  assert.equal(scene.count('retried_alone'), 2);
});

test('a member whose time is up gets DEADLINE_EXCEEDED, and its call goes on for the others', () => {
  const scene = grpcScene();
  const lead = scene.lead(GRPC);
  const hurried = scene.hold(grpcRequest(1), { ...GRPC, 'grpc-timeout': '30m' });
  const patient = [scene.hold(grpcRequest(2), GRPC), scene.hold(grpcRequest(3), GRPC)];
  lead.done();
  scene.host.takeEffects();
  scene.host.tick(scene.root, 40);
  assert.match(scene.effects()[0] ?? '', /^reply \d+ 504 grpc-status=4 no answer within 30 ms/);
  scene.host.answerCall(1, answerOf(scene, 1));
  scene.host.takeEffects();
  assert.equal(hurried.response.body, null);
  for (const member of patient) messageOf(scene, member);
});

test('a client that leaves between its answer and the body takes both along', () => {
  const scene = grpcScene();
  const members = called(scene, [grpcRequest(1), grpcRequest(2)]);
  scene.host.takeEffects();
  scene.host.answerCall(1, answerOf(scene, 1));
  scene.host.takeEffects();
  for (const member of members) member.done();
  scene.host.finish();
});

test('what the batcher did not answer passes with its body and trailers', () => {
  const scene = grpcScene();
  const lead = scene.lead(GRPC);
  assert.equal(lead.responseHeaders({ ':status': '200' }), CONTINUE);
  assert.equal(lead.responseBody('message', false), CONTINUE);
  assert.equal(lead.responseBody('message', true), CONTINUE);
  assert.deepEqual(lead.response.trailers, []);
  lead.done();
  scene.host.finish();
});

const PASSING: readonly [name: string, headers: Headers, outcome: string][] = [
  ['another content type', { 'content-type': 'application/grpc+json' }, 'not_grpc'],
  ['a compressed body', { 'content-encoding': 'gzip' }, 'compressed'],
];

for (const [name, headers, outcome] of PASSING) {
  test(`gRPC with ${name} passes while its lane is busy`, () => {
    const scene = grpcScene();
    scene.lead(GRPC);
    assert.equal(scene.arrive({ ...GRPC, ...headers }).action, CONTINUE);
    assert.equal(scene.count(outcome), 1);
  });
}

test('where nobody asked for it, and for other methods, gRPC passes uncounted', () => {
  const scene = new Scene();
  scene.lead(GRPC);
  scene.lead(GRPC);
  const asked = grpcScene();
  const stream = { ':path': '/inference.GRPCInferenceService/ModelStreamInfer' };
  asked.lead({ ...GRPC, ...stream });
  asked.lead({ ...GRPC, ...stream });
  assert.equal(asked.count('passed'), 0);
});

test('a message whose name the chain’s plan points at is not joined', () => {
  const scene = grpcScene();
  const plan = Object.assign(new Plan(), { kind: PLAN_MESSAGE, variant: 'stable', model: 'm' });
  const properties = { 'modelweir.plan': plan.encode() };
  assert.equal(scene.arrive(GRPC, { properties }).action, CONTINUE);
  assert.equal(scene.count('planned'), 1);
});

for (const [name, message, outcome] of [
  ['a compressed message', grpcFrame(Buffer.from('x'), 1), 'compressed'],
  ['a message that nobody can read', grpcFrame(Buffer.from('\xff')), 'not_joinable'],
] as const) {
  test(`${name} goes on unchanged from its body callback, and is counted`, () => {
    const scene = grpcScene();
    scene.lead(GRPC);
    const { stream, action } = scene.arrive(GRPC);
    assert.equal(action, HOLD);
    scene.host.takeEffects();
    assert.equal(stream.requestBody(message, true), CONTINUE);
    scene.host.takeEffects();
    assert.equal(scene.count(outcome), 1);
  });
}

test('any rows, columns, ids and spellings come back as the server gives them alone', () => {
  const random = randomSource(20_274);
  const scene = grpcScene({ maxRows: 1_000, maxBytes: 100_000 });
  for (let round = 0; round < 200; round++) {
    const columns = 1 + random(3);
    const messages = Array.from({ length: 2 + random(5) }, () => {
      const asking = { rows: pick(random, [1, 2, 40, 130]), columns };
      const style = { packed: random(2) === 0, rawFirst: random(3) === 0 };
      return grpcRequest(pick(random, [7, 10 ** 6]), asking, style);
    });
    const members = called(scene, messages);
    const token = Math.max(...scene.host.pendingCalls.keys());
    scene.host.takeEffects();
    scene.host.answerCall(token, answerOf(scene, token));
    scene.host.takeEffects();
    for (const [i, member] of members.entries()) {
      assert.deepEqual(messageOf(scene, member), serveGrpc(messages[i] as Buffer).bytes);
      member.done();
      scene.host.takeEffects();
    }
  }
});

test('20,000 gRPC requests leave no memory behind', () => {
  const scene = grpcScene();
  const round = (): void => {
    const members = called(
      scene,
      [1, 2, 3, 4].map((i) => grpcRequest(i, { columns: 64 })),
    );
    const token = Math.max(...scene.host.pendingCalls.keys());
    scene.host.takeEffects();
    scene.host.answerCall(token, answerOf(scene, token));
    scene.host.takeEffects();
    for (const member of members) {
      member.responseBody(Buffer.alloc(0), true);
      scene.host.takeEffects();
      member.done();
      scene.host.takeEffects();
    }
  };
  for (let i = 0; i < 1_000; i++) round();
  const before = scene.host.memoryBytes;
  for (let i = 0; i < 4_000; i++) round();
  assert.equal(scene.host.memoryBytes, before);
});
