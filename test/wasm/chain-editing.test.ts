/** The built chain under the strict host: what leaves for a backend with another name for the model. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestMesh } from '../unit/chain/mesh.ts';
import { FORM, formBody, GRPC, grpcBody, grpcPath, readGrpc } from '../unit/chain/messages.ts';
import { splitsOf, type TestRequest } from '../unit/chain/travel.ts';
import { ChainScene, CONTINUE, HOLD, openAiError, replied, routed } from './chain-scene.ts';

const BODY = '{"model":"public","input":"x"}';

function meshOf(servedModel: string, servedVersion = ''): TestMesh {
  const variants = [{ servedModel, servedVersion }];
  return {
    modelHeader: 'x-model',
    maxHoldBytes: 1_000_000,
    routes: {
      'default/r': { models: ['public', 'größe'], variants },
      'default/fast': { models: ['fast'], strict: false, variants },
    },
  };
}

function withLength(request: TestRequest, length: number | string): TestRequest {
  return { ...request, headers: { ...request.headers, 'content-length': String(length) } };
}

for (const served of ['served', 's', 'a far longer name than the public one', 'größe "7"']) {
  test(`a body gets the served name ${served}, and the right content-length`, () => {
    const scene = new ChainScene(meshOf(served));
    const { stream, effects, action, sent } = scene.send(withLength({ body: BODY }, BODY.length));
    assert.equal(action, CONTINUE);
    assert.deepEqual(effects, [
      `replace request body 0+30 by ${sent.toString()}`,
      `set request content-length=${sent.length}`,
      ...routed('default/r'),
    ]);
    assert.deepEqual(JSON.parse(sent.toString()), { model: served, input: 'x' });
    scene.end(stream);
  });
}

test('nothing leaves before the name has come, and what follows streams on', () => {
  const scene = new ChainScene(meshOf('served'));
  const stream = scene.held(withLength({}, BODY.length));
  for (const part of ['{"mo', 'del":"pub', '', 'lic']) {
    assert.equal(stream.requestBody(part, false), HOLD);
    assert.deepEqual(scene.host.takeEffects(), []);
  }
  assert.equal(stream.requestBody('","inp', false), CONTINUE);
  const effects = scene.host.takeEffects();
  assert.equal(effects[0], 'replace request body 0+22 by {"model":"served","inp');
  assert.equal(stream.requestHeadersNow['content-length'], '30');
  assert.equal(stream.requestBody('ut":"x"}', true), CONTINUE);
  assert.equal(Buffer.concat(stream.request.sent).toString(), '{"model":"served","input":"x"}');
  scene.end(stream);
});

test('a chunked body stays chunked', () => {
  const scene = new ChainScene(meshOf('served'));
  const { stream, sent } = scene.send({ body: BODY });
  assert.equal(sent.toString(), '{"model":"served","input":"x"}');
  assert.equal('content-length' in stream.requestHeadersNow, false);
  scene.end(stream);
});

/** Names near both ends of bodies that are longer than what is read at a time. */
const LONG: readonly { name: string; before: number; after: number }[] = [
  { name: 'at its beginning', before: 0, after: 300_000 },
  { name: 'at its end', before: 300_000, after: 0 },
  { name: 'in its middle', before: 150_000, after: 150_000 },
  { name: 'across the end of what is read first', before: 2_030, after: 10 },
  { name: 'across the end of a window', before: 65_520, after: 10 },
];

for (const model of ['public', 'fast']) {
  for (const served of ['s', 'x'.repeat(512), 'ä'.repeat(512)]) {
    const shown = `${served.slice(0, 2)} of ${served.length}`;
    for (const { name, before, after } of LONG) {
      test(`${model} becomes ${shown} characters ${name} of a long body`, () => {
        const scene = new ChainScene(meshOf(served));
        const body = `{"a":"${'a'.repeat(before)}","model":"${model}","b":"${'b'.repeat(after)}"}`;
        const half = Math.floor(body.length / 2);
        for (const pieces of [[body], [body.slice(0, half), body.slice(half)]]) {
          const request = withLength({ body: pieces }, body.length);
          const { stream, sent } = scene.send(request);
          const { model: sentModel, a, b } = JSON.parse(sent.toString());
          assert.deepEqual([sentModel, a.length, b.length], [served, before, after]);
          assert.equal(stream.requestHeadersNow['content-length'], String(sent.length));
          scene.end(stream);
        }
      });
    }
  }
}

test('a form gets the served name, and its file stays, however it is cut', () => {
  const scene = new ChainScene(meshOf('größe "7"'));
  const file = Buffer.from('RIFF\0\r\n--\xff', 'latin1');
  const form = (name: string) => formBody(['file', file], ['model', name], ['n', '1']);
  const body = form('public');
  for (const pieces of [[body], ...splitsOf(body)]) {
    const request = { path: '/v1/audio/transcriptions', headers: FORM, body: pieces };
    const { stream, sent } = scene.send(withLength(request, body.length));
    assert.deepEqual(sent, form('größe "7"'));
    assert.equal(stream.requestHeadersNow['content-length'], String(sent.length));
    scene.end(stream);
  }
});

test('a message gets the served name and version, however it is cut', () => {
  const served = 'x'.repeat(300);
  const scene = new ChainScene(meshOf(served, '7'));
  const body = grpcBody([
    [1, 'public'],
    [5, 'tensor'],
  ]);
  for (const pieces of [[body], ...splitsOf(body)]) {
    const { stream, effects, sent } = scene.send({
      path: grpcPath('ModelInfer'),
      headers: GRPC,
      body: pieces,
    });
    assert.deepEqual(effects.slice(1), routed('default/r'));
    assert.deepEqual(readGrpc(sent), [
      [
        [1, served],
        [2, '7'],
        [5, 'tensor'],
      ],
    ]);
    scene.end(stream);
  }
});

test('a stream of messages is not sent where the backend has another name', () => {
  const scene = new ChainScene(meshOf('served'));
  const body = grpcBody([[1, 'public']], [[1, 'public']]);
  const request = { path: grpcPath('ModelStreamInfer'), headers: GRPC, body };
  const { stream, effects, action, sent } = scene.send(request);
  assert.equal(action, HOLD);
  assert.match(effects.join(), /^reply \d+ 501 grpc-status=12 .*use ModelInfer$/);
  assert.equal(sent.length, 0);
  scene.end(stream);
});

test('a path gets the served name and version, and keeps what it was for the access log', () => {
  const scene = new ChainScene(meshOf('org/served', '7'));
  const path = '/v2/models/gr%c3%b6%C3%9Fe/infer?x=1';
  const { stream, effects, sent } = scene.send({ path, body: 'untouched' });
  assert.deepEqual(effects, [
    `set request x-envoy-original-path=${path}`,
    'set request :path=/v2/models/org%2Fserved/versions/7/infer?x=1',
    ...routed('default/r'),
  ]);
  assert.equal(sent.toString(), 'untouched');
  scene.end(stream);
});

test('a path that already says it is left alone', () => {
  const scene = new ChainScene(meshOf('public', '7'));
  const path = '/v2/models/public/versions/3/infer';
  const { stream, effects } = scene.send({ path, body: '' });
  assert.deepEqual(effects, routed('default/r'));
  scene.end(stream);
});

test('the header that named the model gets the served name', () => {
  const scene = new ChainScene(meshOf('größe'));
  const headers = { 'x-model': 'public' };
  const { stream, effects } = scene.send({ path: '/predict', headers, body: 'x' });
  assert.deepEqual(effects, ['set request x-model=größe', ...routed('default/r')]);
  scene.end(stream);
});

for (const served of ['', 'public']) {
  test(`nothing is touched where the served name is ${served || 'none'}`, () => {
    const scene = new ChainScene(meshOf(served));
    for (const request of [
      { body: ' {"model" : "publ\\u0069c"}' },
      { headers: FORM, body: formBody(['model', 'public']) },
      { path: grpcPath('ModelInfer'), headers: GRPC, body: grpcBody([[1, 'public']]) },
      { path: '/v2/models/%70ublic', body: '' },
    ]) {
      const { stream, effects } = scene.send(withLength(request, request.body.length));
      assert.deepEqual(effects, routed('default/r'));
      scene.end(stream);
    }
  });

  test(`a header is set to its own value where the served name is ${served || 'none'}`, () => {
    const scene = new ChainScene(meshOf(served));
    const headers = { 'x-model': 'public' };
    const { stream, effects } = scene.send({ path: '/x', headers, body: 'x' });
    assert.deepEqual(effects, ['set request x-model=public', ...routed('default/r')]);
    scene.end(stream);
  });
}

for (const length of ['16', '0', 'x', '-1']) {
  test(`a request whose content-length is ${length} does not leave`, () => {
    const scene = new ChainScene(meshOf('served'));
    const { stream, effects, action } = scene.send(withLength({ body: BODY }, length));
    assert.equal(action, HOLD);
    const error = openAiError(500, 'edit_failed', 'the body could not be edited');
    assert.deepEqual(effects, replied(stream, 500, error));
    scene.end(stream);
  });
}

test('a wrong content-length beyond the name is kept wrong by as much', () => {
  const scene = new ChainScene(meshOf('served'));
  const { stream } = scene.send(withLength({ body: '{"model":"fast"}' }, 40));
  assert.equal(stream.requestHeadersNow['content-length'], '42');
  scene.end(stream);
});
