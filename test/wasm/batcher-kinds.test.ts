/** The built batcher joins all that it can join: what it sends, and what each client gets, byte for byte. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PLAN_JSON, PLAN_PATH, Plan } from '../../filters/rewriter/plan.ts';
import { CONTINUE, HOLD } from '../harness/wasm-host.ts';
import type { Headers, WasmStream } from '../harness/wasm-stream.ts';
import {
  binaryMessage,
  embeddingsMessage,
  inferMessage,
  instancesMessage,
  type Message,
  serve,
} from '../unit/batcher/model-server.ts';
import { body, CONFIG, ROUTE, Scene } from './batcher-scene.ts';

const LENGTH = 'inference-header-content-length';
const BINARY = { 'content-type': 'application/octet-stream' };
const V1 = { ':path': '/v1/models/digits:predict' };
const EMBEDDINGS = { ':path': '/v1/embeddings' };

function headersFor(message: Message, more: Headers): Headers {
  return message.jsonBytes < 0 ? more : { ...more, [LENGTH]: String(message.jsonBytes) };
}

function headersOf(stream: WasmStream): Headers {
  return Object.fromEntries(stream.reply?.headers ?? []);
}

interface Kind {
  readonly name: string;
  readonly headers: Headers;
  readonly message: (owner: number, rows: number) => Message;
}

const KINDS: readonly Kind[] = [
  { name: 'JSON tensors', headers: {}, message: (i, rows) => inferMessage(i, { rows }) },
  {
    name: 'JSON tensors without an id',
    headers: {},
    message: (i, rows) => inferMessage(i, { rows, withId: false }),
  },
  {
    name: 'binary tensors with a binary answer',
    headers: BINARY,
    message: (i, rows) => binaryMessage(i, { rows }),
  },
  {
    name: 'binary tensors with an answer in JSON',
    headers: BINARY,
    message: (i, rows) => binaryMessage(i, { rows }, false),
  },
  { name: 'instances', headers: V1, message: (i, rows) => instancesMessage(i, { rows }) },
  {
    name: 'texts to embed, alone and in lists',
    headers: EMBEDDINGS,
    message: (i, rows) => embeddingsMessage(i, { rows }),
  },
];

for (const { name, headers, message } of KINDS) {
  test(`${name} are joined, and each answer is the one of a request alone`, () => {
    const scene = new Scene();
    const lead = scene.lead(headersFor(message(1, 1), headers));
    const messages = [message(2, 1), message(3, 3), message(45, 2)];
    const members = messages.map((each) => scene.hold(each.bytes, headersFor(each, headers)));
    lead.done();
    const [call = ''] = scene.effects();
    const said = new RegExp(`${LENGTH}=(\\d+)`).exec(call)?.[1];
    const bytes = scene.host.callBodies.get(1) ?? Buffer.alloc(0);
    const jsonBytes = said === undefined ? -1 : Number(said);
    assert.equal(jsonBytes < 0, messages[0]?.jsonBytes === -1);
    const reply = serve({ kind: messages[0]?.kind ?? -1, bytes, jsonBytes });
    assert.equal(reply.status, 200, bytes.toString());
    scene.host.answerCall(1, {
      status: 200,
      headers: reply.jsonBytes < 0 ? {} : { [LENGTH]: String(reply.jsonBytes) },
      body: reply.bytes,
    });
    assert.equal(scene.effects().length, members.length);
    for (const [i, member] of members.entries()) {
      const alone = serve(messages[i] as Message);
      assert.deepEqual(member.reply?.body, alone.bytes);
      const length = alone.jsonBytes < 0 ? undefined : String(alone.jsonBytes);
      assert.equal(headersOf(member)[LENGTH], length);
      assert.equal(headersOf(member)['x-modelweir-batch-rows'], '6');
      member.done();
    }
    scene.host.finish();
  });
}

test('a binary answer whose header lies about its JSON goes to nobody', () => {
  const scene = new Scene();
  const message = binaryMessage(1);
  const headers = headersFor(message, BINARY);
  const lead = scene.lead(headers);
  const members = [scene.hold(message.bytes, headers), scene.hold(message.bytes, headers)];
  lead.done();
  scene.host.takeEffects();
  const reply = serve(binaryMessage(1, { rows: 2 }));
  const lie = { [LENGTH]: String(reply.jsonBytes + 1) };
  scene.host.answerCall(1, { status: 200, headers: lie, body: reply.bytes });
  const resumed = members.map((member) => `continue request ${member.id}`);
  assert.deepEqual(scene.host.takeEffects(), resumed);
  assert.equal(scene.count('unreadable', 'batches'), 1);
});

test('what joins is seen by the batch, not by the lane: other inputs wait beside each other', () => {
  const scene = new Scene();
  const lead = scene.lead();
  for (const columns of [1, 2, 1, 2]) scene.hold(inferMessage(3, { columns }).bytes);
  scene.hold(inferMessage(3, { columns: 1, withId: false }).bytes);
  lead.done();
  const [call] = scene.effects();
  assert.match(call ?? '', /"shape":\[2,1\]/);
  scene.host.answerCall(1, 'failure');
  assert.equal(scene.effects().filter((effect) => effect.startsWith('continue')).length, 2);
});

const PEER = 'connection\0uri_san_peer_certificate';

for (const peerIdentity of [true, false]) {
  test(`peers with other certificates ${peerIdentity ? 'never meet' : 'meet where nobody asks'}`, () => {
    const scene = new Scene({ ...CONFIG, routes: [{ ...ROUTE, peerIdentity }] });
    const ann = { attributes: { [PEER]: 'spiffe://mesh/ns/a/sa/ann' } };
    const bob = { attributes: { [PEER]: 'spiffe://mesh/ns/a/sa/bob' } };
    scene.lead({}, ann);
    assert.equal(scene.arrive({}, bob).action, peerIdentity ? CONTINUE : HOLD);
    scene.host.takeEffects();
    assert.equal(scene.arrive({}, ann).action, HOLD);
    scene.host.takeEffects();
  });
}

test('without a URI a certificate is known by its digest; who has none meets nobody', () => {
  const scene = new Scene({ ...CONFIG, routes: [{ ...ROUTE, peerIdentity: true }] });
  const by = (digest: string) => ({
    attributes: { 'connection\0sha256_peer_certificate_digest': digest },
  });
  scene.lead({}, by('aa'));
  assert.equal(scene.arrive({}, by('bb')).action, CONTINUE);
  assert.equal(scene.arrive({}, by('aa')).action, HOLD);
  scene.host.takeEffects();
  scene.lead();
  scene.lead();
  assert.equal(scene.count('no_peer'), 2);
});

function planOf(kind: number, contentLength: string): string {
  const plan = Object.assign(new Plan(), { kind, protocol: 'OpenInference', variant: 'stable' });
  Object.assign(plan, { model: 'digits', path: '/v2/models/digits/infer', contentLength });
  return Object.assign(plan, { comparison: contentLength }).encode();
}

test('of a planned route the call carries the plan, without what is one member’s own', () => {
  const scene = new Scene();
  const planned = (length: number) => ({
    properties: { 'modelweir.plan': planOf(PLAN_PATH, String(length)) },
  });
  const lead = scene.lead({}, planned(1));
  scene.hold(body(1), {}, planned(70));
  scene.hold(body(2), {}, planned(71));
  lead.done();
  const [call] = scene.effects();
  assert.ok(call?.includes(` x-modelweir-plan=${planOf(PLAN_PATH, '')} `), call);
});

test('a request whose plan points into its body is not joined', () => {
  const scene = new Scene();
  const planned = { properties: { 'modelweir.plan': planOf(PLAN_JSON, '40') } };
  scene.lead(EMBEDDINGS);
  assert.equal(scene.arrive(EMBEDDINGS, planned).action, CONTINUE);
  assert.equal(scene.count('planned'), 1);
});

test('without size headers a client sees nothing of the batch, and the access log does', () => {
  const scene = new Scene({ ...CONFIG, routes: [{ ...ROUTE, sizeHeaders: false }] });
  const lead = scene.lead();
  const member = scene.held(1);
  scene.host.advance(7);
  const late = scene.held(2);
  scene.host.advance(2);
  lead.done();
  scene.effects();
  const alone = JSON.stringify({
    id: 'r1',
    outputs: [{ name: 'y', datatype: 'FP32', shape: [2], data: [1, 2] }],
  });
  scene.host.answerCall(1, { status: 200, body: alone });
  const effects = scene.host.takeEffects();
  assert.equal(effects[0], 'property modelweir.batch="size=2;rows=2;wait-ms=9"');
  assert.equal(effects[2], 'property modelweir.batch="size=2;rows=2;wait-ms=2"');
  for (const each of [member, late]) assert.deepEqual(each.reply?.headers, []);
});
