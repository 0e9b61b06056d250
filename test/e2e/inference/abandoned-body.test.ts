/** A client that goes away in the middle of its body leaves nothing behind. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { identityModel } from '../../unit/inference/onnx-writer.ts';
import { makeRepository, startPod } from './pod-process.ts';

const HEAD = 'POST /v2/models/same/infer HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n';

test('its memory is given back, and its model can be unloaded', async (t) => {
  const repository = makeRepository({ same: identityModel('FP32') });
  t.after(() => repository.remove());
  const pod = await startPod([
    '--repository',
    repository.path,
    '--model-control',
    'explicit',
    '--models',
    'same',
  ]);
  t.after(() => pod.stop());
  const heldBytes = async (): Promise<number> => {
    const text = (await pod.get('/metrics')).json as string;
    return Number(/^modelweir_inference_held_bytes (\d+)$/m.exec(text)?.[1]);
  };
  const socket = connect(pod.port, '127.0.0.1');
  socket.write(`${HEAD}{"inputs":`);
  while ((await heldBytes()) === 0) await setTimeout(5);
  const unloaded = pod.post('/v2/repository/models/same/unload', {});
  // The body may yet come, and would be answered.
  assert.equal(await Promise.race([unloaded, setTimeout(300, 'held')]), 'held');
  socket.destroy();
  await once(socket, 'close');
  assert.equal((await unloaded).status, 200);
  assert.equal(await heldBytes(), 0);
});
