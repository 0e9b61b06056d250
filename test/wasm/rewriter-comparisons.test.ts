/** The built rewriter under the strict host: answers of requests and of their shadows meet in one machine. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WasmHost } from '../harness/wasm-host.ts';
import type { WasmStream } from '../harness/wasm-stream.ts';
import { configText, jsonPlan, RewriterScene, type TestConfig } from './rewriter-scene.ts';

const BODY = '{"model":"public"}';
const JSON_TYPE = { 'content-type': 'application/json' };
const COMPARE = {
  compare: 'Tensors',
  toleranceMillionths: 1000,
  maxCompareBytes: 1000,
  maxCompareHeldBytes: 100_000,
  compareTimeoutMs: 5000,
} as const;

function tensors(...data: readonly number[]): string {
  const output = { name: 'y', datatype: 'FP64', shape: [data.length], data };
  return JSON.stringify({ model_name: 'x', outputs: [output] });
}

/** The rewriters of a variant and of its shadow, in one machine. */
class Pair {
  readonly primary: RewriterScene;
  readonly shadow: RewriterScene;
  readonly host: WasmHost;

  constructor(config: TestConfig = {}) {
    this.primary = new RewriterScene({ ...COMPARE, ...config });
    this.host = this.primary.host;
    const targets = [{ variant: 'next', servedModel: 'other' }];
    const copies = { ...COMPARE, ...config, publicModel: false, shadow: true, targets };
    this.shadow = new RewriterScene(copies, this.host);
  }

  send(scene: RewriterScene, comparison: string): WasmStream {
    const plan = jsonPlan(BODY, { comparison });
    if (scene === this.primary) return scene.send({ plan, body: [BODY] }).stream;
    const headers = { ':path': '/v1/x', 'x-modelweir-plan': plan.encode() };
    return scene.send({ headers, body: [BODY] }).stream;
  }

  /** A whole attempt with this answer. */
  run(scene: RewriterScene, comparison: string, body: string, status = '200'): void {
    const stream = this.send(scene, comparison);
    scene.answer(stream, { ':status': status, ...JSON_TYPE }, [body]);
    this.done(stream);
  }

  done(stream: WasmStream): void {
    stream.done();
    this.host.takeEffects();
  }

  count(outcome: string, known = true): number {
    const [variant, shadow] = known ? ['canary', 'next'] : ['', ''];
    const labels = `;route=default/r;variant=${variant};shadow=${shadow};outcome=${outcome}`;
    return this.host.metrics.get(`modelweir_shadow_comparisons_total${labels}`) ?? 0;
  }
}

test('answers are compared, whichever comes first', () => {
  const pair = new Pair();
  pair.run(pair.primary, 'a', tensors(1, 2));
  pair.run(pair.shadow, 'a', tensors(1.0001, 2));
  pair.run(pair.shadow, 'b', tensors(1, 2));
  pair.run(pair.primary, 'b', tensors(1, 3));
  assert.deepEqual([pair.count('agree'), pair.count('disagree')], [1, 1]);
  pair.host.finish();
});

test('what is compared is the answer as it came, and the request gets its own edited', () => {
  const pair = new Pair({ publicModel: true, compare: 'Text' });
  const body = '{"model":"served","choices":[{"message":{"content":"hello"}}]}';
  const stream = pair.send(pair.primary, 'a');
  const length = { ...JSON_TYPE, 'content-length': String(body.length) };
  const out = pair.primary.answer(stream, length, [body.slice(0, 20), body.slice(20)]);
  assert.equal(out.toString(), body.replace('served', 'public'));
  pair.done(stream);
  pair.run(pair.shadow, 'a', body.replace('served', 'other'));
  assert.equal(pair.count('agree'), 1);
});

test('a retry gives its answer in the place of the one that failed', () => {
  const pair = new Pair();
  pair.run(pair.shadow, 'a', tensors(1));
  pair.run(pair.primary, 'a', 'overloaded', '503');
  pair.run(pair.primary, 'a', tensors(1));
  assert.equal(pair.count('agree'), 1);
});

test('a shadow that fails, or breaks off, makes a pair that cannot be compared', () => {
  const pair = new Pair();
  pair.run(pair.primary, 'a', tensors(1));
  pair.run(pair.shadow, 'a', 'overloaded', '503');
  const broken = pair.send(pair.shadow, 'b');
  broken.responseHeaders({ ':status': '200', ...JSON_TYPE });
  broken.responseBody('{"outputs":[', false);
  pair.done(broken);
  pair.run(pair.primary, 'b', tensors(1));
  pair.run(pair.primary, 'c', tensors(1));
  const silent = pair.send(pair.shadow, 'c');
  pair.done(silent);
  assert.equal(pair.count('incomparable'), 3);
});

test('a longer answer than may be kept is not compared', () => {
  const pair = new Pair({ maxCompareBytes: 100 });
  const long = tensors(...Array.from({ length: 50 }, (_, i) => i));
  pair.run(pair.primary, 'a', long);
  pair.run(pair.shadow, 'a', long);
  assert.equal(pair.count('incomparable'), 1);
});

test('answers whose other one does not come are dropped, by the tick of their root', () => {
  const pair = new Pair();
  const stream = pair.send(pair.primary, 'a');
  stream.responseHeaders({ ':status': '200', ...JSON_TYPE });
  stream.responseBody(tensors(1), true);
  assert.deepEqual(pair.host.takeEffects(), [`tick ${pair.primary.root} 5000`]);
  pair.done(stream);
  pair.host.tick(pair.primary.root, 4000);
  assert.deepEqual(pair.host.takeEffects(), []);
  assert.equal(pair.count('lost', false), 0);
  pair.host.tick(pair.primary.root, 1000);
  assert.deepEqual(pair.host.takeEffects(), [`tick ${pair.primary.root} 0`]);
  assert.equal(pair.count('lost', false), 1);
});

test('answers of one worker are kept within one bound, whatever their routes', () => {
  const body = tensors(...Array.from({ length: 40 }, (_, i) => i));
  const bound = { maxCompareHeldBytes: 4000 };
  const pair = new Pair(bound);
  const other = new RewriterScene({ ...COMPARE, ...bound, route: 'default/other' }, pair.host);
  pair.run(pair.primary, 'a', body);
  pair.run(other, 'b', body);
  pair.run(other, 'c', body);
  const metric = 'modelweir_shadow_comparisons_total;route=default/other;variant=;shadow=';
  assert.ok((pair.host.metrics.get(`${metric};outcome=over_limit`) ?? 0) >= 1);
  pair.run(pair.shadow, 'a', body);
  assert.equal(pair.count('agree'), 1);
});

test('with the last configuration of a route go the answers that wait, and not before', () => {
  const pair = new Pair();
  pair.run(pair.primary, 'a', tensors(1));
  const next = pair.host.createRoot('modelweir.rewriter');
  assert.ok(pair.host.configure(next, configText({ ...COMPARE })));
  pair.host.endRoot(pair.primary.root);
  pair.run(pair.shadow, 'a', tensors(1));
  assert.equal(pair.count('agree'), 1);
  pair.run(pair.shadow, 'b', tensors(1));
  pair.host.endRoot(next);
  assert.equal(pair.count('lost', false), 0);
  pair.host.endRoot(pair.shadow.root);
  assert.equal(pair.count('lost', false), 1);
});

test('a request that has no shadow is not kept', () => {
  const pair = new Pair();
  pair.run(pair.primary, '', tensors(1));
  pair.host.tick(pair.primary.root, 100_000);
  assert.deepEqual(pair.host.takeEffects(), [`tick ${pair.primary.root} 0`]);
  assert.equal(pair.count('lost', false), 0);
});
