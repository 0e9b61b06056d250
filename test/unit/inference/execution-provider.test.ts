/** What a model runs on where there is no GPU: this machine, and any that tests run on. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createOn, missingForCuda } from '../../../inference/runtime/execution-provider.ts';
import { ModelSession } from '../../../inference/runtime/model-session.ts';

const TINY = fileURLToPath(
  new URL('../../../examples/models/repository/tiny/1/model.onnx', import.meta.url),
);
const NO_GPU = missingForCuda().length > 0;

describe('what CUDA lacks is said in a clause each', { skip: process.platform !== 'linux' }, () => {
  test('libraries and a device', () => {
    const missing = missingForCuda('/folder', () => false);
    assert.match(missing[0] ?? '', /^libonnxruntime_providers_shared\.so and .*_cuda\.so must lie/);
    assert.match(missing[0] ?? '', /in \/folder; .*onnxruntime-gpu of the same version/);
    assert.match(missing[1] ?? '', /no NVIDIA device \(\/dev\/nvidiactl\); give the container a/);
  });

  test('one library', () => {
    const [missing] = missingForCuda('/folder', (file) => !file.includes('cuda'));
    assert.match(missing ?? '', /^libonnxruntime_providers_cuda\.so must lie/);
  });

  test('nothing', () =>
    assert.deepEqual(
      missingForCuda('/folder', () => true),
      [],
    ));
});

describe('a model that is to run on CUDA, without a GPU', { skip: !NO_GPU }, () => {
  const cuda = { name: 'cuda', deviceId: 0 } as const;

  test('runs on the CPU if that may stand in, and says why', async () => {
    const provider = { ...cuda, allowFallback: true };
    const session = await ModelSession.load(TINY, { threadsPerRun: 1, provider });
    assert.equal(session.provider.name, 'cpu');
    assert.match(session.provider.note, /^CUDA device 0 cannot be used: /);
    const [output] = await session.run([{ shape: [1, 3], data: new Float32Array(3) }]);
    assert.equal(output?.data.length, 1);
    await session.release();
  });

  test('is refused if not, and says how it could', async () => {
    const provider = { ...cuda, allowFallback: false };
    await assert.rejects(
      ModelSession.load(TINY, { threadsPerRun: 1, provider }),
      /CUDA device 0 cannot be used: .*\(provider\.allowFallback would run it on the CPU\)/,
    );
  });
});

test('on the CPU nothing is tried before', async () => {
  const tried: unknown[] = [];
  const create = async (providers: unknown): Promise<string> => {
    tried.push(providers);
    return 'session';
  };
  assert.deepEqual(await createOn(undefined, create), ['session', { name: 'cpu', note: '' }]);
  assert.deepEqual(tried, [['cpu']]);
});
