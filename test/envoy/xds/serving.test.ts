import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import type * as ir from '../../../control-plane/ir/mesh.ts';
import type { Backend, Handler } from '../../harness/backend.ts';
import { startBackend } from '../../harness/backend.ts';
import { httpLoad, statusCounts } from '../../harness/http-load.ts';
import type { ServedMesh } from './served-mesh.ts';
import { MODES, oneRouteMesh, serveMesh, typeStatus } from './served-mesh.ts';

/** What we tell callers, and no backend may. */
const SHOWN_HEADERS = ['x-modelweir-variant', 'x-modelweir-batch-size', 'x-modelweir-batch-rows'];
const INFER = '/v2/models/m/infer';

async function backend(t: TestContext, handler: Handler): Promise<Backend> {
  const started = await startBackend(handler);
  t.after(() => started.stop());
  return started;
}

async function served(
  t: TestContext,
  options: Parameters<typeof serveMesh>[0],
): Promise<ServedMesh> {
  const mesh = await serveMesh(options);
  t.after(() => mesh.stop());
  return mesh;
}

/** So that the batcher is in the chain. */
const BATCHING: ir.Batching = {
  maxRows: 32,
  maxBytes: 1024,
  maxDelayMs: 5,
  maxInFlight: 1,
  timeoutMs: 200,
  identityHeaders: [],
  peerIdentity: false,
  deadlineHeader: null,
  retryFailed: true,
  sizeHeaders: true,
  grpc: false,
};

for (const mode of MODES) {
  test(`${mode}: requests for a model reach its backend, and others are told so in JSON`, async (t) => {
    const a = await backend(t, (_, response) => {
      for (const name of SHOWN_HEADERS) response.setHeader(name, 'by the backend');
      response.end('a');
    });
    const mesh = await oneRouteMesh([{ name: 'a', port: a.port }]);
    const { url, proxyWhen } = await served(t, { mode, mesh });
    await proxyWhen((proxy) => proxy.inSync);

    const answer = await exchange({ url: url + INFER, method: 'POST', body: '{}' });
    assert.deepEqual([answer.status, answer.body.toString()], [200, 'a']);
    assert.equal(answer.headers['x-modelweir-variant'], 'a');
    assert.equal(answer.headers['x-modelweir-batch-size'], undefined);
    assert.equal(answer.headers['x-modelweir-batch-rows'], undefined);
    const reserved = Object.keys(a.requests[0]?.headers ?? {}).filter((name) =>
      name.startsWith('x-modelweir-'),
    );
    assert.deepEqual(reserved, [], 'nothing reserved reaches a backend');

    const other = await exchange({ url: `${url}/favicon.ico` });
    assert.equal(other.status, 404);
    assert.equal(other.headers['content-type'], 'application/json');
    assert.match(JSON.parse(other.body.toString()).error, /no model route takes this path/);
  });

  test(`${mode}: where a route does not name its variant, nobody does`, async (t) => {
    const a = await backend(t, (_, response) => {
      for (const name of SHOWN_HEADERS) response.setHeader(name, 'by the backend');
      response.end('a');
    });
    const mesh = await oneRouteMesh([{ name: 'a', port: a.port }], { variantHeader: false });
    const { url, proxyWhen } = await served(t, { mode, mesh });
    await proxyWhen((proxy) => proxy.inSync);
    const answer = await exchange({ url: url + INFER, method: 'POST', body: '{}' });
    assert.equal(answer.status, 200);
    const shown = Object.keys(answer.headers).filter((name) => name.startsWith('x-modelweir-'));
    assert.deepEqual(shown, []);
  });

  test(`${mode}: headers of a client choose neither cluster, class, timeout nor retries`, async (t) => {
    const slow = await backend(t, (_, response) => {
      setTimeout(() => response.end('slow'), 300);
    });
    const forbidden = await backend(t, (_, response) => {
      response.end('forbidden');
    });
    const mesh = await oneRouteMesh([
      { name: 'a', port: slow.port },
      { name: 'forbidden', port: forbidden.port },
    ]);
    const route = mesh.routes[0] as ir.Route;
    const variants = route.variants.filter((variant) => variant.name === 'a');
    const { url } = await served(t, { mode, mesh: { ...mesh, routes: [{ ...route, variants }] } });
    const headers = {
      'x-modelweir-cluster': 'default/forbidden',
      'x-modelweir-route': 'default/m',
      'x-modelweir-route-class': 'timeout-1',
      'x-envoy-upstream-rq-timeout-ms': '10',
      'x-envoy-max-retries': '5',
      'x-envoy-retry-on': '5xx',
    };
    const answer = await exchange({ url: url + INFER, method: 'POST', body: '{}', headers });
    assert.deepEqual([answer.status, answer.body.toString()], [200, 'slow']);
    const lost = await exchange({ url: `${url}/other`, headers });
    assert.equal(lost.status, 404);
    assert.equal(slow.requests.length, 1);
    assert.equal(forbidden.requests.length, 0);
  });

  test(`${mode}: while backends come and go under traffic, no request is lost`, async (t) => {
    const handler: Handler = (_, response) => {
      response.end('ok');
    };
    const ports = await Promise.all(
      ['a', 'b', 'c'].map(async (name) => ({ name, port: (await backend(t, handler)).port })),
    );
    const [a, b, c] = ports as [(typeof ports)[0], (typeof ports)[0], (typeof ports)[0]];
    const first = await oneRouteMesh([a]);
    const { listeners } = first;
    const { url, publish, proxyWhen } = await served(t, { mode, mesh: first });
    const over = new AbortController();
    const traffic = httpLoad({
      request: { url: url + INFER, method: 'POST', body: '{}' },
      connections: 4,
      count: 1_000_000,
      signal: over.signal,
    });
    for (let i = 0; i < 30; i++) {
      for (const pair of [[b], [b, c], [c], [a]]) {
        // The timeout changes too, so that classes of routes come and go.
        publish({ ...(await oneRouteMesh(pair, { timeoutMs: 5000 + i })), listeners });
        if (i % 3 > 0) await proxyWhen((proxy) => proxy.inSync);
      }
    }
    await proxyWhen((proxy) => proxy.inSync);
    over.abort();
    const outcomes = await traffic;
    assert.deepEqual(statusCounts(outcomes), { 200: outcomes.length });
    assert.ok(outcomes.length > 100, `only ${outcomes.length} requests ran meanwhile`);
  });

  test(`${mode}: while a model moves from route to route under traffic, no request is lost`, async (t) => {
    const a = await backend(t, (_, response) => {
      response.end('a');
    });
    const mesh = await oneRouteMesh([{ name: 'a', port: a.port }]);
    const { url, publish, proxyWhen } = await served(t, { mode, mesh });
    await proxyWhen((proxy) => proxy.inSync);
    const over = new AbortController();
    t.after(() => over.abort());
    const traffic = httpLoad({
      request: { url: url + INFER, method: 'POST', body: '{}' },
      connections: 4,
      count: 1_000_000,
      signal: over.signal,
    });
    for (let i = 0; i < 30; i++) {
      // As when a ModelRoute gets another name: router and splitter are told in turn.
      const name = i % 2 === 0 ? 'default/renamed' : 'default/m';
      publish({ ...mesh, routes: mesh.routes.map((route) => ({ ...route, name })) });
      await proxyWhen((proxy) => proxy.inSync);
    }
    over.abort();
    const outcomes = await traffic;
    assert.deepEqual(statusCounts(outcomes), { 200: outcomes.length });
  });

  test(`${mode}: a new build of the chain takes over under traffic, and no request is lost`, async (t) => {
    const a = await backend(t, (_, response) => {
      response.end('a');
    });
    const mesh = await oneRouteMesh([{ name: 'a', port: a.port }]);
    const { url, envoy, publish, useStandIns, proxyWhen } = await served(t, { mode, mesh });
    const over = new AbortController();
    t.after(() => over.abort());
    const traffic = httpLoad({
      request: { url: url + INFER, method: 'POST', body: '{}' },
      connections: 4,
      count: 1_000_000,
      signal: over.signal,
    });
    for (let i = 0; i < 20; i++) {
      await proxyWhen((proxy) => proxy.inSync);
      // It differs from the built one only in what it does when it is told to trap.
      useStandIns(i % 2 === 0 ? { chain: 'trapping-chain' } : {});
      publish(mesh);
    }
    await proxyWhen((proxy) => proxy.inSync);
    over.abort();
    const outcomes = await traffic;
    assert.deepEqual(statusCounts(outcomes), { 200: outcomes.length });
    const stats = await envoy.stats(/modelweir\.splitter\.config_reload$/);
    assert.deepEqual([...stats.values()], [21]);
  });

  // Envoy itself gives up waiting after 15 s, and goes on.
  const waiting = { timeout: 12_000 };
  test(`${mode}: a changed cluster is not left waiting for its endpoints`, waiting, async (t) => {
    const a = await backend(t, (_, response) => {
      response.end('a');
    });
    const mesh = await oneRouteMesh([{ name: 'a', port: a.port }]);
    const { url, envoy, publish, proxyWhen } = await served(t, { mode, mesh });
    for (const connectTimeoutMs of [2000, 3000]) {
      const targets = mesh.targets.map((target) => ({ ...target, connectTimeoutMs }));
      publish({ ...mesh, targets });
      await proxyWhen((proxy) => proxy.inSync);
      const stats = await envoy.stats(/^cluster_manager\.warming_clusters$/);
      assert.deepEqual([...stats.values()], [0]);
      const answer = await exchange({ url: url + INFER, method: 'POST', body: '{}' });
      assert.equal(answer.status, 200);
    }
    const dump = JSON.stringify(await envoy.configDump());
    assert.match(dump, /"connect_timeout":"3s"/);
  });

  test(`${mode}: what a filter holds for ever ends by the idle timeout of its route`, async (t) => {
    const mesh = await oneRouteMesh([{ name: 'a', port: 9 }], {
      timeoutMs: 200,
      batching: BATCHING,
    });
    const { url } = await served(t, { mode, mesh, standIns: { batcher: 'holding-batcher' } });
    const answer = await exchange({
      url: url + INFER,
      method: 'POST',
      body: '{}',
      timeoutMs: 10_000,
    });
    assert.deepEqual([answer.status, answer.body.toString()], [504, 'stream timeout']);
  });

  test(`${mode}: without the control plane Envoy goes on, and takes up where it was`, async (t) => {
    const a = await backend(t, (_, response) => {
      response.end('a');
    });
    const mesh = await oneRouteMesh([{ name: 'a', port: a.port }]);
    const { url, proxyWhen, restartServer } = await served(t, { mode, mesh });
    const before = await proxyWhen((proxy) => proxy.inSync);
    const request = { url: url + INFER, method: 'POST', body: '{}' };
    const restarted = restartServer();
    assert.equal((await exchange(request)).status, 200);
    await restarted;
    const after = await proxyWhen((proxy) => proxy.inSync && proxy.types.length === 5);
    assert.ok(after.connectedAt > before.connectedAt);
    for (const type of ['cluster', 'endpoint', 'listener', 'route', 'extension'] as const) {
      const { ackedVersion, sentVersion } = typeStatus(after, type);
      assert.equal(ackedVersion, typeStatus(before, type).ackedVersion);
      const isEmptyAnswer = type === 'cluster' || type === 'listener';
      if (mode === 'DELTA_GRPC' && !isEmptyAnswer) {
        assert.equal(sentVersion, null, `${type}: what it has is not sent again`);
      }
    }
    assert.equal((await exchange(request)).status, 200);
  });
}

test('the access log says path, route, model and variant as the client knows them', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'modelweir-log-'));
  t.after(() => rm(folder, { recursive: true }));
  const accessLog = join(folder, 'access.log');
  const a = await backend(t, (_, response) => {
    response.end('a');
  });
  const mesh = await oneRouteMesh([{ name: 'a', port: a.port }]);
  const targets = mesh.targets.map((target) => ({ ...target, servedModel: 'served' }));
  const options = { mode: 'GRPC', mesh: { ...mesh, targets }, accessLog } as const;
  const { url, envoy } = await served(t, options);
  await exchange({ url: url + INFER, method: 'POST', body: '{}' });
  await exchange({ url: `${url}/favicon.ico` });
  assert.equal(a.requests[0]?.path, '/v2/models/served/infer');
  // Envoy writes its logs out when it ends.
  await envoy.stop();
  const lines = (await readFile(accessLog, 'utf8')).trimEnd().split('\n');
  const facts = lines
    .map((line) => JSON.parse(line))
    .map(({ path, route, model, variant, cluster, status }) => {
      return { path, route, model, variant, cluster, status };
    });
  const nothing = { route: null, model: null, variant: null, cluster: null };
  assert.deepEqual(facts, [
    {
      path: INFER,
      route: 'default/m',
      model: 'm',
      variant: 'a',
      cluster: 'default/a',
      status: 200,
    },
    { path: '/favicon.ico', ...nothing, status: 404 },
  ]);
});
