import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { repositoryRoot } from '../../../control-plane/cli/quickstart/places.ts';
import type { ProxyStatus } from '../../../control-plane/serve/ads-server.ts';
import { TYPE_URLS } from '../../../control-plane/xds/snapshot.ts';
import { startBackend } from '../../harness/backend.ts';
import type { XdsMode } from '../../harness/envoy.ts';
import { MODES, oneRouteMesh, typeStatus } from '../xds/served-mesh.ts';
import {
  type FetchingMesh,
  type FetchingMeshOptions,
  rebuilt,
  startFetchingMesh,
  steadyTraffic,
} from './fetching-mesh.ts';

const chain = await readFile(join(repositoryRoot, 'dist/filters/chain.wasm'));
/** It does the same, until it is told to trap. */
const trappingChain = await readFile(join(repositoryRoot, 'dist/test-modules/trapping-chain.wasm'));

/** Each is refused for another reason, and all in the same words. */
const BAD: readonly { readonly name: string; readonly code: Buffer; readonly isThere: boolean }[] =
  [
    { name: 'garbage', code: Buffer.from('no module'), isThere: true },
    // Magic and version, and nothing after it.
    {
      name: 'a module without exports',
      code: Buffer.from('0061736d01000000', 'hex'),
      isThere: true,
    },
    { name: 'a module that is not there', code: rebuilt(chain, 'missing'), isThere: false },
  ];

type Start = Pick<FetchingMeshOptions, 'mode' | 'code' | 'whileStarting'>;

async function meshWith(t: TestContext, start: Start) {
  const backend = await startBackend((_, response) => {
    response.end('ok');
  });
  t.after(() => backend.stop());
  const mesh = await oneRouteMesh([{ name: 'a', port: backend.port }]);
  const fetching = await startFetchingMesh({ ...start, mesh });
  t.after(() => fetching.stop());
  return fetching;
}

async function serving(t: TestContext, mode: XdsMode) {
  const mesh = await meshWith(t, { mode, code: chain });
  await mesh.proxyWhen((proxy) => proxy.inSync);
  const traffic = steadyTraffic(mesh.url);
  t.after(() => traffic.end());
  return { ...mesh, traffic };
}

function isRefused(proxy: ProxyStatus): boolean {
  const type = proxy.types.find(({ typeUrl }) => typeUrl === TYPE_URLS.extension);
  const refused = type?.nacks.flatMap(({ resources }) => resources) ?? [];
  return new Set(refused).size === 2;
}

/** Whether the build of the tests serves: it takes orders to trap. */
async function isTrapping({ url }: FetchingMesh): Promise<boolean> {
  const headers = { 'x-test-poison': 'trap' };
  const request = { url: `${url}/v2/models/m/infer`, method: 'POST', body: '{}', headers };
  return (await exchange(request)).status !== 200;
}

for (const mode of MODES) {
  test(`${mode}: another build of a module takes over, and no request is lost`, async (t) => {
    const mesh = await serving(t, mode);
    for (const code of [rebuilt(chain, 'one'), rebuilt(chain, 'two'), trappingChain]) {
      const { version } = typeVersion(await mesh.proxyWhen((proxy) => proxy.inSync));
      mesh.publish(code, true);
      await mesh.proxyWhen((proxy) => proxy.inSync && typeVersion(proxy).version !== version);
    }
    const counts = await mesh.traffic.end();
    assert.deepEqual(Object.keys(counts), ['200'], JSON.stringify(counts));
    assert.ok((counts['200'] ?? 0) > 50);
    assert.ok(await isTrapping(mesh));
  });

  for (const { name, code, isThere } of BAD) {
    test(`${mode}: ${name} is a refusal that shows, and the old module serves on`, async (t) => {
      const mesh = await serving(t, mode);
      mesh.publish(code, isThere);
      const refused = await mesh.proxyWhen(isRefused);
      for (const nack of typeStatus(refused, 'extension').nacks) {
        assert.match(nack.message, /Unable to create Wasm plugin modelweir\.(router|splitter)/);
      }
      // It comes again, and nothing changes.
      const [first] = typeStatus(refused, 'extension').nacks;
      const isAgain = ({ at }: { at: string }) => at > (first?.at ?? '');
      await mesh.proxyWhen((proxy) => typeStatus(proxy, 'extension').nacks.every(isAgain));
      await mesh.proxyWhen(isRefused);
      assert.equal(await isTrapping(mesh), false);

      mesh.publish(trappingChain, true);
      const mended = await mesh.proxyWhen((proxy) => proxy.inSync);
      assert.deepEqual(typeStatus(mended, 'extension').nacks, []);
      const counts = await mesh.traffic.end();
      assert.deepEqual(Object.keys(counts), ['200'], JSON.stringify(counts));
      assert.ok(await isTrapping(mesh));
    });
  }

  test(`${mode}: a module that another replica does not have yet is tried until it is there`, async (t) => {
    const mesh = await serving(t, mode);
    const next = rebuilt(chain, 'next');
    mesh.publish(next, false);
    await mesh.proxyWhen(isRefused);
    mesh.give(next);
    await mesh.proxyWhen((proxy) => proxy.inSync);
    const counts = await mesh.traffic.end();
    assert.deepEqual(Object.keys(counts), ['200'], JSON.stringify(counts));
  });

  test(`${mode}: a new control plane with another module loses no request`, async (t) => {
    const mesh = await serving(t, mode);
    await mesh.restartWith(trappingChain);
    await mesh.proxyWhen((proxy) => proxy.inSync && proxy.types.length === 5);
    const counts = await mesh.traffic.end();
    assert.deepEqual(Object.keys(counts), ['200'], JSON.stringify(counts));
    assert.ok(await isTrapping(mesh));
  });

  test(`${mode}: a new Envoy does not serve before it has its modules`, async (t) => {
    let isThere = false;
    const mesh = await meshWith(t, {
      mode,
      code: rebuilt(chain, 'late'),
      whileStarting: async (give, proxyWhen) => {
        await proxyWhen(isRefused);
        isThere = true;
        give();
      },
    });
    assert.ok(isThere);
    const traffic = steadyTraffic(mesh.url);
    await mesh.proxyWhen((proxy) => proxy.inSync);
    const counts = await traffic.end();
    assert.deepEqual(Object.keys(counts), ['200'], JSON.stringify(counts));
  });
}

function typeVersion(proxy: ProxyStatus) {
  return { version: proxy.types.find((t) => t.typeUrl === TYPE_URLS.extension)?.ackedVersion };
}
