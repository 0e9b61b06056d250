/** The real worker, but a batch whose first number is 666 ends its thread in the middle of the work. */
import { parentPort } from 'node:worker_threads';
import type { RunMessage } from '../../../inference/runtime/worker-messages.ts';

parentPort?.on('message', ({ inputs }: RunMessage) => {
  if (inputs[0]?.data[0] === 666) process.exit(3);
});
await import('../../../inference/runtime/session-worker.ts');
