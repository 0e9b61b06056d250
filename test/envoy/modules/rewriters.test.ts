/** The module of the filters in clusters, which Envoy takes in another way than those of a listener. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { repositoryRoot } from '../../../control-plane/cli/quickstart/places.ts';
import type { ProxyStatus } from '../../../control-plane/serve/ads-server.ts';
import { startBackend } from '../../harness/backend.ts';
import type { XdsMode } from '../../harness/envoy.ts';
import { MODES, oneRouteMesh, typeStatus } from '../xds/served-mesh.ts';
import { rebuilt, startFetchingMesh, steadyTraffic } from './fetching-mesh.ts';

const rewriter = await readFile(join(repositoryRoot, 'dist/filters/rewriter.wasm'));

const BAD: readonly { readonly name: string; readonly code: Buffer; readonly isThere: boolean }[] =
  [
    { name: 'garbage', code: Buffer.from('no module'), isThere: true },
    { name: 'a module that is not there', code: rebuilt(rewriter, 'missing'), isThere: false },
  ];

/** A route whose answers are rewritten. */
async function rewritingMesh(t: TestContext, mode: XdsMode) {
  const backend = await startBackend((_, response) => {
    response.end('ok');
  });
  t.after(() => backend.stop());
  const mesh = await oneRouteMesh([{ name: 'a', port: backend.port }], {
    responses: {
      publicModel: true,
      countTokens: false,
      attemptsHeader: false,
      decisionHeader: 'never',
    },
  });
  const fetching = await startFetchingMesh({ mode, mesh, code: rewriter, module: 'rewriter' });
  t.after(() => fetching.stop());
  // From the first moment: a cluster that still lacks its module is held against nobody.
  const traffic = steadyTraffic(fetching.url);
  t.after(() => traffic.end());
  return { ...fetching, traffic };
}

function isTaken(version: string | null) {
  return (proxy: ProxyStatus) =>
    proxy.inSync && typeStatus(proxy, 'cluster').ackedVersion !== version;
}

for (const mode of MODES) {
  test(`${mode}: another build of the rewriter takes over, and no request is lost`, async (t) => {
    const mesh = await rewritingMesh(t, mode);
    for (const mark of ['one', 'two']) {
      const before = await mesh.proxyWhen((proxy) => proxy.inSync);
      mesh.publish(rebuilt(rewriter, mark), true);
      await mesh.proxyWhen(isTaken(typeStatus(before, 'cluster').ackedVersion));
    }
    const counts = await mesh.traffic.end();
    assert.deepEqual(Object.keys(counts), ['200'], JSON.stringify(counts));
  });

  for (const { name, code, isThere } of BAD) {
    test(`${mode}: with ${name} for a rewriter the old one serves on, and the refusal shows`, async (t) => {
      const mesh = await rewritingMesh(t, mode);
      await mesh.proxyWhen((proxy) => proxy.inSync);
      mesh.publish(code, isThere);
      const refused = await mesh.proxyWhen(({ types }) =>
        types.some(({ nacks }) => nacks.length > 0),
      );
      const [nack] = typeStatus(refused, 'cluster').nacks;
      assert.match(nack?.message ?? '', /Unable to create Wasm plugin modelweir\.rewriter/);
      const isAgain = ({ at }: { at: string }) => at > (nack?.at ?? '');
      await mesh.proxyWhen((proxy) => typeStatus(proxy, 'cluster').nacks.some(isAgain));

      mesh.publish(rebuilt(rewriter, 'mended'), true);
      await mesh.proxyWhen((proxy) => proxy.inSync);
      const counts = await mesh.traffic.end();
      assert.deepEqual(Object.keys(counts), ['200'], JSON.stringify(counts));
    });
  }
}
