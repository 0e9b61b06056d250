/** `tritonclient` over HTTP with binary tensors, from many threads through a route with batching, to real pods. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { heldoutDigits } from '../../control-plane/cli/quickstart/places.ts';
import { Supervisor } from '../../control-plane/cli/quickstart/supervisor.ts';
import { makeRepository, startPod as startPodOf } from '../e2e/inference/pod-process.ts';
import { backend, route } from '../e2e/mesh/resources.ts';
import type { TestMesh } from '../harness/mesh.ts';
import { startPod } from '../harness/pod.ts';
import { identityModel } from '../unit/inference/onnx-writer.ts';
import { authority, startClientMesh } from './client-mesh.ts';
import { runPythonChecks } from './python-checks.ts';

const SERVED = 'digits-stable';
const ROWS = 48;
const BATCHING = '  batching: { maxRows: 32, maxDelayMs: 20 }';

test('tritonclient over HTTP from 32 threads, batched', async (t) => {
  const supervisor = new Supervisor();
  t.after(() => supervisor.stop());
  const digits = await startPod(supervisor, [SERVED]);
  const repository = makeRepository({ texts: identityModel('BYTES') });
  t.after(() => repository.remove());
  const texts = await startPodOf(['--repository', repository.path]);
  t.after(() => texts.stop());
  const mesh = await startClientMesh(
    backend('digits', digits.port, SERVED) +
      route({ name: 'digits', weights: { digits: 1 }, more: BATCHING }) +
      backend('texts', texts.port) +
      route({ name: 'texts', weights: { texts: 1 }, more: BATCHING }),
  );
  t.after(() => mesh.stop());
  await runPythonChecks(t, 'triton_http_batched.py', {
    authority: authority(mesh),
    podAuthority: `127.0.0.1:${digits.port}`,
    podModel: SERVED,
    rows: heldoutRows(),
  });
  await t.test('most of these requests were joined, several a call', async () => {
    for (const model of ['digits', 'texts']) {
      const joined = await count(mesh, model, 'requests_total', 'joined');
      const calls = await count(mesh, model, 'batches_total', 'answered');
      assert.ok(joined > 100, `${model}: ${joined} were joined`);
      assert.ok(joined >= 2 * calls, `${model}: ${joined} in ${calls} calls`);
    }
    assert.ok(
      (await count(mesh, 'texts', 'batches_total', 'refused')) > 0,
      'no bad one was joined',
    );
    assert.equal(await count(mesh, 'digits', 'batches_total', 'unreadable'), 0);
  });
});

/** Images that no model was trained on. */
function heldoutRows(): number[][] {
  const lines = readFileSync(heldoutDigits, 'utf8').split('\n');
  return lines.slice(1, 1 + ROWS).map((line) => line.split(',').slice(1).map(Number));
}

async function count(
  mesh: TestMesh,
  model: string,
  name: string,
  outcome: string,
): Promise<number> {
  const metric = `modelweir_batcher_${name};route=default/${model};outcome=${outcome}`;
  return (await mesh.envoy.stats()).get(`wasmcustom.${metric}`) ?? 0;
}
