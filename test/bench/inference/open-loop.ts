/**
 * An open loop: requests are due by a schedule, whatever became of those before. The time until an answer
 * counts from when its request was due, so a server that stalls pays for all who would have come meanwhile.
 */
import { connect, type Socket } from 'node:net';
import { randomSource } from '../../harness/random.ts';
import { AnswerReader } from './answer-reader.ts';
import { quantiles } from './measurement.ts';

export interface OpenLoopPlan {
  readonly url: string;
  /** All that are sent, in turns. */
  readonly encoded: readonly Buffer[];
  /** What is due while all of them wait for an answer is sent when the first has one. */
  readonly connections: number;
  readonly requestsPerSecond: number;
  readonly seconds: number;
}

export interface OpenLoopResult {
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The same only from when it was really sent: what the generator's own delays leave. */
  readonly sentP99Ms: number;
}

const SEED = 7;
const RANDOM_STEPS = 2 ** 30;
/** What is due in the first part is sent but not measured. */
const RAMP_SHARE = 0.1;

/** @throws {Error} when a request fails. */
export async function openLoop(plan: OpenLoopPlan): Promise<OpenLoopResult> {
  const loop = new OpenLoop(plan, arrivals(plan.requestsPerSecond, plan.seconds));
  try {
    return await loop.run();
  } finally {
    loop.close();
  }
}

/** When requests are due, in ms from the start: as if from many clients that know nothing of each other. */
function arrivals(perSecond: number, seconds: number): Float64Array {
  const random = randomSource(SEED);
  const due: number[] = [];
  let atMs = 0;
  while (atMs < seconds * 1000) {
    atMs -= (Math.log((random(RANDOM_STEPS) + 1) / RANDOM_STEPS) * 1000) / perSecond;
    due.push(atMs);
  }
  return Float64Array.from(due);
}

interface Line {
  readonly socket: Socket;
  readonly reader: AnswerReader;
  /** Of the request that it has in hand. */
  request: number;
}

class OpenLoop {
  readonly #encoded: readonly Buffer[];
  readonly #due: Float64Array;
  readonly #sentMs: Float64Array;
  readonly #latencies: Float64Array;
  readonly #fromSent: Float64Array;
  readonly #lines: readonly Line[];
  readonly #idle: Line[] = [];
  readonly #done = Promise.withResolvers<void>();
  /** The first that was not sent yet. */
  #next = 0;
  #answered = 0;
  #startMs = 0;

  constructor(plan: OpenLoopPlan, due: Float64Array) {
    this.#encoded = plan.encoded;
    this.#due = due;
    this.#sentMs = new Float64Array(due.length);
    this.#latencies = new Float64Array(due.length);
    this.#fromSent = new Float64Array(due.length);
    this.#lines = Array.from({ length: plan.connections }, () => this.#open(new URL(plan.url)));
  }

  async run(): Promise<OpenLoopResult> {
    const connected = this.#lines.map(
      ({ socket }) => new Promise((resolve) => socket.once('connect', resolve)),
    );
    await Promise.race([Promise.all(connected), this.#done.promise]);
    this.#startMs = performance.now();
    // Timers are of a whole millisecond, which is many requests: it looks at the clock all the time.
    const tick = (): void => {
      this.#sendDue();
      if (this.#next < this.#due.length) setImmediate(tick);
    };
    tick();
    await this.#done.promise;
    const first = Math.floor(this.#due.length * RAMP_SHARE);
    const sent = quantiles(this.#fromSent.subarray(first));
    return { ...quantiles(this.#latencies.subarray(first)), sentP99Ms: sent.p99Ms };
  }

  close(): void {
    // So that its clock is looked at no more.
    this.#next = this.#due.length;
    for (const { socket } of this.#lines) socket.destroy();
  }

  #open({ hostname, port }: URL): Line {
    // A URL does not say the port that is usual.
    const socket = connect({ host: hostname, port: Number(port || 80), noDelay: true });
    const line: Line = { socket, reader: new AnswerReader(), request: -1 };
    socket.on('data', (bytes) => {
      try {
        if (line.reader.ends(bytes as Buffer)) this.#onAnswer(line);
      } catch (error) {
        this.#done.reject(error);
      }
    });
    socket.on('error', (error) => this.#done.reject(error));
    socket.on('end', () => this.#done.reject(new Error('a connection was closed')));
    this.#idle.push(line);
    return line;
  }

  #sendDue(): void {
    const nowMs = performance.now() - this.#startMs;
    while (this.#idle.length > 0 && (this.#due[this.#next] as number) <= nowMs) {
      const line = this.#idle.pop() as Line;
      line.request = this.#next++;
      this.#sentMs[line.request] = nowMs;
      line.socket.write(this.#encoded[line.request % this.#encoded.length] as Buffer);
    }
  }

  #onAnswer(line: Line): void {
    const nowMs = performance.now() - this.#startMs;
    this.#latencies[line.request] = nowMs - (this.#due[line.request] as number);
    this.#fromSent[line.request] = nowMs - (this.#sentMs[line.request] as number);
    this.#idle.push(line);
    if (++this.#answered === this.#due.length) this.#done.resolve();
    else this.#sendDue();
  }
}
