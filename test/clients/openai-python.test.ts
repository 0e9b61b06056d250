/** The `openai` package of Python, through a mesh. */
import { test } from 'node:test';
import { startOpenAiMesh } from './openai-mesh.ts';
import { runPythonChecks } from './python-checks.ts';

test('the openai Python client', async (t) => {
  const { backend, baseUrl, stop } = await startOpenAiMesh();
  t.after(stop);
  await runPythonChecks(t, 'openai_client.py', { baseUrl, backendUrl: backend.url });
});
