/** The built rewriter under the strict host: what is noted of attempts, and of a fallback. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WasmStream } from '../harness/wasm-stream.ts';
import { jsonPlan, noted, RewriterScene, type TestAttempt } from './rewriter-scene.ts';

const BODY = '{"model":"public"}';
const PLAN = jsonPlan(BODY);
const ATTEMPTS = 'modelweir.attempts';
/** What the chain has noted of a request whose caller is told everything. */
const NOTED = {
  'modelweir.variant': 'canary',
  'modelweir.shown_variant': 'canary',
  'modelweir.reason': 'sticky:4711',
  'modelweir.decision': 'route=default/r;variant=canary;reason=sticky:4711;configuration=c7',
};

function twoVariants(config = {}): RewriterScene {
  return new RewriterScene({ noteAttempts: true, targets: [{}, {}], ...config });
}

function attempt(scene: RewriterScene, rest: TestAttempt): WasmStream {
  return scene.send({ plan: PLAN, body: [BODY], ...rest }).stream;
}

function answered(scene: RewriterScene, stream: WasmStream, status: string): void {
  scene.answer(stream, { ':status': status }, ['x']);
}

function facts(stream: WasmStream): Record<string, string> {
  return Object.fromEntries(Object.keys(NOTED).map((name) => [name, noted(stream, name)]));
}

test('attempts are noted in turn, with the status of each that was answered', () => {
  const scene = twoVariants();
  const first = attempt(scene, { target: 'default/a' });
  assert.equal(noted(first, ATTEMPTS), 'canary;reset');
  const second = attempt(scene, { target: 'default/a', after: first });
  assert.equal(noted(second, ATTEMPTS), 'canary;reset, canary;reset');
  answered(scene, second, '503');
  const third = attempt(scene, { target: 'default/b', after: second });
  answered(scene, third, '200');
  assert.equal(noted(third, ATTEMPTS), 'canary;reset, canary;status=503, stable;status=200');
  scene.end(first, second, third);
});

test('the gRPC status is noted where the headers have one', () => {
  const scene = twoVariants();
  const stream = attempt(scene, { target: 'default/a' });
  scene.answer(stream, { 'content-type': 'application/grpc', 'grpc-status': '14' }, []);
  assert.equal(noted(stream, ATTEMPTS), 'canary;status=200;grpc-status=14');
  scene.end(stream);
});

test('an attempt that the rewriter itself has answered is noted, too', () => {
  const scene = twoVariants();
  const { stream } = scene.send({ plan: 'nonsense', body: [BODY], target: 'default/a' });
  stream.responseHeaders({ ':status': '500' });
  scene.host.takeEffects();
  assert.equal(noted(stream, ATTEMPTS), 'canary;status=500');
  scene.end(stream);
});

test('where nobody asks, and of copies, nothing is noted', () => {
  for (const config of [{ noteAttempts: false }, { shadow: true }]) {
    const scene = twoVariants({ ...config, targets: [{ variant: 'stable' }] });
    const stream = attempt(scene, { noted: NOTED });
    answered(scene, stream, '200');
    assert.equal(noted(stream, ATTEMPTS), '');
    assert.deepEqual(facts(stream), NOTED);
    scene.end(stream);
  }
});

test('the chosen variant leaves what the chain has noted', () => {
  const scene = twoVariants();
  const stream = attempt(scene, { target: 'default/a', noted: NOTED });
  answered(scene, stream, '200');
  assert.deepEqual(facts(stream), NOTED);
  scene.end(stream);
});

test('a fallback is told as the variant and as the reason', () => {
  const scene = twoVariants();
  const first = attempt(scene, { target: 'default/a', noted: NOTED });
  answered(scene, first, '503');
  const second = attempt(scene, { target: 'default/b', after: first });
  answered(scene, second, '200');
  assert.deepEqual(facts(second), {
    'modelweir.variant': 'stable',
    'modelweir.shown_variant': 'stable',
    'modelweir.reason': 'fallback',
    'modelweir.decision': 'route=default/r;variant=stable;reason=fallback;configuration=c7',
  });
  scene.end(first, second);
});

test('a caller who is not told the variant is not told it after a fallback', () => {
  const scene = twoVariants();
  const stream = attempt(scene, { target: 'default/b', noted: { 'modelweir.variant': 'canary' } });
  answered(scene, stream, '200');
  assert.equal(noted(stream, 'modelweir.variant'), 'stable');
  assert.equal(noted(stream, 'modelweir.shown_variant'), '');
  assert.equal(noted(stream, 'modelweir.decision'), '');
  scene.end(stream);
});

test('of several attempts the last that is answered wins, also where it is the chosen one again', () => {
  const scene = twoVariants({ targets: [{}, {}, { variant: 'backup' }] });
  const first = attempt(scene, { target: 'default/b', noted: NOTED });
  answered(scene, first, '503');
  const second = attempt(scene, { target: 'default/c', after: first });
  answered(scene, second, '503');
  assert.equal(noted(second, 'modelweir.variant'), 'backup');
  const third = attempt(scene, { target: 'default/a', after: second });
  answered(scene, third, '200');
  assert.deepEqual(facts(third), NOTED);
  scene.end(first, second, third);
});
