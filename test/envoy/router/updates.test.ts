/**
 * Configurations of router and splitter change under traffic: no request is lost, and Envoy does not grow.
 * `SOAK_UPDATES` says how many updates, 200 if it is missing.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import type * as ir from '../../../control-plane/ir/mesh.ts';
import { startBackend } from '../../harness/backend.ts';
import type { TestEnvoy } from '../../harness/envoy.ts';
import { httpLoad, statusCounts } from '../../harness/http-load.ts';
import { oneRouteMesh, serveMesh } from '../xds/served-mesh.ts';

const UPDATES = Number(process.env['SOAK_UPDATES'] ?? 200);
/** Routes of the mesh: enough for a configuration that is left behind to show. */
const ROUTES = 100;
const SHARDS = 8;
/** Each so many updates the router's configuration changes too. */
const ROUTER_EVERY = 5;
/** Updates before memory is first read: heaps and caches have found their size by then. */
const WARM_UP = 100;
/**
 * Envoy itself keeps 600 to 1,100 bytes for each update of a Wasm filter, whatever the filter and however long its
 * configuration, and its tables double now and then. A configuration of this mesh has over 40 kB.
 */
const MAX_GROWTH_BYTES = 2_000_000 + (UPDATES - WARM_UP) * 1_500;
/** With the machines' own memory: a machine has megabytes. */
const MAX_RESIDENT_GROWTH_BYTES = 24_000_000;
const PAGE_BYTES = 4096;

interface Footprint {
  /** What Envoy's allocator has given out. Machines have their memory from elsewhere. */
  readonly allocatedBytes: number;
  /** 0 where the system does not tell. */
  readonly residentBytes: number;
  readonly machines: number;
}

async function footprint(envoy: TestEnvoy): Promise<Footprint> {
  const memory = await exchange({ url: `${envoy.url}/memory` });
  const file = `/proc/${envoy.pid}/statm`;
  const pages = existsSync(file) ? Number(readFileSync(file, 'utf8').split(' ')[1]) : 0;
  const [machines = 0] = (await envoy.stats(/^wasm\.wasm_vm_count$/)).values();
  const allocatedBytes = Number(JSON.parse(memory.body.toString()).allocated);
  return { allocatedBytes, residentBytes: pages * PAGE_BYTES, machines };
}

/** Routes `m0`, `m1` ... to `a` and `b`, weighted by the update's number, with an alias that changes. */
async function manyRoutes(t: TestContext): Promise<(update: number) => ir.Mesh> {
  const ports: { name: string; port: number }[] = [];
  for (const name of ['a', 'b']) {
    const backend = await startBackend((_, response) => {
      response.end(name);
    });
    t.after(() => backend.stop());
    ports.push({ name, port: backend.port });
  }
  const mesh = await oneRouteMesh(ports);
  const [route] = mesh.routes;
  const claim = route?.claims[0];
  assert.ok(route !== undefined && claim !== undefined);
  return (update) => ({
    ...mesh,
    routes: Array.from({ length: ROUTES }, (_, i) => ({
      ...route,
      name: `default/m${i}`,
      claims: [`m${i}`, `m${i}-${Math.floor(update / ROUTER_EVERY)}`].map((model) => ({
        ...claim,
        model,
      })),
      variants: route.variants.map((variant) => ({
        ...variant,
        weight: variant.name === 'a' ? update % 100 : 100,
      })),
    })),
  });
}

for (const concurrency of [1, 2]) {
  const name = `${UPDATES} updates under traffic lose no request and keep memory flat`;
  test(`${name}, with ${concurrency} of Envoy's workers`, async (t) => {
    const meshOf = await manyRoutes(t);
    const served = await serveMesh({ mode: 'DELTA_GRPC', mesh: meshOf(0), concurrency });
    t.after(() => served.stop());
    await served.proxyWhen((proxy) => proxy.inSync);
    const end = new AbortController();
    t.after(() => end.abort());
    const traffic = httpLoad({
      connections: 4,
      count: Number.MAX_SAFE_INTEGER,
      maxMs: Number.MAX_SAFE_INTEGER,
      signal: end.signal,
      request: (index) => ({
        url: `${served.url}/v1/embeddings`,
        method: 'POST',
        body: JSON.stringify({ input: 'x', model: `m${index % ROUTES}` }),
      }),
    });
    let before: Footprint | null = null;
    for (let update = 1; update <= UPDATES; update++) {
      served.publish(meshOf(update));
      await served.proxyWhen((proxy) => proxy.inSync);
      if (update === WARM_UP) before = await footprint(served.envoy);
    }
    end.abort();
    const outcomes = await traffic;
    assert.deepEqual(statusCounts(outcomes), { 200: outcomes.length });
    assert.ok(outcomes.length > UPDATES, `only ${outcomes.length} requests`);
    const reloads = await served.envoy.stats(/modelweir\.splitter\..*config_reload$/);
    assert.deepEqual(
      [...reloads.values()],
      Array.from({ length: SHARDS }, () => UPDATES + 1),
      'each update was taken up by all shards',
    );
    const after = await footprint(served.envoy);
    assert.ok(before !== null, `more than ${WARM_UP} updates are needed`);
    t.diagnostic(JSON.stringify({ before, after, requests: outcomes.length }));
    assert.equal(after.machines, before.machines);
    const allocated = after.allocatedBytes - before.allocatedBytes;
    assert.ok(allocated < MAX_GROWTH_BYTES, `allocated ${allocated} bytes more`);
    const resident = after.residentBytes - before.residentBytes;
    assert.ok(resident < MAX_RESIDENT_GROWTH_BYTES, `grew by ${resident} bytes`);
  });
}
