/** The built chain under the strict host: requests of OpenAI's API, call by call. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestMesh } from '../unit/chain/mesh.ts';
import {
  ChainScene,
  CONTINUE,
  counterOf,
  HOLD,
  openAiError,
  replied,
  routed,
} from './chain-scene.ts';

const MESH: TestMesh = {
  maxHoldBytes: 20_000,
  routes: {
    'default/strict': { models: ['digits', 'a', 'größe 7'], routeClass: 'timeout-1000' },
    'default/fast': { models: ['fast'], strict: false },
    'default/batched': { models: ['batched'], batched: true },
  },
};
const STRICT = routed('default/strict', 'only', 'timeout-1000');
const DUPLICATE = openAiError(
  400,
  'duplicate_model',
  'the body names "model" more than once',
  'model',
);

for (const path of [
  'chat/completions',
  'completions',
  'embeddings',
  'responses',
  'moderations',
  'audio/speech',
  'images/generations',
  'embeddings/?x',
]) {
  test(`the model is read from the body of /v1/${path}`, () => {
    const scene = new ChainScene(MESH);
    const passage = scene.send({ path: `/v1/${path}`, body: '{"model":"digits"}' });
    assert.equal(passage.action, CONTINUE);
    assert.deepEqual(passage.effects, STRICT);
    assert.equal(passage.sent.toString(), '{"model":"digits"}');
    const counter = 'modelweir_router_requests_total;outcome=routed';
    assert.equal(scene.count(`${counter};route=default/strict;variant=only`), 1);
    scene.end(passage.stream);
  });
}

test('a route that batches is named to the batcher, and no other', () => {
  const scene = new ChainScene(MESH);
  const { stream, effects } = scene.send({ body: '{"model":"batched"}' });
  const name = 'set request x-modelweir-route=default/batched';
  assert.deepEqual(effects, [name, ...routed('default/batched')]);
  scene.end(stream);
});

test('the request goes on with the piece that completes the name', () => {
  const scene = new ChainScene(MESH);
  const stream = scene.held({});
  for (const piece of ['{"input":"héllo","mod', 'el":"dig', '']) {
    assert.equal(stream.requestBody(piece, false), HOLD);
    assert.deepEqual(scene.host.takeEffects(), []);
  }
  assert.equal(stream.requestBody('its","x":', false), CONTINUE);
  assert.deepEqual(scene.host.takeEffects(), STRICT);
  assert.equal(stream.requestBody('1}', true), CONTINUE);
  scene.end(stream);
});

test('another method with a body is routed, as only a backend may refuse it', () => {
  const scene = new ChainScene(MESH);
  const { stream, effects } = scene.send({ method: 'PUT', body: '{"model":"digits"}' });
  assert.deepEqual(effects, STRICT);
  scene.end(stream);
});

test('names are read whatever their letters, escapes and the blanks around them', () => {
  const scene = new ChainScene(MESH);
  const body = '\ufeff {"ü":"😀", "mod\\u0065l" : "gr\\u00f6ße 7"}';
  const { stream, effects, sent } = scene.send({ body });
  assert.deepEqual(effects, STRICT);
  assert.equal(sent.toString(), body);
  scene.end(stream);
});

test('a body longer than a window is read to its end', () => {
  const scene = new ChainScene({ ...MESH, maxHoldBytes: 1_000_000 });
  for (const text of [`"${'x'.repeat(200_000)}"`, `[${'12345678,'.repeat(20_000)}0]`]) {
    const body = `{"input":${text},"model":"digits"}`;
    const { stream, effects, sent } = scene.send({ body });
    assert.deepEqual(effects, STRICT);
    assert.equal(sent.length, body.length);
    scene.end(stream);
  }
});

const REFUSED: readonly {
  name: string;
  body: string;
  status?: number;
  code: string;
  message: string;
}[] = [
  {
    name: 'an unknown model',
    body: '{"model":"nope"}',
    status: 404,
    code: 'model_not_found',
    message: "the model 'nope' does not exist",
  },
  {
    name: 'a model of 10,000 characters',
    body: `{"model":"${'n'.repeat(10_000)}"}`,
    status: 404,
    code: 'model_not_found',
    message: 'no model has a name of more than 512 characters',
  },
  {
    name: 'a long unknown model',
    body: `{"model":"${'n'.repeat(200)}"}`,
    status: 404,
    code: 'model_not_found',
    message: `the model '${'n'.repeat(128)}...' does not exist`,
  },
  { name: 'no model', body: '{}', code: 'missing_model', message: 'the body has no "model"' },
  {
    name: 'a model that is no string',
    body: '{"model":["digits"]}',
    code: 'invalid_model',
    message: '"model" must be a string',
  },
  {
    name: 'a body that is no object',
    body: '[]',
    code: 'invalid_body',
    message: 'the body must be a JSON object',
  },
  {
    name: 'malformed JSON',
    body: '{"x":1,}',
    code: 'invalid_json',
    message: 'the body is not valid JSON near byte 8',
  },
  {
    name: 'a body that is cut off',
    body: '{"x":[1',
    code: 'invalid_json',
    message: 'the body ends before its JSON does near byte 7',
  },
  {
    name: 'a body of blanks',
    body: ' \n',
    code: 'empty_body',
    message: 'the body is empty; the model is required',
  },
  {
    name: 'a second model in the same piece',
    body: '{"model":"digits","model":"a"}',
    code: 'duplicate_model',
    message: 'the body names "model" more than once',
  },
  {
    name: 'a key that some parsers take for the model',
    body: '{"Model":"a","model":"digits"}',
    code: 'duplicate_model',
    message: 'the body names "model" more than once',
  },
];

for (const { name, body, status = 400, code, message } of REFUSED) {
  for (const trailers of [false, true]) {
    test(`${name} is refused${trailers ? ', also where trailers end the body' : ''}`, () => {
      const scene = new ChainScene(MESH);
      const { stream, effects, action, sent } = scene.send({ body }, trailers);
      assert.equal(action, HOLD);
      const param = code.includes('model') ? 'model' : undefined;
      const error = openAiError(status, code, message, param);
      assert.deepEqual(effects, replied(stream, status, error));
      assert.equal(sent.length, 0);
      // Of its route where that was known by then.
      const route = code === 'duplicate_model' ? 'default/strict' : '';
      assert.equal(scene.count(counterOf(route, code)), 1);
      assert.equal(scene.heldBytes, 0);
      scene.end(stream);
    });
  }
}

test('a request without a body is refused at the headers', () => {
  const scene = new ChainScene(MESH);
  const { stream, effects, action } = scene.send({ method: 'POST' });
  assert.equal(action, HOLD);
  const message = 'the body is empty; the model is required';
  assert.deepEqual(effects, replied(stream, 400, openAiError(400, 'empty_body', message)));
  scene.end(stream);
});

test('an encoded body is refused with the reason', () => {
  const scene = new ChainScene(MESH);
  const headers = { 'content-encoding': 'gzip' };
  const body = [Uint8Array.from([0x1f, 0x8b, 8]), 'more'];
  const { stream, effects } = scene.send({ headers, body });
  assert.match(effects.join(), /^reply \d+ 415 .*without content-encoding/);
  scene.end(stream);
});

test('strict: what passes is watched, and a second model ends the request', () => {
  const scene = new ChainScene(MESH);
  const stream = scene.held({});
  assert.equal(stream.requestBody('{"model":"digits","x":"', false), CONTINUE);
  assert.deepEqual(scene.host.takeEffects(), STRICT);
  assert.equal(stream.requestBody('x'.repeat(100_000), false), CONTINUE);
  assert.equal(stream.requestBody('","mod', false), CONTINUE);
  assert.equal(stream.requestBody('el":"a"}', true), HOLD);
  assert.deepEqual(scene.host.takeEffects(), replied(stream, 400, DUPLICATE));
  scene.end(stream);
});

test('strict: what passes must stay JSON to its end, be it trailers that end it', () => {
  const cases: [rest: string, message: string][] = [
    ['"x":NaN}', 'the body is not valid JSON near byte 23'],
    ['"x":1', 'the body ends before its JSON does near byte 23'],
    ['"x":1} {"model":"a"}', 'the body is not valid JSON near byte 26'],
  ];
  const scene = new ChainScene(MESH);
  for (const [rest, message] of cases) {
    for (const trailers of [false, true]) {
      const body = ['{"model":"digits"', `,${rest}`];
      const { stream, effects, action, sent } = scene.send({ body }, trailers);
      assert.equal(action, HOLD);
      const reply = replied(stream, 400, openAiError(400, 'invalid_json', message));
      assert.deepEqual(effects, [...STRICT, ...reply]);
      assert.ok(sent.length >= 17);
      scene.end(stream);
    }
  }
});

test('strict: a body that trailers end goes on with them', () => {
  const scene = new ChainScene(MESH);
  const body = ['{"model":"digits"', ',"x":1}'];
  const { stream, effects, action, sent } = scene.send({ body }, true);
  assert.deepEqual([action, effects], [CONTINUE, STRICT]);
  assert.equal(sent.toString(), body.join(''));
  scene.end(stream);
});

for (const trailers of [false, true]) {
  const end = trailers ? 'trailers end the body' : 'the last piece has the name';
  test(`fast: after the name nothing is read, also where ${end}`, () => {
    const scene = new ChainScene(MESH);
    for (const body of [
      ['{"model":"fast","model":"a"} garbage'],
      ['{"model":"fast","mod', 'el":"a"} garbage'],
      ['{"model":"fast"}'],
      [`{"model":"fast","input":"${'x'.repeat(200_000)}"}`],
      ['{"mod', 'el":"fast"', ' garbage', ''],
    ]) {
      const { stream, effects, action, sent } = scene.send({ body }, trailers);
      assert.deepEqual([action, effects], [CONTINUE, routed('default/fast')]);
      assert.equal(sent.toString(), body.join(''));
      scene.end(stream);
    }
  });
}

test('upgrades and paths of nobody pass', () => {
  const scene = new ChainScene(MESH);
  for (const request of [
    { path: '/v1/responses', headers: { upgrade: 'websocket' } },
    { method: 'GET', path: '/v1/chat/completions' },
    { method: 'DELETE', path: '/v1/embeddings' },
    { path: '/v1/embeddings/extra', body: '{"model":"digits"}' },
    { path: '/', body: ['any', 'thing'] },
  ]) {
    const { stream, effects, action } = scene.send(request);
    assert.deepEqual([action, effects], [CONTINUE, []]);
    scene.end(stream);
  }
  assert.equal(scene.count(counterOf('', 'passed')), 5);
});
