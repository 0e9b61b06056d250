/** The built chain under the strict host: requests whose path or header names the model. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestMesh } from '../unit/chain/mesh.ts';
import { ChainScene, CONTINUE, counterOf, HOLD, replied, routed } from './chain-scene.ts';

const MESH: TestMesh = {
  modelHeader: 'X-Model',
  routes: {
    'default/digits': {
      models: ['digits', 'numbers', 'größe 7', 'org/model', 'llama-3:8b'],
      routeClass: 'timeout-1000',
    },
    'default/second': { claims: [{ model: 'digits', version: '2' }] },
  },
};
const DIGITS = routed('default/digits', 'only', 'timeout-1000');

const PATHS: readonly { name: string; method?: string; path: string; cluster?: string }[] = [
  { name: 'a model in the path', path: '/v2/models/digits/infer' },
  { name: 'an alias', path: '/v2/models/numbers/infer' },
  { name: 'a version', path: '/v2/models/digits/versions/3/infer' },
  { name: 'a version with its own route', path: '/v2/models/digits/versions/2/infer' },
  { name: 'metadata by GET', method: 'GET', path: '/v2/models/digits' },
  { name: 'readiness', method: 'GET', path: '/v2/models/digits/ready' },
  { name: 'a query', path: '/v2/models/digits?a=/b' },
  { name: 'a trailing slash', path: '/v2/models/digits/' },
  { name: 'an encoded slash', path: '/v2/models/org%2Fmodel/infer' },
  { name: 'encoded UTF-8', path: '/v2/models/gr%c3%b6%C3%9Fe%207' },
  { name: 'a model to load', path: '/v2/repository/models/digits/load' },
  { name: 'a KServe prediction', path: '/v1/models/digits:predict' },
  { name: 'a KServe explanation with colons', path: '/v1/models/llama-3:8b:explain' },
];

for (const { name, method, path } of PATHS) {
  test(`${name} decides at the headers, and the body passes unread`, () => {
    const scene = new ChainScene(MESH);
    const { stream, action } = scene.begin({ method: method ?? 'POST', path, body: '' });
    assert.equal(action, CONTINUE);
    const effects = path.includes('versions/2') ? routed('default/second') : DIGITS;
    assert.deepEqual(scene.host.takeEffects(), effects);
    assert.equal(stream.requestBody('anything', true), CONTINUE);
    scene.end(stream);
  });
}

test('a header decides where nothing else names a model', () => {
  const scene = new ChainScene(MESH);
  for (const request of [
    { path: '/predict', body: 'anything' },
    { path: '/', method: 'GET' },
  ]) {
    const headers = { 'x-model': 'digits' };
    const { stream, effects, action } = scene.send({ ...request, headers });
    // Set also where it stays: a second one must not reach the backend.
    assert.deepEqual([action, effects], [CONTINUE, ['set request x-model=digits', ...DIGITS]]);
    scene.end(stream);
  }
});

const PASSED: readonly [method: string, path: string][] = [
  ['GET', '/'],
  ['GET', '/v2/models'],
  ['GET', '/v2/models/'],
  ['GET', '/v1/chat/completions'],
  ['DELETE', '/v1/embeddings'],
  ['POST', '/v1/embeddings/extra'],
  ['POST', '/v1/embeddingsx'],
  ['POST', '/v1/models/digits:classify'],
  ['POST', '/inference.GRPCInferenceService/ModelInfer'],
];

for (const [method, path] of PASSED) {
  test(`${method} ${path} passes untouched`, () => {
    const scene = new ChainScene(MESH);
    const body = method === 'POST' ? { body: '{"model":"digits"}' } : {};
    const { stream, effects, action } = scene.send({ method, path, ...body });
    assert.deepEqual([action, effects], [CONTINUE, []]);
    scene.end(stream);
    assert.equal(scene.count(counterOf('', 'passed')), 1);
  });
}

test('an unknown model, a broken name and a dot segment are refused', () => {
  const cases: [path: string, status: number, error: string][] = [
    ['/v2/models/nope/infer', 404, "the model 'nope' does not exist"],
    ['/v2/models/%22/infer', 404, "the model '\"' does not exist"],
    ['/v1/models/nope:predict', 404, "the model 'nope' does not exist"],
    ['/v2/models/%zz/infer', 400, 'the path is not a plain path of percent-encoded UTF-8'],
    ['/v2/models/digits/../a', 400, 'the path is not a plain path of percent-encoded UTF-8'],
  ];
  const scene = new ChainScene(MESH);
  for (const [path, status, error] of cases) {
    const { stream, action } = scene.begin({ path, body: '' });
    assert.equal(action, HOLD);
    assert.deepEqual(scene.host.takeEffects(), replied(stream, status, { error }));
    scene.end(stream);
  }
  assert.equal(scene.count(counterOf('', 'model_not_found')), 3);
  assert.equal(scene.count(counterOf('', 'invalid_path')), 2);
});

test('a host table decides by the authority, without its port and case', () => {
  const scene = new ChainScene({
    routes: { any: { models: ['digits'] }, eu: { hostname: 'eu.com', models: ['digits'] } },
  });
  for (const [authority, cluster] of [
    ['EU.com:8080', 'eu'],
    ['us.example.com', 'any'],
    ['[::1]:8080', 'any'],
  ] as const) {
    const headers = { ':authority': authority };
    const { stream, effects } = scene.send({ path: '/v2/models/digits', headers });
    assert.deepEqual(effects, routed(cluster), authority);
    scene.end(stream);
  }
});

test('a host of which nobody claims anything passes', () => {
  const scene = new ChainScene({ routes: { eu: { hostname: 'eu.com', models: ['digits'] } } });
  const { stream, effects, action } = scene.send({ body: '{"model":"digits"}' });
  assert.deepEqual([action, effects], [CONTINUE, []]);
  scene.end(stream);
});
