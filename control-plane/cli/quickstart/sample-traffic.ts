/** Sends what the quickstart shows through Envoy, and says what came back. */
import { Agent } from 'node:http';
import { type Digit, readDigits } from './digits.ts';
import { type Answer, exchange } from './exchange.ts';
import { inferBody, outputOf } from './open-inference.ts';

export const UNKNOWN_MODEL = 'no-such-model';
/** The four cases of the founding article, and what it wants for them. */
export const TINY_CASES = [
  { x: [1, 0, 1], y: 0 },
  { x: [0, 1, 0], y: 1 },
  { x: [1, 1, 0], y: 1 },
  { x: [0, 0, 1], y: 0 },
] as const;

const ROUNDS_PER_USER = 3;
/** More than `maxRows`, so that full batches show too. */
export const BURST_CONNECTIONS = 64;
const ROUNDS_PER_CONNECTION = 4;
const BURST_REQUESTS = BURST_CONNECTIONS * ROUNDS_PER_CONNECTION;

/** One request and its answer. */
export interface Sighting {
  readonly what: 'tiny' | 'users' | 'burst' | 'unknown';
  readonly model: string;
  readonly user: string | null;
  readonly answer: Answer;
  /** What `x-modelweir-variant` said; null without it. */
  readonly variant: string | null;
  /** What `x-modelweir-batch-size` said; null without it. */
  readonly batchSize: number | null;
  /** What the model answered, and what would be right; null for a request that has no answer. */
  readonly predicted: number | null;
  readonly expected: number | null;
}

/** Sends everything, one part after the other. `users` is the number of different users. */
export async function sendSampleTraffic(
  baseUrl: string,
  users: number,
): Promise<readonly Sighting[]> {
  const digits = await readDigits(BURST_REQUESTS);
  const agent = new Agent({ keepAlive: true, maxSockets: BURST_CONNECTIONS });
  const mesh = { baseUrl, agent };
  try {
    return [
      ...(await sendTiny(mesh)),
      ...(await sendUsers(mesh, digits, users)),
      ...(await sendBurst(mesh, digits, users)),
      await sendUnknown(mesh),
    ];
  } finally {
    agent.destroy();
  }
}

/** The user with this number, from 0. */
export function userName(index: number): string {
  return `user-${index + 1}`;
}

interface MeshClient {
  readonly baseUrl: string;
  readonly agent: Agent;
}

async function sendTiny(mesh: MeshClient): Promise<readonly Sighting[]> {
  const sightings: Sighting[] = [];
  for (const { x, y } of TINY_CASES) {
    const answer = await infer(mesh, 'tiny', inferBody('x', [x]));
    const probability = outputOf(answer, 'y')?.[0];
    const predicted = probability === undefined ? null : Number(probability > 0.5);
    sightings.push({ ...sight('tiny', 'tiny', answer), predicted, expected: y });
  }
  return sightings;
}

/** Each user asks a few times, one request at a time: nobody waits for a batch. */
async function sendUsers(
  mesh: MeshClient,
  digits: readonly Digit[],
  users: number,
): Promise<readonly Sighting[]> {
  const sightings: Sighting[] = [];
  for (let index = 0; index < users * ROUNDS_PER_USER; index++) {
    sightings.push(await sendDigit(mesh, 'users', digits, index, userName(index % users)));
  }
  return sightings;
}

/** All connections at once; each sends its next request when it has its answer. */
async function sendBurst(
  mesh: MeshClient,
  digits: readonly Digit[],
  users: number,
): Promise<readonly Sighting[]> {
  const connection = async (first: number): Promise<readonly Sighting[]> => {
    const sightings: Sighting[] = [];
    for (let index = first; index < BURST_REQUESTS; index += BURST_CONNECTIONS) {
      sightings.push(await sendDigit(mesh, 'burst', digits, index, userName(index % users)));
    }
    return sightings;
  };
  const connections = Array.from({ length: BURST_CONNECTIONS }, (_, first) => connection(first));
  return (await Promise.all(connections)).flat();
}

async function sendDigit(
  mesh: MeshClient,
  what: 'users' | 'burst',
  digits: readonly Digit[],
  index: number,
  user: string,
): Promise<Sighting> {
  const digit = digits[index % digits.length] ?? { label: 0, pixels: [] };
  const body = inferBody('pixels', [digit.pixels]);
  const answer = await infer(mesh, 'digits', body, { 'x-user': user });
  const predicted = outputOf(answer, 'label')?.[0] ?? null;
  return { ...sight(what, 'digits', answer), user, predicted, expected: digit.label };
}

async function sendUnknown(mesh: MeshClient): Promise<Sighting> {
  const answer = await infer(mesh, UNKNOWN_MODEL, inferBody('x', [[1, 0, 1]]));
  return sight('unknown', UNKNOWN_MODEL, answer);
}

function infer(
  { baseUrl, agent }: MeshClient,
  model: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const url = `${baseUrl}/v2/models/${model}/infer`;
  const all = { 'content-type': 'application/json', ...headers };
  return exchange({ url, method: 'POST', headers: all, body }, agent);
}

function sight(what: Sighting['what'], model: string, answer: Answer): Sighting {
  const variant = answer.headers['x-modelweir-variant'];
  const batchSize = answer.headers['x-modelweir-batch-size'];
  return {
    what,
    model,
    answer,
    user: null,
    variant: typeof variant === 'string' ? variant : null,
    batchSize: typeof batchSize === 'string' ? Number(batchSize) : null,
    predicted: null,
    expected: null,
  };
}
