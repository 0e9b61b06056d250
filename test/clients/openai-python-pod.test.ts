/** The `openai` package of Python, straight to the inference pod. */
import { test } from 'node:test';
import { startPod } from '../e2e/inference/pod-process.ts';
import { CHAT, makeTextRepository } from '../e2e/inference/text-repository.ts';
import { readReference } from '../unit/inference/text/text-references.ts';
import { runPythonChecks } from './python-checks.ts';

test('the openai Python client and a pod', async (t) => {
  const repository = makeTextRepository({
    talker: { from: 'tiny-chat', config: { task: 'generation', generation: { chat: CHAT } } },
    embedder: { from: 'tiny-embed', config: { task: 'embeddings' } },
  });
  t.after(() => repository.remove());
  const pod = await startPod(['--repository', repository.path]);
  t.after(() => pod.stop());
  await runPythonChecks(t, 'openai_pod.py', {
    baseUrl: `http://127.0.0.1:${pod.port}/v1`,
    chats: readReference('tiny-chat').answers,
    embeddings: readReference('tiny-embed'),
  });
});
