/** The built rewriter under the strict host: answers get the public name back, with exact lengths. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Plan } from '../../filters/rewriter/plan.ts';
import { randomSource } from '../harness/random.ts';
import type { Headers, WasmStream } from '../harness/wasm-stream.ts';
import { GRPC, grpcBody, readGrpc } from '../unit/chain/messages.ts';
import { splitsOf } from '../unit/chain/travel.ts';
import {
  CONTINUE,
  HOLD,
  headersFor,
  jsonPlan,
  messagePlan,
  pathPlan,
  RewriterScene,
  type TestConfig,
} from './rewriter-scene.ts';

const REQUEST = '{"model":"public"}';
const JSON_TYPE = { 'content-type': 'application/json' };
const EVENTS = { 'content-type': 'text/event-stream; charset=utf-8' };
const USAGE = '"usage":{"prompt_tokens":12,"completion_tokens":34,"total_tokens":46}';

function sceneOf(config: TestConfig = {}): RewriterScene {
  return new RewriterScene({ publicModel: true, targets: [{ servedModel: 'served' }], ...config });
}

/** An attempt whose request has been sent. */
function sent(scene: RewriterScene, plan: Plan = jsonPlan(REQUEST)): WasmStream {
  return scene.send({ plan, body: [REQUEST] }).stream;
}

function withLength(headers: Headers, body: string | Uint8Array): Headers {
  return { ...headers, 'content-length': String(Buffer.byteLength(body)) };
}

function completion(model: string): string {
  return `{"id":"x","object":"chat.completion","model":"${model}","choices":[],${USAGE}}`;
}

for (const model of ['served', 's', 'a-far-longer-dated-name-2026-11-24', 'public']) {
  test(`a JSON answer of ${model} gets the public name and an exact length, however it is cut`, () => {
    const scene = sceneOf({ countTokens: true });
    const body = completion(model);
    const cuts = [[body], ...splitsOf(Buffer.from(body))];
    for (const pieces of cuts) {
      const stream = sent(scene);
      const out = scene.answer(stream, withLength(JSON_TYPE, body), pieces);
      assert.equal(out.toString(), completion('public'));
      assert.equal(stream.responseHeadersNow['content-length'], String(out.length));
      scene.end(stream);
    }
    const found = model === 'public' ? 'plain' : 'restored';
    assert.equal(scene.answers(found), cuts.length);
    assert.deepEqual(
      [scene.tokens('in'), scene.tokens('out')],
      [12 * cuts.length, 34 * cuts.length],
    );
  });
}

test('answers of any length in pieces of any size come out whole, with their new length', () => {
  const next = randomSource(5);
  const scene = sceneOf({ countTokens: true, maxHoldBytes: 500 });
  for (let i = 0; i < 500; i++) {
    const [before, after] = [next(800), next(800)];
    const [start, end] = ['a'.repeat(before), 'b'.repeat(after)];
    const model = 's'.repeat(1 + next(30));
    const body = `{"a":"${start}","model":"${model}","b":"${end}",${USAGE}}`;
    const pieces: string[] = [];
    for (let at = 0; at < body.length; ) {
      const size = next(i % 2 === 0 ? 20 : 700);
      pieces.push(body.slice(at, at + size));
      at += size;
    }
    const stream = sent(scene);
    const headers = i % 3 === 0 ? JSON_TYPE : withLength(JSON_TYPE, body);
    const out = scene.answer(stream, headers, pieces);
    assert.equal(out.toString(), body.replace(`"${model}"`, '"public"'));
    const length = stream.responseHeadersNow['content-length'];
    if (length !== undefined) assert.equal(length, String(out.length));
    scene.end(stream);
  }
  const counted = ['restored', 'too_long'].map((outcome) => scene.answers(outcome));
  assert.ok(counted.every((count) => count > 0));
  assert.equal(scene.tokens('in'), 12 * 500);
});

test('an answer that says its length is held until the name has come, and no longer', () => {
  const scene = sceneOf();
  const stream = sent(scene);
  const body = completion('served');
  assert.equal(stream.responseHeaders({ ':status': '200', ...withLength(JSON_TYPE, body) }), HOLD);
  const from = body.indexOf('served');
  assert.equal(stream.responseBody(body.slice(0, from), false), HOLD);
  assert.equal(stream.responseBody(body.slice(from, from + 3), false), HOLD);
  assert.deepEqual(scene.host.takeEffects(), []);
  assert.equal(stream.responseBody(body.slice(from + 3, from + 8), false), CONTINUE);
  const start = body.slice(0, from + 8);
  assert.deepEqual(scene.host.takeEffects(), [
    `replace response body 0+${start.length} by ${start.replace('served', 'public')}`,
  ]);
  assert.equal(stream.responseBody(body.slice(from + 8), true), CONTINUE);
  assert.equal(Buffer.concat(stream.response.sent).toString(), completion('public'));
  scene.end(stream);
});

test('an answer in chunks is never held: each piece goes on at once', () => {
  const scene = sceneOf();
  const stream = sent(scene);
  assert.equal(stream.responseHeaders({ ':status': '200', ...JSON_TYPE }), CONTINUE);
  for (const byte of completion('served')) {
    assert.equal(stream.responseBody(byte, false), CONTINUE);
    scene.host.takeEffects();
  }
  assert.equal(stream.responseBody('', true), CONTINUE);
  assert.equal(Buffer.concat(stream.response.sent).toString(), completion('public'));
  scene.end(stream);
});

test('server-sent events go on piece by piece, each with the public name, and the last one counts', () => {
  const scene = sceneOf({ countTokens: true });
  const event = (model: string, rest: string) => `data: {"id":"1","model":"${model}",${rest}}\n\n`;
  const stream = sent(scene);
  // A length that only a proxy in between can have put there.
  const headers = { ':status': '200', ...EVENTS, 'content-length': '999' };
  assert.equal(stream.responseHeaders(headers), CONTINUE);
  assert.deepEqual(scene.host.takeEffects(), ['remove response content-length']);
  const rests = ['"choices":[{"delta":{"content":"a"}}]', '"choices":[]', USAGE];
  for (const [index, rest] of rests.entries()) {
    assert.equal(stream.responseBody(event('served', rest), false), CONTINUE);
    scene.host.takeEffects();
    assert.equal(stream.response.sent.at(index)?.toString(), event('public', rest));
  }
  assert.equal(stream.responseBody('data: [DONE]\n\n', true), CONTINUE);
  assert.deepEqual(scene.host.takeEffects(), []);
  assert.deepEqual([scene.tokens('in'), scene.tokens('out')], [12, 34]);
  assert.equal(scene.answers('restored'), 1);
  scene.end(stream);
});

test('a binary answer keeps its tensors, and both of its lengths are right, however it is cut', () => {
  const tensors = Buffer.from([0x22, 0x7d, 0, 255, 0x22, 0x7b]);
  const bodyOf = (model: string) =>
    Buffer.concat([Buffer.from(`{"model_name":"${model}","outputs":[]}`), tensors]);
  for (const served of ['s', 'a-longer-served-name']) {
    const scene = sceneOf({ targets: [{ servedModel: served }] });
    const body = bodyOf(served);
    const type = { 'content-type': 'application/octet-stream' };
    for (const length of [{}, { 'content-length': String(body.length) }]) {
      for (const pieces of [[body], ...splitsOf(body)]) {
        const stream = sent(scene, pathPlan('/v2/models/public/infer'));
        const jsonBytes = String(body.length - tensors.length);
        const headers = { ...type, ...length, 'inference-header-content-length': jsonBytes };
        const out = scene.answer(stream, headers, pieces);
        assert.deepEqual(out, bodyOf('public'));
        const now = stream.responseHeadersNow;
        const expected = String(out.length - tensors.length);
        assert.equal(now['inference-header-content-length'], expected);
        const whole = 'content-length' in length ? String(out.length) : undefined;
        assert.equal(now['content-length'], whole);
        scene.end(stream);
      }
    }
  }
});

test('an answer of gRPC gets the public name, however it is cut, and its trailers pass', () => {
  const scene = sceneOf();
  const request = grpcBody([[1, 'public']]);
  const answer = (model: string) =>
    grpcBody([
      [1, model],
      [2, '7'],
      [5, 'tensor'],
    ]);
  const body = answer('served');
  const plan = messagePlan(request);
  for (const pieces of [[body], ...splitsOf(body)]) {
    const headers = { ...headersFor(plan), ...GRPC };
    const { stream } = scene.send({ plan, headers, body: [request] });
    const out = scene.answer(stream, { 'content-type': 'application/grpc' }, pieces, true);
    assert.deepEqual(readGrpc(out), readGrpc(answer('public')));
    scene.end(stream);
  }
});

test('trailers release a held answer', () => {
  const scene = sceneOf();
  for (const body of [completion('served'), '{"no":"name"}', '{"cut":"off']) {
    const stream = sent(scene);
    const headers = withLength(JSON_TYPE, body);
    const out = scene.answer(stream, headers, [body.slice(0, 9), body.slice(9)], true);
    assert.equal(out.toString(), body.replace('served', 'public'));
    assert.equal(stream.responseHeadersNow['content-length'], String(out.length));
    scene.end(stream);
  }
});

test('an answer that hides its name behind more than may be held goes on without a length', () => {
  const scene = sceneOf({ maxHoldBytes: 20 });
  const body = `{"padding":"${'x'.repeat(100)}","model":"served"}`;
  const stream = sent(scene);
  const pieces = [body.slice(0, 15), body.slice(15, 30), body.slice(30)];
  const out = scene.answer(stream, withLength(JSON_TYPE, body), pieces);
  assert.equal(out.toString(), body.replace('served', 'public'));
  assert.equal('content-length' in stream.responseHeadersNow, false);
  assert.deepEqual([scene.answers('too_long'), scene.answers('restored')], [1, 0]);
  scene.end(stream);
});

test('such an answer with tensors behind it goes on as it is', () => {
  const scene = sceneOf({ maxHoldBytes: 20 });
  const json = `{"padding":"${'x'.repeat(100)}","model_name":"served"}`;
  const stream = sent(scene, pathPlan('/v2/models/public/infer'));
  const headers = {
    ...withLength({ 'content-type': 'application/octet-stream' }, json),
    'inference-header-content-length': String(json.length),
  };
  const pieces = [json.slice(0, 15), json.slice(15, 30), json.slice(30)];
  const out = scene.answer(stream, headers, pieces);
  assert.equal(out.toString(), json);
  assert.equal(stream.responseHeadersNow['content-length'], String(json.length));
  assert.equal(stream.responseHeadersNow['inference-header-content-length'], String(json.length));
  assert.equal(scene.answers('too_long'), 1);
  scene.end(stream);
});

const PASSES: readonly { name: string; headers: Headers; outcome?: string }[] = [
  { name: 'an error', headers: { ...JSON_TYPE, ':status': '500' } },
  { name: 'an answer of another type', headers: { 'content-type': 'text/html' } },
  { name: 'an answer without a type', headers: {} },
  {
    name: 'a compressed answer',
    headers: { ...JSON_TYPE, 'content-encoding': 'gzip' },
    outcome: 'encoded',
  },
];

for (const { name, headers, outcome } of PASSES) {
  test(`${name} passes untouched`, () => {
    const scene = sceneOf({ countTokens: true });
    const stream = sent(scene);
    const body = completion('served');
    const out = scene.answer(stream, withLength(headers, body), [body]);
    assert.equal(out.toString(), body);
    assert.equal(stream.responseHeadersNow['content-length'], String(out.length));
    assert.equal(scene.tokens('in'), 0);
    for (const each of ['restored', 'plain', 'encoded', 'too_long']) {
      assert.equal(scene.answers(each), each === outcome ? 1 : 0);
    }
    scene.end(stream);
  });
}

test('an answer without a body is not waited for', () => {
  const scene = sceneOf();
  for (const status of ['200', '204', '304']) {
    const stream = sent(scene);
    const headers = { ':status': status, ...JSON_TYPE, 'content-length': '99' };
    assert.equal(stream.responseHeaders(headers, true), CONTINUE);
    assert.deepEqual(scene.host.takeEffects(), []);
    scene.end(stream);
  }
});

test('where only tokens are counted nothing is held and nothing is replaced', () => {
  const scene = sceneOf({ publicModel: false, countTokens: true });
  const body = completion('served');
  for (const pieces of splitsOf(Buffer.from(body))) {
    const stream = sent(scene);
    const headers = { ':status': '200', ...withLength(JSON_TYPE, body) };
    assert.equal(stream.responseHeaders(headers), CONTINUE);
    for (const [index, piece] of pieces.entries()) {
      assert.equal(stream.responseBody(piece, index === pieces.length - 1), CONTINUE);
      assert.deepEqual(scene.host.takeEffects(), []);
    }
    scene.end(stream);
  }
  const count = splitsOf(Buffer.from(body)).length;
  assert.deepEqual([scene.tokens('in'), scene.tokens('out')], [12 * count, 34 * count]);
});

test('tokens count for the variant that gave the answer', () => {
  const scene = sceneOf({ countTokens: true, targets: [{}, {}] });
  const plan = jsonPlan(REQUEST);
  const { stream } = scene.send({ plan, body: [REQUEST], target: 'default/b' });
  scene.answer(stream, JSON_TYPE, [completion('served')]);
  assert.deepEqual([scene.tokens('in'), scene.tokens('in', 'stable')], [0, 12]);
  assert.deepEqual([scene.answers('restored'), scene.answers('restored', 'stable')], [0, 1]);
  scene.end(stream);
});

test('a client that hangs up leaves nothing behind', () => {
  const scene = sceneOf({ countTokens: true });
  const body = completion('served');
  const stream = sent(scene);
  stream.responseHeaders({ ':status': '200', ...withLength(JSON_TYPE, body) });
  stream.responseBody(body.slice(0, 9), false);
  scene.end(stream);
  assert.deepEqual([scene.answers('plain'), scene.answers('restored')], [0, 0]);
});
