/** `tritonclient` over HTTP, through a mesh: to the inference pod, and to a server of binary tensors. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { heldoutDigits, repositoryRoot } from '../../control-plane/cli/quickstart/places.ts';
import { Supervisor } from '../../control-plane/cli/quickstart/supervisor.ts';
import { backend, route } from '../e2e/mesh/resources.ts';
import { startPod } from '../harness/pod.ts';
import { startBinaryBackend } from './binary-backend.ts';
import { authority, startClientMesh } from './client-mesh.ts';
import { runPythonChecks } from './python-checks.ts';

const ROWS = 16;

test('tritonclient over HTTP', async (t) => {
  const supervisor = new Supervisor();
  t.after(() => supervisor.stop());
  const pod = await startPod(supervisor, ['digits-stable']);
  const binary = await startBinaryBackend('double-v2');
  t.after(() => binary.stop());
  const batching = '  batching: { maxRows: 32 }';
  const mesh = await startClientMesh(
    backend('digits', pod.port, 'digits-stable') +
      route({ name: 'digits', weights: { digits: 1 }, more: batching }) +
      backend('double', binary.port, 'double-v2') +
      route({ name: 'double', weights: { double: 1 }, more: batching }),
  );
  t.after(() => mesh.stop());
  await runPythonChecks(t, 'triton_http.py', { authority: authority(mesh), ...digits() });
});

/** Images that no model was trained on, and what the training library says of them. */
function digits(): object {
  const lines = readFileSync(heldoutDigits, 'utf8').split('\n');
  const rows = lines.slice(1, 1 + ROWS).map((line) => line.split(',').slice(1).map(Number));
  const reference = join(repositoryRoot, 'examples/models/reference/digits-stable.golden.json');
  const { label, probabilities } = JSON.parse(readFileSync(reference, 'utf8')).outputs;
  return { rows, labels: label.slice(0, ROWS), probabilities: probabilities.slice(0, ROWS) };
}
