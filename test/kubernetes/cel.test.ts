import { test } from 'node:test';
import { startApiServer } from '../harness/kubernetes/api-server.ts';

test('x', async () => {
  const t = Date.now();
  const server = await startApiServer();
  console.log('ready', Date.now() - t);
  await server.stop();
  console.log('stopped', Date.now() - t);
});
