/** `tritonclient` over HTTP, straight to the inference pod: every datatype, in JSON and as bytes. */
import { test } from 'node:test';
import { makeRepository, startPod } from '../e2e/inference/pod-process.ts';
import { identityModel, mirrorModel } from '../unit/inference/onnx-writer.ts';
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

test('tritonclient over HTTP, without a mesh', async (t) => {
  const repository = makeRepository({
    mirror: mirrorModel(DATATYPES),
    floats: identityModel('FP32', ['N', 'D']),
    texts: identityModel('BYTES'),
  });
  t.after(() => repository.remove());
  const limits = ['--max-body-bytes', '5000000', '--max-elements', '1000000'];
  const pod = await startPod(['--repository', repository.path, ...limits]);
  t.after(() => pod.stop());
  const facts = { authority: `127.0.0.1:${pod.port}`, datatypes: DATATYPES };
  await runPythonChecks(t, 'triton_http_pod.py', facts);
});
