import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Report } from '../../../control-plane/status/report.ts';
import { folderWith, modelweir, start } from './command.ts';

const quickstart = fileURLToPath(new URL('../../../examples/quickstart', import.meta.url));
const options = { timeout: 60000 };

/** A copy of the quickstart, served. Nobody loads the modules here, so they may be anything. */
async function served(context: TestContext) {
  const folder = folderWith(context, {});
  const config = join(folder, 'config');
  const modules = join(folder, 'modules');
  mkdirSync(modules);
  cpSync(quickstart, config, { recursive: true });
  for (const name of ['chain', 'batcher', 'rewriter']) {
    writeFileSync(join(modules, `${name}.wasm`), name);
  }
  const ports = ['--xds-port', '0', '--status-port', '0', '--listen', '127.0.0.1:0'];
  const running = start(context, 'serve', '--config', config, '--modules', modules, ...ports);
  const ready = await running.record(({ msg }) => msg === 'ready');
  const url = `http://127.0.0.1:${ready['statusPort']}`;
  const report = async () => (await (await fetch(`${url}/status`)).json()) as Report;
  const edit = (file: string, from: string, to: string) => {
    const path = join(config, file);
    writeFileSync(path, readFileSync(path, 'utf8').replace(from, to));
  };
  return { running, ready, url, report, edit };
}

function conditionsOf({ objects }: Report, name: string): Record<string, string> {
  const found = objects.find((one) => one.kind === 'ModelRoute' && one.name === name);
  const list = found?.conditions ?? [];
  return Object.fromEntries(list.map(({ type, status, reason }) => [type, `${status} ${reason}`]));
}

test('it says its ports, is ready, and reports every object', options, async (context) => {
  const { ready, url, report } = await served(context);
  assert.ok(Number(ready['xdsPort']) > 0);
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
  assert.equal((await fetch(`${url}/readyz`)).status, 200);
  const said = await report();
  assert.match(said.version, /^\d+\.\d+\.\d+/);
  assert.equal(said.unpublished, null);
  assert.equal(Object.keys(said.published?.versions ?? {}).length, 6);
  assert.deepEqual(said.proxies, []);
  assert.deepEqual(said.problems, []);
  assert.equal(said.objects.length, 9);
  assert.deepEqual(conditionsOf(said, 'digits'), {
    Accepted: 'True Accepted',
    ResolvedRefs: 'True ResolvedRefs',
    Programmed: 'Unknown NoProxyConnected',
  });
});

test(
  'an edit is published, and a bad one is shown while the good one stays',
  options,
  async (context) => {
    const { running, report, edit } = await served(context);
    const before = (await report()).published?.versions ?? {};
    edit('digits.yaml', 'weight: 10', 'weight: 20');
    await running.record(({ msg }) => msg === 'published');
    const after = (await report()).published?.versions ?? {};
    const changed = Object.keys(after).filter((type) => after[type] !== before[type]);
    assert.deepEqual(changed, ['type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig']);

    edit('digits.yaml', 'weight: 20', 'weight: -1');
    const problem = await running.record(({ msg }) => msg === 'problem');
    assert.equal(problem['path'], 'spec.variants[1].weight');
    await running.record(({ msg }) => msg === 'published');
    const bad = await report();
    assert.deepEqual(bad.published?.versions, after);
    assert.equal(conditionsOf(bad, 'digits')['Accepted'], 'False Invalid');
    assert.equal(conditionsOf(bad, 'tiny')['Accepted'], 'True Accepted');
    assert.equal(bad.problems.length, 1);

    edit('digits.yaml', 'weight: -1', 'weight: 10');
    await running.record(({ msg }) => msg === 'published');
    const mended = await report();
    const restored = mended.published?.versions ?? {};
    const differing = Object.keys(restored).filter((type) => restored[type] !== before[type]);
    assert.deepEqual(
      differing,
      changed,
      'told from what Envoy may still have, and so not the same',
    );
    assert.deepEqual(mended.problems, []);
  },
);

test('the status server only reads', options, async (context) => {
  const { url } = await served(context);
  for (const method of ['POST', 'PUT', 'DELETE']) {
    const response = await fetch(`${url}/status`, { method });
    assert.equal(response.status, 405);
    assert.equal(response.headers.get('allow'), 'GET, HEAD');
  }
  assert.equal((await fetch(`${url}/status?pretty`, { method: 'HEAD' })).status, 200);
  assert.equal((await fetch(`${url}/../etc/passwd`)).status, 404);
});

test('metrics have our names and count', options, async (context) => {
  const { url } = await served(context);
  const text = await (await fetch(`${url}/metrics`)).text();
  for (const line of [
    /^modelweir_control_plane_snapshots_published_total 1$/m,
    /^modelweir_control_plane_connected_proxies 0$/m,
    /^modelweir_control_plane_rebuild_seconds_count 1$/m,
    /^modelweir_control_plane_pushes_total\{type="Cluster"\} 0$/m,
    /^modelweir_control_plane_nacks_total\{type="TypedExtensionConfig"\} 0$/m,
  ]) {
    assert.match(text, line);
  }
});

test('the status command prints tables, or the JSON as it is', options, async (context) => {
  const { url, running, edit } = await served(context);
  edit('digits.yaml', 'name: digits-canary', 'name: nowhere');
  await running.record(({ msg }) => msg === 'published');
  const tables = await modelweir('status', '--url', url);
  assert.equal(tables.code, 0, tables.stderr);
  assert.match(tables.stdout, /^No proxy is connected\.$/m);
  assert.match(
    tables.stdout,
    /^ModelRoute +default\/tiny +True +True +Unknown \(NoProxyConnected\)$/m,
  );
  assert.match(tables.stdout, /^ModelRoute +default\/digits +True +False \(BackendNotFound\) /m);
  assert.match(tables.stdout, /ModelBackend default\/nowhere does not exist/);
  const json = await modelweir('status', '--url', url, '--json');
  assert.equal(JSON.parse(json.stdout).objects.length, 9);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} ends it cleanly`, options, async (context) => {
    const { running, url } = await served(context);
    await fetch(`${url}/healthz`);
    assert.equal(await running.stop(signal), 0);
  });
}

test('a port that is taken is named, and ends with 1', options, async (context) => {
  const other = createServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  other.listen(0, '127.0.0.1', resolve);
  await promise;
  context.after(() => other.close());
  const { port } = other.address() as AddressInfo;
  const modules = folderWith(
    context,
    Object.fromEntries(['chain', 'batcher', 'rewriter'].map((name) => [`${name}.wasm`, ''])),
  );
  const common = ['serve', '--config', quickstart, '--modules', modules, '--log-level', 'silent'];
  for (const [taken, free] of [
    ['--xds-port', '--status-port'],
    ['--status-port', '--xds-port'],
  ] as const) {
    const result = await modelweir(...common, taken, String(port), free, '0');
    assert.equal(result.code, 1);
    assert.match(result.stderr, new RegExp(`127\\.0\\.0\\.1:${port}.*${taken}`));
  }
});

test('filters that are not built are named, and end with 1', options, async (context) => {
  const modules = folderWith(context, { 'chain.wasm': '' });
  const { code, stderr } = await modelweir('serve', '--config', quickstart, '--modules', modules);
  assert.equal(code, 1);
  assert.match(stderr, /batcher\.wasm cannot be read \(ENOENT\): build it with npm run build/);
});

test('status without a control plane ends with 1', options, async () => {
  const { code, stderr } = await modelweir('status', '--url', 'http://127.0.0.1:1');
  assert.equal(code, 1);
  assert.match(stderr, /no status from http:\/\/127\.0\.0\.1:1 .*: is the control plane running\?/);
});
