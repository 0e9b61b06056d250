/** What a pod takes of the machine, seen from outside. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { missingForCuda } from '../../../inference/runtime/execution-provider.ts';
import { heldoutRows } from '../../unit/inference/heldout-rows.ts';
import { scalingModel } from '../../unit/inference/onnx-writer.ts';
import { EXAMPLES, inferBody, makeRepository, type PodProcess, startPod } from './pod-process.ts';

describe('memory', { skip: process.platform !== 'linux' }, () => {
  const MIB = 1024 * 1024;
  const MODEL_MIB = 16;
  // Measured: within 12 MiB on a quiet machine, more where threads end late. A copy of the model that stayed would
  // be 1.6 GiB after 100 cycles.
  const TOLERANCE_MIB = 200;

  test('of a pod for one small model is under 200 MB, with requests too', async (t) => {
    const pod = await startPod(['--repository', EXAMPLES, '--models', 'digits-stable']);
    t.after(() => pod.stop());
    const body = inferBody('pixels', [heldoutRows()[0]?.pixels ?? []]);
    const clients = Array.from({ length: 16 }, async () => {
      for (let i = 0; i < 100; i++) await pod.post('/v2/models/digits-stable/infer', body);
    });
    await Promise.all(clients);
    const resident = residentMib(pod);
    assert.ok(resident * MIB < 200e6, `${resident} MiB`);
  });

  test('is given back: 100 cycles of loading and unloading leave it where it was', async (t) => {
    const large = scalingModel(2, { width: Math.sqrt((MODEL_MIB * MIB) / 4) });
    const repository = makeRepository({ m: large });
    t.after(() => repository.remove());
    const pod = await startPod(['--repository', repository.path, '--model-control', 'explicit']);
    t.after(() => pod.stop());
    const cycle = async (): Promise<void> => {
      assert.equal((await pod.post('/v2/repository/models/m/load', {})).status, 200);
      assert.equal((await pod.post('/v2/repository/models/m/unload', {})).status, 200);
    };
    for (let i = 0; i < 10; i++) await cycle();
    const before = residentMib(pod);
    for (let i = 0; i < 100; i++) await cycle();
    const after = residentMib(pod);
    assert.ok(after - before < TOLERANCE_MIB, `${before} MiB became ${after} MiB`);
  });
});

describe('CUDA where there is none', { skip: missingForCuda().length === 0 }, () => {
  const args = ['--repository', EXAMPLES, '--models', 'tiny', '--provider', 'cuda'];

  test('ends the pod with what is missing', () =>
    assert.rejects(
      startPod(args),
      /ended with 1:.*model tiny, version 1 .*CUDA device 0 cannot be used: /s,
    ));

  test('is stood in for by the CPU where that is allowed, and metrics tell', async (t) => {
    const pod = await startPod([...args, '--provider-fallback']);
    t.after(() => pod.stop());
    assert.match(
      pod.output(),
      /"level":40,.*"provider":"cpu","msg":"CUDA device 0 cannot be used: /,
    );
    const metrics = String((await pod.get('/metrics')).json);
    assert.match(metrics, /^modelweir_inference_provider\{.*provider="cpu".*\} 1$/m);
    const { status } = await pod.post('/v2/models/tiny/infer', inferBody('x', [[1, 0, 1]]));
    assert.equal(status, 200);
  });
});

function residentMib(pod: PodProcess): number {
  const text = readFileSync(`/proc/${pod.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(text)?.[1]) / 1024;
}
