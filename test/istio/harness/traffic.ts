/** Requests without pause from a pod's application, while a test changes the mesh under them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type PodAnswer, type PodRequest, podAgent, request } from './pod-client.ts';

export interface Traffic {
  /** Answers that were 200. */
  readonly served: number;
  /** What else came, in words; none may have. */
  readonly failures: readonly string[];
  /** The last good answer. */
  readonly last: PodAnswer | null;
  stop(): Promise<void>;
}

const CLIENTS = 2;
/** Leaves the machine to those who are to act under the traffic. */
const PAUSE_MS = 5;
const MAX_FAILURES = 20;

/** Over connections that are kept, as applications do. */
export function startTraffic(relayPath: string, call: () => PodRequest): Traffic {
  const agent = podAgent(relayPath, true);
  const failures: string[] = [];
  let isOver = false;
  let served = 0;
  let last: PodAnswer | null = null;
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
        last = answer;
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
    get last() {
      return last;
    },
    stop: async () => {
      isOver = true;
      await Promise.all(loops);
      agent.destroy();
    },
  };
}
