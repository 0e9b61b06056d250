/** A small closed-loop client: N connections, each sends its next request when it has its answer. */
import { Agent } from 'node:http';
import {
  type Answer,
  exchange,
  type Request,
} from '../../control-plane/cli/quickstart/exchange.ts';

export type { Answer, Request } from '../../control-plane/cli/quickstart/exchange.ts';

export interface LoadOptions {
  /** The request with this number, from 0; or one for all. */
  readonly request: Request | ((index: number) => Request);
  readonly connections: number;
  /** Ends after so many requests. */
  readonly count: number;
  /** Starts no request after this time. Default 30,000. */
  readonly maxMs?: number;
  /** Starts no request after it is aborted: for traffic that runs while the test does something else. */
  readonly signal?: AbortSignal;
}

/** An answer, or why there was none. */
export interface Outcome {
  readonly index: number;
  readonly answer: Answer | null;
  readonly error: string | null;
}

/** All outcomes, sorted by index. Never rejects for a request that fails. */
export async function httpLoad(options: LoadOptions): Promise<readonly Outcome[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: options.connections });
  const deadline = Date.now() + (options.maxMs ?? 30_000);
  const outcomes: Outcome[] = [];
  let next = 0;
  const isOver = (): boolean =>
    next >= options.count || Date.now() >= deadline || options.signal?.aborted === true;
  const loop = async (): Promise<void> => {
    while (!isOver()) outcomes.push(await send(options.request, next++, agent));
  };
  try {
    await Promise.all(Array.from({ length: options.connections }, loop));
  } finally {
    agent.destroy();
  }
  return outcomes.sort((a, b) => a.index - b.index);
}

/** How many outcomes had each status; failed requests count under their error. */
export function statusCounts(outcomes: readonly Outcome[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { answer, error } of outcomes) {
    const key = String(answer?.status ?? error);
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

async function send(
  request: LoadOptions['request'],
  index: number,
  agent: Agent,
): Promise<Outcome> {
  try {
    const wanted = typeof request === 'function' ? request(index) : request;
    return { index, answer: await exchange(wanted, agent), error: null };
  } catch (error) {
    return { index, answer: null, error: error instanceof Error ? error.message : String(error) };
  }
}
