/** `tritonclient` over gRPC, through a mesh, to a gRPC server of ours. */
import { test } from 'node:test';
import { backend, route } from '../e2e/mesh/resources.ts';
import { authority, startClientMesh } from './client-mesh.ts';
import { startGrpcBackend } from './grpc-backend.ts';
import { runPythonChecks } from './python-checks.ts';

test('tritonclient over gRPC', async (t) => {
  const upstream = await startGrpcBackend(['double-v2-raw', 'streamed']);
  t.after(() => upstream.stop());
  const mesh = await startClientMesh(
    backend('double', upstream.port, 'double-v2-raw', 'OpenInferenceGRPC') +
      route({ name: 'double', weights: { double: 1 } }) +
      backend('streamed', upstream.port, 'streamed', 'OpenInferenceGRPC') +
      route({ name: 'streamed', weights: { streamed: 1 } }),
  );
  t.after(() => mesh.stop());
  await runPythonChecks(t, 'triton_grpc.py', { authority: authority(mesh) });
});
