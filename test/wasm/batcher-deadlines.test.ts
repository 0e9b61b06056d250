/** The built batcher gives a request that goes its own way the time that its caller has left. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONTINUE } from '../harness/wasm-host.ts';
import { grpcRequest } from '../unit/batcher/grpc-model-server.ts';
import { body, CONFIG, ROUTE, Scene } from './batcher-scene.ts';

const TIMEOUT = 'x-envoy-upstream-rq-timeout-ms';

for (const [name, headers] of [
  ['the route’s header', { 'x-wait-ms': '250' }],
  ['grpc-timeout', { 'grpc-timeout': '250m' }],
] as const) {
  test(`a lone request has what ${name} says`, () => {
    const scene = new Scene();
    assert.equal(scene.arrive(headers).action, CONTINUE);
    assert.deepEqual(scene.host.takeEffects(), [`set request ${TIMEOUT}=250`]);
  });
}

test('whoever says nothing, or more than the batcher’s timeout, has the time of the route', () => {
  const scene = new Scene();
  for (const headers of [{}, { 'x-wait-ms': '1000' }, { 'x-wait-ms': 'soon' }]) {
    const lead = scene.lead(headers);
    assert.deepEqual(scene.host.takeEffects(), []);
    lead.done();
  }
});

test('one that waited for nobody has what is left of its time', () => {
  const scene = new Scene();
  const lead = scene.lead();
  const hurried = scene.hold(body(1), { 'x-wait-ms': '250' });
  scene.host.advance(7.2);
  lead.done();
  assert.deepEqual(scene.effects(), [
    `set request ${TIMEOUT}=243`,
    `continue request ${hurried.id}`,
  ]);
});

test('members that are sent again have what is left of their time, each its own', () => {
  const scene = new Scene();
  const lead = scene.lead();
  const hurried = scene.hold(body(1), { 'x-wait-ms': '250' });
  const patient = scene.hold(body(2));
  lead.done();
  scene.host.takeEffects();
  scene.host.advance(100);
  scene.host.answerCall(1, { status: 503, body: 'not now' });
  assert.deepEqual(scene.effects(), [
    `set request ${TIMEOUT}=150`,
    `continue request ${hurried.id}`,
    `continue request ${patient.id}`,
  ]);
});

test('what is let go from its own body callback has what is left of its time', () => {
  const scene = new Scene();
  scene.lead();
  const { stream } = scene.arrive({ 'x-wait-ms': '250' });
  scene.host.takeEffects();
  scene.host.advance(50);
  assert.equal(stream.requestBody('no JSON', true), CONTINUE);
  assert.deepEqual(scene.effects(), [`set request ${TIMEOUT}=200`]);
});

test('one whose lane rests has what its caller says', () => {
  const scene = new Scene({ ...CONFIG, routes: [{ ...ROUTE, maxRows: 32 }] });
  const lead = scene.lead();
  for (let i = 0; i < 32; i++) scene.hold(body(i));
  scene.host.takeEffects();
  for (let token = 1; scene.host.pendingCalls.has(token); token++) {
    scene.host.answerCall(token, { status: 200, body: 'no JSON' });
    scene.host.takeEffects();
  }
  assert.equal(scene.arrive({ 'x-wait-ms': '250' }).action, CONTINUE);
  assert.deepEqual(scene.host.takeEffects(), [`set request ${TIMEOUT}=250`]);
  assert.equal(scene.count('unreadable_answers'), 1);
  lead.done();
});

test('a gRPC request takes its timeout along, and needs no other', () => {
  const scene = new Scene({ ...CONFIG, routes: [{ ...ROUTE, grpc: true }] });
  const path = '/inference.GRPCInferenceService/ModelInfer';
  const headers = { ':path': path, 'content-type': 'application/grpc', 'grpc-timeout': '250m' };
  const { stream, action } = scene.arrive(headers);
  assert.equal(action, CONTINUE);
  assert.deepEqual(scene.host.takeEffects(), []);
  assert.equal(stream.requestBody(grpcRequest(1), true), CONTINUE);
});
