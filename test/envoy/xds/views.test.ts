/** Envoys that say which namespaces they serve: each gets its part of the mesh, and hears of no other. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { startBackend } from '../../harness/backend.ts';
import { envoyBootstrap, startEnvoy, type TestEnvoy } from '../../harness/envoy.ts';
import { startServe } from '../../harness/serve.ts';
import { until } from '../../harness/until.ts';
import { MODES } from './served-mesh.ts';

/** A backend and a route to it, both in `namespace`; the route may be given another backend. */
function team(namespace: string, port: number, backend: object = {}): object[] {
  const object = (kind: string, spec: object) => {
    const metadata = { name: kind.toLowerCase(), namespace };
    return { apiVersion: 'modelweir.dev/v1alpha1', kind, metadata, spec };
  };
  const backendRef = { name: 'modelbackend', ...backend };
  return [
    object('ModelBackend', {
      protocol: 'OpenInference',
      endpoints: [{ address: '127.0.0.1', port }],
    }),
    object('ModelRoute', {
      models: [{ name: `${namespace}-model` }],
      variants: [{ name: 'only', weight: 1, backendRef }],
    }),
  ];
}

async function backend(t: TestContext, name: string): Promise<number> {
  const started = await startBackend((_, response) => {
    response.end(name);
  });
  t.after(() => started.stop());
  return started.port;
}

async function answer(envoy: TestEnvoy, namespace: string): Promise<string> {
  const at = [...(await envoy.listeners()).values()][0];
  const url = `http://${at}/v2/models/${namespace}-model/infer`;
  const { status, body } = await exchange({ url, method: 'POST', body: '{}' });
  return status === 200 ? body.toString() : String(status);
}

for (const mode of MODES) {
  test(`${mode}: a proxy of one namespace gets its routes, and hears nothing of the others`, async (t) => {
    const [shop, search] = await Promise.all([backend(t, 'shop'), backend(t, 'search')]);
    const folder = mkdtempSync(join(tmpdir(), 'modelweir-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const write = (searchPort: number) => {
      const resources = [...team('shop', shop), ...team('search', searchPort)];
      const texts = resources.map((one) => JSON.stringify(one));
      writeFileSync(join(folder, 'all.yaml'), texts.join('\n---\n'));
    };
    write(search);
    const controlPlane = await startServe(['--config', folder]);
    t.after(() => controlPlane.stop());
    const connect = async (nodeId: string, namespaces: readonly string[] | null) => {
      const { xdsPort } = controlPlane;
      const names = { nodeId, nodeCluster: 'test' };
      const bootstrap = envoyBootstrap({ ...names, xdsPort, mode, adminPort: 0 });
      const metadata = namespaces === null ? {} : { 'modelweir.namespaces': namespaces };
      const node = { id: nodeId, cluster: 'test', metadata };
      const envoy = await startEnvoy({ bootstrap: { ...bootstrap, node } });
      t.after(() => envoy.stop());
      return envoy;
    };
    const allInSync = () =>
      until('all are in sync', async () => {
        const { proxies } = await controlPlane.report();
        return proxies.length === 3 && proxies.every(({ inSync }) => inSync);
      });
    const [ofShop, ofBoth, ofAll] = await Promise.all([
      connect('shop', ['shop']),
      connect('both', ['shop', 'search']),
      connect('all', null),
    ]);
    await allInSync();
    const answers = async () =>
      Promise.all(
        [ofShop, ofBoth, ofAll].map(async (envoy) => [
          await answer(envoy, 'shop'),
          await answer(envoy, 'search'),
        ]),
      );
    const all = ['shop', 'search'];
    assert.deepEqual(await answers(), [['shop', '404'], all, all]);
    const dump = JSON.stringify(await ofShop.configDump());
    assert.doesNotMatch(dump, /search/);

    const updates = async (envoy: TestEnvoy) =>
      [...(await envoy.stats(/update_success$|config_reload$/))].toString();
    const before = await Promise.all([updates(ofShop), updates(ofAll)]);
    const moved = await backend(t, 'moved');
    write(moved);
    await until('the edit arrives', async () => (await answer(ofAll, 'search')) === 'moved');
    await allInSync();
    assert.deepEqual(await answers(), [
      ['shop', '404'],
      ['shop', 'moved'],
      ['shop', 'moved'],
    ]);
    const after = await Promise.all([updates(ofShop), updates(ofAll)]);
    assert.equal(after[0], before[0]);
    assert.notEqual(after[1], before[1]);
  });
}
