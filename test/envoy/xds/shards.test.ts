/** The splitter's configuration in shards, in a real Envoy: a mesh that grows and shrinks under traffic. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import type * as ir from '../../../control-plane/ir/mesh.ts';
import { startBackend } from '../../harness/backend.ts';
import { httpLoad, statusCounts } from '../../harness/http-load.ts';
import { MODES, oneRouteMesh, serveMesh } from './served-mesh.ts';

/** One, two, four and eight shards, there and back. */
const SIZES = [10, 30, 60, 120, 60, 20, 120, 1];

function sized(mesh: ir.Mesh, size: number): ir.Mesh {
  const [own] = mesh.routes;
  const claim = own?.claims[0];
  if (own === undefined || claim === undefined) throw new Error('the mesh has no route');
  const others = Array.from({ length: size - 1 }, (_, index) => ({
    ...own,
    name: `default/other-${index}`,
    claims: [{ ...claim, model: `other-${index}` }],
  }));
  return { ...mesh, routes: [own, ...others] };
}

function weighted(mesh: ir.Mesh, route: number, weight: number): ir.Mesh {
  const routes = mesh.routes.map((one, at) =>
    at === route ? { ...one, variants: one.variants.map((of) => ({ ...of, weight })) } : one,
  );
  return { ...mesh, routes };
}

for (const mode of MODES) {
  test(`${mode}: other numbers of shards lose no request and drain no connection`, async (t) => {
    const backend = await startBackend((_, response) => {
      response.end('a');
    });
    t.after(() => backend.stop());
    const mesh = await oneRouteMesh([{ name: 'a', port: backend.port }]);
    const served = await serveMesh({ mode, mesh: sized(mesh, 1), concurrency: 2 });
    t.after(() => served.stop());
    await served.proxyWhen((proxy) => proxy.inSync);
    const over = new AbortController();
    t.after(() => over.abort());
    const ask = (model: string) => ({
      url: `${served.url}/v2/models/${model}/infer`,
      method: 'POST',
      body: '{}',
    });
    const connections = 4;
    const traffic = httpLoad({
      request: ask('m'),
      connections,
      count: 1_000_000,
      signal: over.signal,
    });
    for (const size of SIZES) {
      const now = sized(mesh, size);
      served.publish(now);
      await served.proxyWhen((proxy) => proxy.inSync);
      for (const last of [`other-${size - 2}`, `other-${size >> 1}`, 'm'].slice(size > 2 ? 0 : 2)) {
        assert.equal((await exchange(ask(last))).status, 200, `${last} of ${size}`);
      }
      served.publish(weighted(now, size - 1, 2));
      await served.proxyWhen((proxy) => proxy.inSync);
    }
    over.abort();
    const outcomes = await traffic;
    assert.deepEqual(statusCounts(outcomes), { 200: outcomes.length });
    const stats = await served.envoy.stats(/^http\.default\.downstream_cx_(total|drain_close)$/);
    assert.equal(stats.get('http.default.downstream_cx_drain_close'), 0);
  });
}

test('an edit of one route is one update of one shard', async (t) => {
  const backend = await startBackend((_, response) => {
    response.end('a');
  });
  t.after(() => backend.stop());
  const mesh = sized(await oneRouteMesh([{ name: 'a', port: backend.port }]), 100);
  const served = await serveMesh({ mode: 'DELTA_GRPC', mesh });
  t.after(() => served.stop());
  const reloads = async (): Promise<ReadonlyMap<string, number>> => {
    await served.proxyWhen((proxy) => proxy.inSync);
    return served.envoy.stats(/modelweir\.splitter.*\.config_reload$/);
  };
  const before = await reloads();
  assert.equal(before.size, 8);
  served.publish(weighted(mesh, 50, 3));
  const after = await reloads();
  const more = [...after].map(([name, value]) => value - (before.get(name) ?? 0));
  assert.deepEqual(more.sort(), [0, 0, 0, 0, 0, 0, 0, 1]);
});
