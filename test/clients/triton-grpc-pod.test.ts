/** `tritonclient` over gRPC, and Python's clients of health and reflection, straight to the inference pod. */
import { test } from 'node:test';
import { grpcPortOf } from '../e2e/inference/grpc-client.ts';
import { makeRepository, startPod } from '../e2e/inference/pod-process.ts';
import { identityModel, mirrorModel, slowModel } from '../unit/inference/onnx-writer.ts';
import { runPythonChecks } from './python-checks.ts';

/** The order of the model's inputs; the script has values for each. */
const DATATYPES = [
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'FP16',
  'FP32',
  'FP64',
  'BYTES',
] as const;

test('tritonclient over gRPC, without a mesh', async (t) => {
  const models = {
    mirror: mirrorModel(DATATYPES),
    floats: identityModel('FP32', ['N', 'D']),
    texts: identityModel('BYTES'),
    slow: slowModel(4000),
    ...Object.fromEntries(DATATYPES.map((each) => [`only-${each}`, identityModel(each)])),
  };
  const repository = makeRepository(models);
  t.after(() => repository.remove());
  const limits = ['--grpc-port', '0', '--max-body-bytes', '5000000', '--max-elements', '1000000'];
  const served = ['--models', Object.keys(models).join(','), '--model-control', 'explicit'];
  const pod = await startPod(['--repository', repository.path, ...served, ...limits]);
  t.after(() => pod.stop());
  const facts = { authority: `127.0.0.1:${grpcPortOf(pod)}`, datatypes: DATATYPES };
  await runPythonChecks(t, 'triton_grpc_pod.py', facts);
});
