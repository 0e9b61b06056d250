/** The built chain under the strict host, with a splitter that comes in shards. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WasmHost } from '../harness/wasm-host.ts';
import { routerText, shardsOf, shardTexts, type TestMesh } from '../unit/chain/mesh.ts';
import { ChainScene } from './chain-scene.ts';

const NAMES = Array.from({ length: 20 }, (_, i) => `ns/r${i}`);

/** Each route has one variant, in a cluster of this kind. */
function meshIn(kind: string): TestMesh {
  return {
    routes: Object.fromEntries(
      NAMES.map((name) => [name, { models: [name], variants: [{ cluster: `${kind} ${name}` }] }]),
    ),
  };
}

/** Kinds of cluster that requests of the routes go to; empty: refused. */
function kinds(host: WasmHost, router: number): string[] {
  return NAMES.map((model) => {
    const stream = host.createStream(router);
    stream.requestHeaders({ ':method': 'POST', ':path': '/v1/chat/completions' });
    stream.requestBody(JSON.stringify({ model }), true);
    host.takeEffects();
    stream.done();
    return stream.requestHeadersNow['x-modelweir-cluster']?.split(' ')[0] ?? '';
  });
}

function count(all: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    [...new Set(all)].sort().map((kind) => [kind, all.filter((one) => one === kind).length]),
  );
}

test('a mesh that grows gets more shards one by one, and no request is refused between', () => {
  const scene = new ChainScene(meshIn('old'));
  for (const [at, text] of shardTexts(meshIn('new'), 4).entries()) {
    scene.addShard(text);
    if (at === 1) scene.endRoot(scene.splitter);
    const now = count(kinds(scene.host, scene.router));
    assert.equal((now['old'] ?? 0) + (now['new'] ?? 0), NAMES.length, JSON.stringify(now));
    assert.ok(at < 3 === (now['old'] ?? 0) > 0);
  }
  scene.addSplitter(meshIn('whole'));
  assert.deepEqual(count(kinds(scene.host, scene.router)), { whole: NAMES.length });
  scene.host.finish();
});

test('a shard that is refused keeps its last good configuration, and the others go on', () => {
  const scene = new ChainScene(meshIn('old'));
  const roots = shardTexts(meshIn('old'), 4).map((text) => scene.addShard(text));
  const texts = shardTexts(meshIn('new'), 4);
  const bad = texts[2]?.replace('"weight":1', '"weight":-1') ?? '';
  for (const [shard, text] of texts.entries()) {
    assert.equal(scene.configure(roots[shard] ?? 0, shard === 2 ? bad : text), shard !== 2);
  }
  const ofBad = shardsOf(meshIn('old'), 4)[2]?.list.length ?? 0;
  assert.ok(ofBad > 0);
  assert.deepEqual(count(kinds(scene.host, scene.router)), {
    new: NAMES.length - ofBad,
    old: ofBad,
  });
});

test('after a trap a new machine of the router finds all shards of the last complete number', () => {
  const path = new URL('../../dist/test-modules/trapping-chain.wasm', import.meta.url);
  const scene = new ChainScene(meshIn('whole'), WasmHost.load(fileURLToPath(path)));
  const recovered = (): Record<string, number> => {
    const host = WasmHost.load(fileURLToPath(path), scene.host.sharedData);
    const router = host.createRoot('modelweir.router');
    assert.ok(host.configure(router, routerText(meshIn('whole'))));
    return count(kinds(host, router));
  };
  const [first, ...others] = shardTexts(meshIn('new'), 4);
  scene.addShard(first ?? '');
  assert.deepEqual(recovered(), { whole: NAMES.length });
  for (const text of others) scene.addShard(text);
  assert.deepEqual(recovered(), { new: NAMES.length });
  scene.addShard(shardTexts(meshIn('newer'), 4)[1] ?? '');
  const mixed = recovered();
  assert.equal((mixed['new'] ?? 0) + (mixed['newer'] ?? 0), NAMES.length);
});
