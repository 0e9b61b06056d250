/** The clients of a soak: each sends its next request when it has its answer, until it is told to stop. */
import { type SoakAnswer, SoakConnection } from './connection.ts';
import { GrpcClient } from './grpc-client.ts';
import { requestMix, type SoakRequest } from './requests.ts';
import type { SoakScene } from './scene.ts';

export interface LoadCounts {
  /** Answered as they should be, hung up on purpose, and neither. */
  answered: number;
  hungUp: number;
  failed: number;
  readonly statuses: Map<number, number>;
  /** What failed, and how often. */
  readonly failures: Map<string, number>;
  maxMs: number;
  /** Name of the request that took `maxMs`. */
  slowest: string;
}

const SEED = 1;
/** One call over gRPC after so many requests of a client. */
const GRPC_EVERY = 50;
const GRPC_CALL = { name: 'gRPC', expected: 200 };

export class SoakLoad {
  readonly counts: LoadCounts = {
    answered: 0,
    hungUp: 0,
    failed: 0,
    statuses: new Map(),
    failures: new Map(),
    maxMs: 0,
    slowest: '',
  };
  readonly #clients: readonly SoakConnection[];
  /** Null: no calls over gRPC. */
  readonly #grpc: GrpcClient | null;
  readonly #next: () => SoakRequest;
  #running: Promise<unknown> | null = null;
  #isStopping = false;

  /** `burst`: how many requests of one kind come in a row. */
  constructor(scene: SoakScene, port: number, connections: number, burst: number) {
    this.#next = requestMix(scene.requests, SEED, burst);
    this.#clients = Array.from({ length: connections }, () => new SoakConnection(port));
    this.#grpc = scene.hasGrpc ? new GrpcClient(port) : null;
  }

  /** Requests that are over, whatever became of them. */
  get done(): number {
    return this.counts.answered + this.counts.hungUp + this.counts.failed;
  }

  start(): void {
    this.#isStopping = false;
    this.#running = Promise.all(this.#clients.map((client) => this.#run(client)));
  }

  /** Settles when no request is under way. Connections stay open. */
  async pause(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  close(): void {
    for (const client of this.#clients) client.close();
    this.#grpc?.close();
  }

  async #run(client: SoakConnection): Promise<void> {
    for (let count = 1; !this.#isStopping; count++) {
      const grpc = this.#grpc;
      if (grpc !== null && count % GRPC_EVERY === 0) {
        await this.#exchange(GRPC_CALL, () => grpc.call());
        continue;
      }
      const request = this.#next();
      if (request.expected !== null)
        await this.#exchange(request, () => client.send(request.bytes));
      else await client.hangUp(request.bytes).then(() => this.counts.hungUp++);
    }
  }

  async #exchange(
    { name, expected, answer, orElse }: Omit<SoakRequest, 'share' | 'bytes'>,
    send: () => Promise<SoakAnswer>,
  ): Promise<void> {
    const { counts } = this;
    const started = performance.now();
    try {
      const { status, body } = await send();
      add(counts.statuses, status);
      if (status === orElse) counts.answered++;
      else if (status !== expected) this.#fail(`${name}: ${status} and not ${expected}`);
      else if (answer !== undefined && body !== answer) this.#fail(`${name}: another answer`);
      else counts.answered++;
    } catch (error) {
      this.#fail(`${name}: ${error instanceof Error ? error.message : error}`);
    }
    const ms = performance.now() - started;
    if (ms <= counts.maxMs) return;
    counts.maxMs = ms;
    counts.slowest = name;
  }

  #fail(what: string): void {
    this.counts.failed++;
    add(this.counts.failures, what);
  }
}

function add<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
