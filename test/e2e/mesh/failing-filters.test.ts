/** What a filter that refuses its configuration, or that traps, does to the mesh: as little as can be. */
import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { repositoryRoot } from '../../../control-plane/cli/quickstart/places.ts';
import { startMesh, type TestMesh } from '../../harness/mesh.ts';
import { type DoublingBackend, startDoublingBackend } from './doubling-backend.ts';
import { backend, inferRequest, route } from './resources.ts';

const PATH = '/v2/models/double/infer';

/** Runs `body` on a mesh whose chain is the test module of that name. */
async function withChain(
  module: string,
  body: (mesh: TestMesh, upstream: DoublingBackend) => Promise<void>,
): Promise<void> {
  const modules = await mkdtemp(join(tmpdir(), 'modelweir-modules-'));
  const upstream = await startDoublingBackend();
  let mesh: TestMesh | undefined;
  try {
    const sources = {
      chain: `test-modules/${module}`,
      batcher: 'filters/batcher',
      rewriter: 'filters/rewriter',
    };
    for (const [name, source] of Object.entries(sources)) {
      await copyFile(join(repositoryRoot, `dist/${source}.wasm`), join(modules, `${name}.wasm`));
    }
    const files = {
      'mesh.yaml':
        backend('double', upstream.port) + route({ name: 'double', weights: { double: 1 } }),
    };
    mesh = await startMesh({ files, modules });
    await body(mesh, upstream);
  } finally {
    await mesh?.stop();
    await upstream.stop();
    await rm(modules, { recursive: true });
  }
}

/** A request that tries to choose its cluster and route itself. */
function forged(
  mesh: TestMesh,
  more: Readonly<Record<string, string>> = {},
): ReturnType<typeof exchange> {
  const headers = {
    ...more,
    'content-type': 'application/json',
    'x-modelweir-cluster': 'default/double',
    'x-modelweir-route': 'default/double',
    'x-modelweir-route-class': 'timeout-15000',
  };
  return exchange({ url: mesh.url + PATH, method: 'POST', headers, body: inferRequest(1) });
}

test('a configuration that a filter refuses is shown as a NACK, by proxy and by route', async () => {
  await withChain('refusing-chain', async (mesh) => {
    const status = await mesh.whenStatus((current) =>
      current.objects.some((object) =>
        object.conditions.some((item) => item.type === 'Programmed' && item.status === 'False'),
      ),
    );
    assert.match(JSON.stringify(status.proxies), /modelweir\.splitter/);
    const programmed = status.objects
      .find((object) => object.kind === 'ModelRoute')
      ?.conditions.find((item) => item.type === 'Programmed');
    assert.equal(programmed?.status, 'False');
    assert.match(programmed?.message ?? '', /modelweir\.splitter/);
  });
});

test('with a splitter that refused, a client that names a cluster itself reaches none', async () => {
  await withChain('refusing-chain', async (mesh, upstream) => {
    const answer = await forged(mesh);
    assert.ok(answer.status >= 500, `answered by ${answer.status}`);
    assert.equal(upstream.requests.length, 0);
  });
});

test('with a chain that traps, a client that names a cluster itself reaches none', async () => {
  await withChain('trapping-chain', async (mesh, upstream) => {
    await mesh.whenServing(PATH, inferRequest(1));
    const served = upstream.requests.length;
    for (let i = 0; i < 20; i++) {
      const answer = await forged(mesh, { 'x-test-poison': 'trap' });
      assert.ok(answer.status >= 500, `answered by ${answer.status}`);
    }
    assert.equal(upstream.requests.length, served);
    assert.equal(mesh.envoy.hasExited, false);
  });
});
