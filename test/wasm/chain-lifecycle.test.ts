/** The built chain under the strict host: configurations that come and go, traps, and memory. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WasmHost } from '../harness/wasm-host.ts';
import { routerText, splitterText, type TestMesh } from '../unit/chain/mesh.ts';
import { CHAIN, ChainScene, CONTINUE, counterOf, HOLD, routed } from './chain-scene.ts';

const MESH: TestMesh = { routes: { 'default/r': { models: ['digits'] } } };
const REQUEST = { body: '{"model":"digits"}' };

/** The same with its only variant in another cluster. */
function movedTo(cluster: string): TestMesh {
  return { routes: { 'default/r': { models: ['digits'], variants: [{ cluster }] } } };
}

/** Where a request goes now. */
function clusterOf(scene: ChainScene, root = scene.router): string | undefined {
  const { stream } = scene.begin({ path: '/v2/models/digits' }, root);
  scene.host.takeEffects();
  stream.done();
  return stream.requestHeadersNow['x-modelweir-cluster'];
}

test('the chain exports the callbacks that it needs and no other', () => {
  const exports = [...WasmHost.load(CHAIN).exports];
  assert.deepEqual(exports.filter((name) => name.startsWith('proxy_')).sort(), [
    'proxy_abi_version_0_2_1',
    'proxy_on_configure',
    'proxy_on_context_create',
    'proxy_on_delete',
    'proxy_on_http_call_response',
    'proxy_on_memory_allocate',
    'proxy_on_request_body',
    'proxy_on_request_headers',
    'proxy_on_request_trailers',
    'proxy_on_tick',
    'proxy_on_vm_start',
  ]);
});

test('a disabled router passes everything, and counts nothing', () => {
  const scene = new ChainScene({ ...MESH, disabled: true });
  for (const request of [{ path: '/v2/models/nope/infer', body: 'x' }, REQUEST, { body: '{' }]) {
    const { stream, effects, action } = scene.send(request);
    assert.deepEqual([action, effects], [CONTINUE, []]);
    scene.end(stream);
  }
  assert.equal(scene.host.metrics.size, 0);
});

test('where a proxy has routes of its own, requests pass until the splitter is there', () => {
  const text = (passUnready: boolean) => routerText({ ...MESH, passUnready });
  for (const passes of [true, false]) {
    const host = WasmHost.load(CHAIN);
    const root = host.createRoot('modelweir.router');
    assert.ok(host.configure(root, text(passes)));
    const stream = host.createStream(root);
    const headers = { ':method': 'POST', ':path': '/v2/models/digits/infer' };
    assert.equal(stream.requestHeaders(headers), passes ? CONTINUE : HOLD);
    const replies = host.takeEffects().filter((effect) => effect.includes('503'));
    assert.equal(replies.length, passes ? 0 : 1);
    stream.done();
    const splitter = host.createRoot('modelweir.splitter');
    assert.ok(host.configure(splitter, splitterText(MESH)));
    const next = host.createStream(root);
    next.requestHeaders(headers);
    host.takeEffects();
    assert.equal(next.requestHeadersNow['x-modelweir-cluster'], 'default/r');
    next.done();
  }
});

test('a stream of a router that has no configuration passes', () => {
  const host = WasmHost.load(CHAIN);
  const stream = host.createStream(host.createRoot('modelweir.router'));
  assert.equal(stream.requestHeaders({ ':method': 'POST', ':path': '/v1/embeddings' }), CONTINUE);
  assert.equal(stream.requestBody(REQUEST.body, true), CONTINUE);
  stream.done();
  host.finish();
});

test('both configurations may come in either order, and again', () => {
  const host = WasmHost.load(CHAIN);
  const splitter = host.createRoot('modelweir.splitter');
  assert.ok(host.configure(splitter, splitterText(MESH)));
  const scene = new ChainScene(MESH, host);
  assert.equal(clusterOf(scene), 'default/r');
  assert.ok(scene.configure(scene.router, routerText(MESH)));
  assert.ok(scene.configure(scene.splitter, splitterText(movedTo('second'))));
  assert.equal(clusterOf(scene), 'second');
});

test('until the splitter has its configuration, no variant takes requests', () => {
  const host = WasmHost.load(CHAIN);
  const router = host.createRoot('modelweir.router');
  assert.ok(host.configure(router, routerText(MESH)));
  const stream = host.createStream(router);
  assert.equal(stream.requestHeaders({ ':method': 'GET', ':path': '/v2/models/digits' }), HOLD);
  assert.match(host.takeEffects().join(), /^reply \d+ 503 .*no variant of route default\/r /);
  assert.equal(host.metrics.get(counterOf('default/r', 'no_variant')), 1);
  stream.done();
  host.finish();
});

test('a bad router configuration is refused with all reasons, and the old one keeps serving', () => {
  const scene = new ChainScene(MESH);
  const claims = [{ model: 'a' }, { model: 'a' }];
  const bad = { routes: { 'default/r': { hostname: 'UP', claims } } };
  assert.equal(scene.configure(scene.router, routerText(bad)), false);
  const log = scene.host.logs.join('\n');
  assert.match(log, /hosts\[0\]\.hostname: must be lower case/);
  assert.match(log, /hosts\[0\]\.claims\[1\]\.model: is claimed twice/);
  assert.equal(clusterOf(scene), 'default/r');
});

test('a bad splitter configuration is refused, and the last good one goes on', () => {
  const scene = new ChainScene(MESH);
  const weightless = { routes: { 'default/r': { variants: [] } } };
  assert.equal(scene.configure(scene.splitter, splitterText(weightless)), false);
  assert.match(scene.host.logs.at(-1) ?? '', /routes\[0\]\.variants: at least one weight/);
  const routes = Object.fromEntries(
    Array.from({ length: 33 }, (_, i) => [`r${i}`, { stickyField: `f${i}` }]),
  );
  assert.equal(scene.configure(scene.splitter, splitterText({ routes })), false);
  assert.match(scene.host.logs.at(-1) ?? '', /routes\[32\]\.stickyField: is one of more than 32/);
  assert.equal(clusterOf(scene), 'default/r');
});

test('the router does not take the splitter’s configuration, nor the splitter the router’s', () => {
  const scene = new ChainScene(MESH);
  assert.equal(scene.configure(scene.router, splitterText(MESH)), false);
  assert.equal(scene.configure(scene.splitter, routerText(MESH)), false);
  assert.equal(clusterOf(scene), 'default/r');
});

test('a stream keeps the router’s configuration that it began with', () => {
  const scene = new ChainScene(MESH);
  const stream = scene.held({});
  const next = scene.addRouter({ routes: {} });
  assert.equal(stream.requestBody(REQUEST.body, true), CONTINUE);
  assert.deepEqual(scene.host.takeEffects(), routed('default/r'));
  assert.equal(clusterOf(scene, next), undefined);
  scene.end(stream);
});

test('new weights hold for the next request of every router, and not for one that is held', () => {
  const scene = new ChainScene(MESH);
  const stream = scene.held({});
  const next = scene.addRouter(MESH);
  scene.addSplitter(movedTo('moved'));
  assert.equal(clusterOf(scene), 'moved');
  assert.equal(clusterOf(scene, next), 'moved');
  assert.equal(stream.requestBody(REQUEST.body, true), CONTINUE);
  assert.deepEqual(scene.host.takeEffects(), routed('default/r'));
  scene.end(stream);
});

const RENAMED: TestMesh = { routes: { 'default/renamed': { models: ['digits'] } } };

for (const first of ['router', 'splitter'] as const) {
  test(`while a route gets another name, the ${first} first, its requests are served`, () => {
    const scene = new ChainScene(MESH);
    const addRouter = (): number => scene.addRouter(RENAMED);
    const addSplitter = (): number => scene.addSplitter(RENAMED);
    const one = first === 'router' ? addRouter() : addSplitter();
    const between = first === 'router' ? one : scene.router;
    assert.equal(clusterOf(scene, between), 'default/r');
    const other = first === 'router' ? addSplitter() : addRouter();
    const router = first === 'router' ? one : other;
    assert.equal(clusterOf(scene, router), 'default/renamed');
    scene.graceIsOver(router);
    assert.equal(clusterOf(scene, router), 'default/renamed');
  });
}

test('what a configuration replaced serves no longer than its grace', () => {
  const scene = new ChainScene(MESH);
  scene.addSplitter(RENAMED);
  assert.equal(clusterOf(scene), 'default/r');
  scene.graceIsOver();
  assert.equal(clusterOf(scene), undefined);
});

test('an old splitter that ends takes nothing with it', () => {
  const scene = new ChainScene(MESH);
  scene.addSplitter(movedTo('moved'));
  scene.endRoot(scene.splitter);
  assert.equal(clusterOf(scene), 'moved');
});

test('an old router that ends takes only its own streams with it', () => {
  const scene = new ChainScene(MESH);
  const next = scene.addRouter(MESH);
  const stream = scene.held({});
  stream.done();
  scene.endRoot(scene.router);
  assert.equal(clusterOf(scene, next), 'default/r');
  scene.host.finish();
});

for (const seen of ['by its requests', 'by the end of the one between'] as const) {
  test(`a router that comes back without being told is known ${seen}`, () => {
    const scene = new ChainScene(MESH);
    const between = scene.addRouter(RENAMED);
    scene.addSplitter(RENAMED);
    scene.graceIsOver(between);
    if (seen === 'by its requests') {
      assert.equal(clusterOf(scene), 'default/renamed', 'router back, splitter not yet');
    }
    scene.endRoot(between);
    assert.equal(clusterOf(scene), 'default/renamed', 'router back, splitter not yet');
    scene.addSplitter(MESH);
    assert.equal(clusterOf(scene), 'default/r');
    const again = scene.addRouter(RENAMED);
    assert.notEqual(clusterOf(scene, again), undefined, 'router renamed, splitter not yet');
    scene.addSplitter(RENAMED);
    assert.equal(clusterOf(scene, again), 'default/renamed');
    scene.graceIsOver(again);
  });
}

const TRAPPING = fileURLToPath(
  new URL('../../dist/test-modules/trapping-chain.wasm', import.meta.url),
);
const POISON = { 'x-test-poison': 'trap' };

test('after a trap a new machine of the router finds the splitter’s last good configuration', () => {
  const scene = new ChainScene(MESH, WasmHost.load(TRAPPING));
  scene.addSplitter(movedTo('moved'));
  const bad = splitterText({ routes: { 'default/r': { variants: [] } } });
  assert.equal(scene.configure(scene.splitter, bad), false);
  assert.equal(clusterOf(scene), 'moved');
  assert.throws(() => scene.begin({ headers: POISON }), WebAssembly.RuntimeError);
  // Envoy makes a machine for the filter that has requests, and only for that one.
  const next = WasmHost.load(TRAPPING, scene.host.sharedData);
  const router = next.createRoot('modelweir.router');
  assert.ok(next.configure(router, routerText(MESH)));
  const stream = next.createStream(router);
  stream.requestHeaders({ ':method': 'GET', ':path': '/v2/models/digits' });
  assert.deepEqual(next.takeEffects(), routed('moved'));
  stream.done();
  next.finish();
});

test('a machine that has a splitter’s configuration of its own does not ask for another', () => {
  const scene = new ChainScene(MESH);
  new ChainScene(movedTo('elsewhere'), WasmHost.load(CHAIN, scene.host.sharedData));
  assert.ok(scene.configure(scene.router, routerText(MESH)));
  assert.equal(clusterOf(scene), 'default/r');
});

test('the chain of the future that refuses its splitter’s configuration serves nobody', () => {
  const path = '../../dist/test-modules/refusing-chain.wasm';
  const host = WasmHost.load(fileURLToPath(new URL(path, import.meta.url)));
  const splitter = host.createRoot('modelweir.splitter');
  assert.equal(host.configure(splitter, splitterText(MESH)), false);
  const router = host.createRoot('modelweir.router');
  assert.ok(host.configure(router, routerText(MESH)));
  const stream = host.createStream(router);
  stream.requestHeaders({ ':method': 'GET', ':path': '/v2/models/digits' });
  assert.match(host.takeEffects().join(), /^reply \d+ 503 /);
  stream.done();
});

/** Bodies that leave garbage of all kinds, each held for a while. */
const GARBAGE: readonly { name: string; body: readonly string[]; count: number }[] = [
  {
    name: 'small requests',
    body: [`{"input":"${'x'.repeat(900)}","model":"digits"}`],
    count: 5_000,
  },
  {
    name: 'held requests',
    body: ['{"input":"', 'x'.repeat(800), '","model":"digits"}'],
    count: 4_000,
  },
  {
    name: 'large edited requests',
    body: [`{"model":"public","input":"${'x'.repeat(65_536)}"}`],
    count: 300,
  },
];

for (const { name, body, count } of GARBAGE) {
  test(`memory stays flat over many ${name}`, () => {
    const renamed = { models: ['public'], variants: [{ servedModel: 'served' }] };
    const scene = new ChainScene({ routes: { ...MESH.routes, renamed } });
    const run = (times: number): void => {
      for (let i = 0; i < times; i++) scene.send({ body }).stream.done();
    };
    run(count);
    const before = scene.host.memoryBytes;
    run(count * 3);
    const growth = scene.host.memoryBytes - before;
    assert.ok(growth <= 65_536, `grew by ${growth} bytes`);
    scene.host.finish();
  });
}
