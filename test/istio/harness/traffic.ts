/** Requests without pause from a pod's application, while a test changes the mesh under them. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../harness/until.ts';
import { type PodRequest, podAgent, request } from './pod-client.ts';

interface Traffic {
  /** Answers that were 200. */
  readonly served: number;
  /** What else came, in words; none may have. */
  readonly failures: readonly string[];
  stop(): Promise<void>;
}

const CLIENTS = 2;
/** Leaves the machine to those who are to act under the traffic. */
const PAUSE_MS = 5;
const MAX_FAILURES = 20;
/** Requests that are to be served after the change. */
const AFTERWARDS = 10;

/** Requests flow from before a change until after it, and none of them fails. Returns how many there were. */
export async function underTraffic(
  relayPath: string,
  call: () => PodRequest,
  change: () => Promise<void>,
): Promise<number> {
  const traffic = startTraffic(relayPath, call);
  try {
    await until('requests flow', () => traffic.served > 0);
    await change();
    const { served } = traffic;
    await until('requests still flow', () => traffic.served > served + AFTERWARDS);
  } finally {
    await traffic.stop();
  }
  assert.deepEqual(traffic.failures, []);
  return traffic.served;
}

/** Over connections that are kept, as applications do. */
export function startTraffic(relayPath: string, call: () => PodRequest): Traffic {
  const agent = podAgent(relayPath, true);
  const failures: string[] = [];
  let isOver = false;
  let served = 0;
  const fail = (what: string) => {
    if (failures.length < MAX_FAILURES) failures.push(`${new Date().toISOString()} ${what}`);
  };
  const loop = async () => {
    while (!isOver) {
      await sleep(PAUSE_MS);
      const answer = await request(relayPath, call(), agent).catch((error: Error) => {
        fail(String(error));
        return null;
      });
      if (answer === null) continue;
      if (answer.status === 200) {
        served += 1;
      } else {
        fail(`${answer.status} ${answer.body.subarray(0, 200)}`);
      }
    }
  };
  const loops = Array.from({ length: CLIENTS }, loop);
  return {
    get served() {
      return served;
    },
    failures,
    stop: async () => {
      isOver = true;
      await Promise.all(loops);
      agent.destroy();
    },
  };
}
