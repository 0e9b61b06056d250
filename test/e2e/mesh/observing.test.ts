/** What an operator sees of one change, by metrics, traces, the log and the pages for finding faults. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { startBackend } from '../../harness/backend.ts';
import { startMesh } from '../../harness/mesh.ts';
import { until } from '../../harness/until.ts';
import { startDoublingBackend } from './doubling-backend.ts';
import { backend, inferRequest, route } from './resources.ts';

const PATH = '/v2/models/double/infer';

/** A mesh whose Envoy fetches its filters, and a collector of traces. */
async function observedMesh() {
  const upstream = await startDoublingBackend();
  const collector = await startBackend((_, response) => {
    response.end();
  });
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = collector.url;
  const resources = (weights: Record<string, number>) =>
    backend('double', upstream.port) + route({ name: 'double', weights });
  const files = { 'mesh.yaml': resources({ double: 1 }) };
  try {
    const args = ['--module-source', 'http', '--module-port', '0'];
    const mesh = await startMesh({ files, args, mode: 'DELTA_GRPC' });
    return {
      mesh,
      collector,
      change: () => mesh.write('mesh.yaml', resources({ double: 2 })),
      page: async (path: string) => {
        const { status, body } = await exchange({ url: mesh.statusUrl + path });
        return { status, text: body.toString() };
      },
      stop: async () => {
        await mesh.stop();
        await Promise.all([upstream.stop(), collector.stop()]);
      },
    };
  } finally {
    delete process.env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  }
}

test('one change is a sample, a trace, a line, and can be looked at from YAML to Envoy', async (t) => {
  const observed = await observedMesh();
  t.after(() => observed.stop());
  const { mesh, page, collector } = observed;
  await mesh.whenServing(PATH, inferRequest(1));
  const acknowledged = async (): Promise<number> => {
    const { text } = await page('/metrics');
    return Number(/change_seconds_count (\d+)/.exec(text)?.[1]);
  };
  const before = await acknowledged();
  await observed.change();
  await until('the change is acknowledged', async () => (await acknowledged()) > before);

  const { text: metrics } = await page('/metrics');
  assert.match(metrics, /changes_total\{outcome="acknowledged"\} [1-9]/);
  assert.match(metrics, /^modelweir_control_plane_connected_proxies 1$/m);
  assert.match(metrics, /^process_resident_memory_bytes \d/m);

  await until('the trace arrives', () => {
    const all = collector.requests.map(({ body }) => body.toString('latin1')).join();
    return ['change', 'build', 'publish', 'answer', 'test-envoy'].every((one) => all.includes(one));
  });
  assert.ok(collector.requests.every(({ path }) => path === '/v1/traces'));
  const lines = mesh.logs().split('\n');
  assert.ok(lines.some((line) => /"outcome":"acknowledged".*"msg":"change"/.test(line)));

  const store = JSON.parse((await page('/debug/store?kind=ModelRoute&name=double')).text);
  assert.equal(store.items[0].spec.variants[0].weight, 2);
  const ir = JSON.parse((await page('/debug/ir?name=default/double')).text);
  assert.equal(ir.routes.items[0].variants[0].weight, 2);
  const proxies = JSON.parse((await page('/debug/proxies')).text);
  assert.equal(proxies.items[0].nodeId, 'test-envoy');
  const name = 'type=TypedExtensionConfig&name=modelweir.splitter';
  const one = JSON.parse((await page(`/debug/proxy?id=test-envoy&${name}`)).text);
  assert.match(JSON.stringify(one.published.items[0].resource), /default\/double/);
  const acked = one.proxies[0].types.map((type: { ackedVersion: string }) => type.ackedVersion);
  assert.equal(acked.length, 5);
  for (const type of one.proxies[0].types) {
    assert.equal(type.ackedVersion, one.published.versions[type.typeUrl]);
  }
});

test('nothing of the status port takes anything, and no page grows without a bound', async (t) => {
  const observed = await observedMesh();
  t.after(() => observed.stop());
  const paths = ['/status', '/metrics', '/debug/', '/debug/store', '/debug/proxies', '/readyz'];
  for (const path of paths) {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const { status } = await exchange({
        url: observed.mesh.statusUrl + path,
        method,
        body: '{}',
      });
      assert.equal(status, 405, `${method} ${path}`);
    }
    assert.equal((await observed.page(path)).status, 200, path);
  }
});

test('the control plane ends within seconds while streams are open, and Envoy serves on', async (t) => {
  const observed = await observedMesh();
  t.after(() => observed.stop());
  const { mesh } = observed;
  await mesh.whenServing(PATH, inferRequest(1));
  process.kill(mesh.controlPlanePid, 'SIGTERM');
  await until('it has stopped', () => mesh.logs().includes('"msg":"stopped"'));
  const headers = { 'content-type': 'application/json' };
  const request = { url: mesh.url + PATH, method: 'POST', headers, body: inferRequest(2) };
  assert.equal((await exchange(request)).status, 200);
});
