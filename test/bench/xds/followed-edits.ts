/** Edits one after the other, each from when it is made to the first answer of a real Envoy that follows it. */
import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';

const TIMEOUT_MS = 10_000;

export interface EditedModel {
  /** Of the model's route: each answer names its variant, `a` at first. */
  readonly url: string;
  readonly count: number;
  /** Between an edit that is followed and the next. */
  readonly pauseMs: number;
  /** Gives all requests to this variant. Timed from its call on. */
  edit(variant: 'a' | 'b'): Promise<void>;
}

/** Milliseconds of each. @throws {Error} where an edit is not followed. */
export async function followedEdits({ url, count, pauseMs, edit }: EditedModel): Promise<number[]> {
  const agent = new Agent({ keepAlive: true });
  const times: number[] = [];
  try {
    for (let at = 0; at < count; at++) {
      const wanted = at % 2 === 0 ? 'b' : 'a';
      const startMs = performance.now();
      await edit(wanted);
      while ((await variant(url, agent)) !== wanted) {
        if (performance.now() - startMs > TIMEOUT_MS) {
          throw new Error(`an edit was not served in ${TIMEOUT_MS} ms`);
        }
      }
      times.push(performance.now() - startMs);
      await sleep(pauseMs);
    }
  } finally {
    agent.destroy();
  }
  return times;
}

async function variant(url: string, agent: Agent): Promise<unknown> {
  const headers = { 'content-type': 'application/json' };
  const answer = await exchange({ url, method: 'POST', headers, body: '{}' }, agent);
  return answer.headers['x-modelweir-variant'];
}
