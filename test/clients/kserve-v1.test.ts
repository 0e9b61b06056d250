/** KServe's V1 protocol, through a mesh, to a server of ours. */
import { test } from 'node:test';
import { backend, route } from '../e2e/mesh/resources.ts';
import { startBackend } from '../harness/backend.ts';
import { authority, startClientMesh } from './client-mesh.ts';
import { runPythonChecks } from './python-checks.ts';

test('KServe V1 by Python', async (t) => {
  const upstream = await startBackend((request, response) => {
    const verb = /^\/v1\/models\/double-v2:(predict|explain)$/.exec(request.path)?.[1];
    if (verb === undefined) {
      response.writeHead(421).end(`this server has double-v2, and no ${request.path}`);
      return;
    }
    const { instances }: { instances: number[] } = JSON.parse(request.body.toString());
    const answer =
      verb === 'predict'
        ? { predictions: instances.map((value) => value * 2) }
        : { explanations: instances.map((value) => `twice ${value}`) };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  t.after(() => upstream.stop());
  const mesh = await startClientMesh(
    backend('double', upstream.port, 'double-v2', 'KServeV1') +
      route({ name: 'double', weights: { double: 1 } }),
  );
  t.after(() => mesh.stop());
  await runPythonChecks(t, 'kserve_v1.py', { url: mesh.url, authority: authority(mesh) });
});
