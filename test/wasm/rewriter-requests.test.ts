/** The built rewriter under the strict host: what leaves for the backend of each attempt. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Plan } from '../../filters/rewriter/plan.ts';
import { FORM, formBody, GRPC, grpcBody, readGrpc } from '../unit/chain/messages.ts';
import { splitsOf } from '../unit/chain/travel.ts';
import {
  CONTINUE,
  formPlan,
  HOLD,
  headerPlan,
  headersFor,
  jsonPlan,
  messagePlan,
  pathPlan,
  RewriterScene,
} from './rewriter-scene.ts';

const BODY = '{"model":"public","input":"größe"}';
const LENGTH = Buffer.byteLength(BODY);

/** Two backends that know the model by names of their own, and one by its public name. */
const THREE = [
  { servedModel: 'first', servedVersion: '7' },
  { servedModel: 'a far longer name than the first one' },
  {},
] as const;

function bodyFor(model: string): string {
  return BODY.replace('public', model);
}

for (const served of ['served', 's', 'a far longer name than the public one', 'größe "7"']) {
  test(`a body gets the served name ${served} and the right content-length, however it is cut`, () => {
    const scene = new RewriterScene({ targets: [{ servedModel: served }] });
    const plan = jsonPlan(BODY);
    const cuts = [[BODY], ...splitsOf(Buffer.from(BODY))];
    for (const body of cuts) {
      const { stream, action, sent } = scene.send({ plan, body });
      assert.equal(action, CONTINUE);
      assert.deepEqual(JSON.parse(sent.toString()), { model: served, input: 'größe' });
      assert.equal(stream.requestHeadersNow['content-length'], String(sent.length));
      scene.end(stream);
    }
    assert.equal(scene.attempts('sent'), cuts.length);
  });
}

test('nothing leaves before the name has come, and what follows streams on', () => {
  const scene = new RewriterScene({ targets: [{ servedModel: 'served' }] });
  const plan = jsonPlan(BODY);
  const stream = scene.open({ plan });
  assert.equal(stream.requestHeaders(headersFor(plan)), HOLD);
  // The other name has as many bytes.
  assert.deepEqual(scene.host.takeEffects(), []);
  for (const part of ['{"mo', 'del":"pub', '']) {
    assert.equal(stream.requestBody(part, false), HOLD);
    assert.deepEqual(scene.host.takeEffects(), []);
  }
  assert.equal(stream.requestBody('lic","in', false), CONTINUE);
  assert.deepEqual(scene.host.takeEffects(), [
    'replace request body 0+21 by {"model":"served","in',
  ]);
  assert.equal(stream.requestBody('put":"größe"}', true), CONTINUE);
  assert.equal(Buffer.concat(stream.request.sent).toString(), bodyFor('served'));
  scene.end(stream);
});

test('the first attempt writes only what differs, and a backend of the public name gets all as it is', () => {
  const scene = new RewriterScene({ targets: [{}] });
  for (const plan of [jsonPlan(BODY), pathPlan('/v2/models/public/infer')]) {
    const { stream, effects, action, sent } = scene.send({ plan, body: [BODY] });
    assert.deepEqual([action, effects, sent.toString()], [CONTINUE, [], BODY]);
    scene.end(stream);
  }
  assert.equal(scene.attempts('sent'), 2);
});

test('each attempt gets the body and the length of its backend, whatever the one before has left', () => {
  const scene = new RewriterScene({ targets: THREE });
  const plan = jsonPlan(BODY);
  const first = scene.send({ plan, body: [BODY], target: 'default/a' });
  assert.equal(first.sent.toString(), bodyFor('first'));
  const second = scene.send({ plan, body: [BODY], target: 'default/b', after: first.stream });
  assert.equal(second.sent.toString(), bodyFor(THREE[1].servedModel));
  const third = scene.send({ plan, body: [BODY], target: 'default/c', after: second.stream });
  assert.equal(third.sent.toString(), BODY);
  const again = scene.send({ plan, body: [BODY], target: 'default/a', after: third.stream });
  assert.equal(again.sent.toString(), bodyFor('first'));
  for (const { stream, sent } of [first, second, third, again]) {
    assert.equal(stream.requestHeadersNow['content-length'], String(sent.length));
  }
  scene.end(first.stream, second.stream, third.stream, again.stream);
});

test('each attempt gets the path of its backend, and the access log the one that the client sent', () => {
  const scene = new RewriterScene({ targets: THREE });
  const path = '/v2/models/public/infer?x=1';
  const plan = pathPlan(path);
  const first = scene.send({ plan, body: ['x'], target: 'default/a' });
  assert.deepEqual(first.effects, [
    `set request x-envoy-original-path=${path}`,
    'set request :path=/v2/models/first/versions/7/infer?x=1',
  ]);
  const second = scene.send({ plan, body: ['x'], target: 'default/b', after: first.stream });
  const encoded = encodeURIComponent(THREE[1].servedModel);
  assert.equal(second.stream.requestHeadersNow[':path'], `/v2/models/${encoded}/infer?x=1`);
  const third = scene.send({ plan, body: ['x'], target: 'default/c', after: second.stream });
  assert.deepEqual(third.effects, [`set request :path=${path}`]);
  scene.end(first.stream, second.stream, third.stream);
});

test('each attempt gets the header of its backend, and no second one', () => {
  const scene = new RewriterScene({ targets: THREE });
  const plan = headerPlan('x-model');
  const headers = { ':path': '/any', 'x-model': 'public' };
  const first = scene.send({ plan, headers, target: 'default/a' });
  assert.deepEqual(first.effects, ['set request x-model=first']);
  const second = scene.send({ plan, target: 'default/c', after: first.stream });
  assert.deepEqual(second.effects, ['set request x-model=public']);
  scene.end(first.stream, second.stream);
});

test('a form gets the served name, and its file stays, however it is cut', () => {
  const scene = new RewriterScene({ targets: [{ servedModel: 'größe "7"' }] });
  const file = Buffer.from('RIFF\0\r\n--\xff', 'latin1');
  const form = (name: string) => formBody(['file', file], ['model', name], ['n', '1']);
  const plan = formPlan(form('public'));
  for (const body of [[form('public')], ...splitsOf(form('public'))]) {
    const { stream, sent } = scene.send({ plan, headers: { ...headersFor(plan), ...FORM }, body });
    assert.deepEqual(sent, form('größe "7"'));
    assert.equal(stream.requestHeadersNow['content-length'], String(sent.length));
    scene.end(stream);
  }
});

test('a message gets the name and version of each backend, and stays without a length', () => {
  const scene = new RewriterScene({ targets: THREE });
  const message = grpcBody([
    [1, 'public'],
    [5, 'tensor'],
  ]);
  const plan = messagePlan(message);
  const headers = { ...headersFor(plan), ...GRPC };
  for (const body of [[message], ...splitsOf(message)]) {
    const first = scene.send({ plan, headers, body, target: 'default/a' });
    assert.deepEqual(readGrpc(first.sent), [
      [
        [1, 'first'],
        [2, '7'],
        [5, 'tensor'],
      ],
    ]);
    const second = scene.send({ plan, body, target: 'default/c', after: first.stream });
    assert.deepEqual(second.sent, message);
    assert.equal('content-length' in second.stream.requestHeadersNow, false);
    scene.end(first.stream, second.stream);
  }
});

test('a body in chunks stays so, also where somebody has put a length beside it', () => {
  const scene = new RewriterScene({ targets: [{ servedModel: 'served' }] });
  const plan = jsonPlan(BODY, { contentLength: '' });
  for (const extra of [{}, { 'content-length': String(LENGTH) }]) {
    const headers = { ':path': '/v1/x', ...extra };
    const { stream, sent } = scene.send({ plan, headers, body: [BODY] });
    assert.equal(sent.toString(), bodyFor('served'));
    assert.equal('content-length' in stream.requestHeadersNow, false);
    scene.end(stream);
  }
});

test('a copy finds its plan in a header, and the request itself in the property', () => {
  const scene = new RewriterScene({ shadow: true, targets: [{ servedModel: 'shadow' }] });
  const plan = jsonPlan(BODY);
  const headers = { ...headersFor(plan), 'x-modelweir-plan': plan.encode() };
  const copy = scene.send({ headers, body: [BODY] });
  assert.equal(copy.sent.toString(), bodyFor('shadow'));
  assert.deepEqual([...copy.stream.properties], []);
  const misled = { ...headersFor(plan), 'x-modelweir-plan': 'nonsense' };
  const request = scene.send({ plan, headers: misled, body: [BODY] });
  assert.equal(request.sent.toString(), bodyFor('shadow'));
  scene.end(copy.stream, request.stream);
});

test('a request without a plan passes, as does each of a rewriter that is disabled', () => {
  for (const config of [{}, { shadow: true }, { disabled: true, plan: jsonPlan(BODY) }]) {
    const { plan, ...rest } = { plan: undefined, ...config } as { plan?: Plan };
    const all = { publicModel: true, countTokens: true, noteAttempts: true, ...rest };
    const scene = new RewriterScene({ ...all, targets: [{ servedModel: 'served' }] });
    const request = { headers: { ':path': '/v1/x' }, body: [BODY] };
    const { stream, effects, sent } = scene.send(
      plan === undefined ? request : { ...request, plan },
    );
    assert.deepEqual([effects, sent.toString()], [[], BODY]);
    const answer = '{"model":"served","usage":{"prompt_tokens":1}}';
    const length = { 'content-type': 'application/json', 'content-length': '46' };
    assert.equal(scene.answer(stream, length, [answer]).toString(), answer);
    assert.equal(scene.host.metrics.size, 0);
    scene.end(stream);
  }
});

test('an endpoint that the configuration does not know gets the first name, and is counted', () => {
  const scene = new RewriterScene({ targets: THREE });
  const plan = jsonPlan(BODY);
  for (const target of [{}, { target: 'default/gone' }]) {
    const { stream, sent } = scene.send({ plan, body: [BODY], ...target });
    assert.equal(sent.toString(), bodyFor('first'));
    scene.end(stream);
  }
  assert.deepEqual([scene.attempts('mismatched'), scene.attempts('sent')], [2, 0]);
});

const MISMATCHES: readonly {
  name: string;
  plan: Plan | string;
  body?: readonly string[];
  headers?: Record<string, string>;
  trailers?: boolean;
}[] = [
  { name: 'a plan of another form', plan: '2 nonsense' },
  {
    name: 'a plan with a number that is none',
    plan: jsonPlan(BODY).encode().replace(' 9 ', ' x '),
  },
  { name: 'no body', plan: jsonPlan(BODY) },
  { name: 'a body that ends before the name', plan: jsonPlan(BODY), body: ['{"model":"p'] },
  { name: 'trailers before the name', plan: jsonPlan(BODY), body: ['{"model":"p'], trailers: true },
  { name: 'something else in its place', plan: jsonPlan(BODY), body: ['x'.repeat(LENGTH)] },
  { name: 'a length that ends before the name', plan: jsonPlan(BODY, { contentLength: '9' }) },
  {
    name: 'a form with something else before the name',
    plan: formPlan(formBody(['model', 'public'])),
    body: ['x'.repeat(500)],
  },
];

for (const { name, plan, ...rest } of MISMATCHES) {
  test(`${name}: the attempt is answered with 500, and nothing of it leaves`, () => {
    const scene = new RewriterScene({ targets: [{ servedModel: 'served' }], publicModel: true });
    const { stream, effects, action, sent } = scene.send({ plan, ...rest });
    assert.equal(action, HOLD);
    assert.match(
      effects.at(-1) ?? '',
      /^reply \d+ 500 content-type=application\/json \{"error":.*rewrit/,
    );
    assert.equal(sent.length, 0);
    assert.deepEqual([scene.attempts('mismatched'), scene.attempts('sent')], [1, 0]);
    // The filter sees its own answer, too.
    stream.responseHeaders({ ':status': '500', 'content-type': 'application/json' });
    stream.responseBody('{"error":"x"}', true);
    scene.end(stream);
  });
}

test('a message that was changed on its way is refused in the form that gRPC clients read', () => {
  const scene = new RewriterScene({ targets: [{ servedModel: 'served' }] });
  const message = grpcBody([[1, 'public']]);
  const plan = messagePlan(message);
  const compressed = Buffer.concat([Buffer.from([1]), message.subarray(1)]);
  const longer = grpcBody([
    [1, 'public'],
    [5, 'tensor'],
  ]);
  for (const body of [compressed, longer]) {
    const { stream, effects } = scene.send({
      plan,
      headers: { ...headersFor(plan), ...GRPC },
      body: [body],
    });
    assert.match(effects.join(), /^reply \d+ 500 grpc-status=13 model not rewritten: /);
    scene.end(stream);
  }
});
