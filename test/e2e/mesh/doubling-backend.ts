/** A server of the Open Inference Protocol that doubles each number: any mix-up of answers shows. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Backend, startBackend } from '../../harness/backend.ts';

export interface DoublingBackend extends Backend {
  /** Time that a call takes. */
  delayMs: number;
}

export async function startDoublingBackend(): Promise<DoublingBackend> {
  const settings = { delayMs: 0 };
  const inner = await startBackend(async (request, response) => {
    if (settings.delayMs > 0) await sleep(settings.delayMs);
    response.setHeader('content-type', 'application/json');
    response.end(answer(request.body));
  });
  return Object.assign(settings, inner);
}

function answer(body: Buffer): string {
  const { id, inputs } = JSON.parse(body.toString());
  const [input] = inputs;
  const data = input.data.flat(Infinity).map((value: number) => value * 2);
  const outputs = [{ name: 'y', shape: input.shape, datatype: 'FP32', data }];
  return JSON.stringify({ model_name: 'doubling', ...(id === undefined ? {} : { id }), outputs });
}
