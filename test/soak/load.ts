/** The clients of a soak: each sends its next request when it has its answer, until it is told to stop. */
import { SoakConnection } from './connection.ts';
import { GrpcClient } from './grpc-client.ts';
import { requestMix, type SoakRequest } from './requests.ts';

export interface LoadCounts {
  /** Answered as they should be, hung up on purpose, and neither. */
  answered: number;
  hungUp: number;
  failed: number;
  readonly statuses: Map<number, number>;
  /** What failed, and how often. */
  readonly failures: Map<string, number>;
  maxMs: number;
}

const SEED = 1;
/** One call over gRPC after so many requests of a client. */
const GRPC_EVERY = 50;

export class SoakLoad {
  readonly counts: LoadCounts = {
    answered: 0,
    hungUp: 0,
    failed: 0,
    statuses: new Map(),
    failures: new Map(),
    maxMs: 0,
  };
  readonly #clients: readonly SoakConnection[];
  readonly #grpc: GrpcClient;
  readonly #next: () => SoakRequest;
  #running: Promise<unknown> | null = null;
  #isStopping = false;

  /** `burst`: how many requests of one kind come in a row. */
  constructor(port: number, connections: number, burst: number) {
    this.#next = requestMix(SEED, burst);
    this.#clients = Array.from({ length: connections }, () => new SoakConnection(port));
    this.#grpc = new GrpcClient(port);
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
    this.#grpc.close();
  }

  async #run(client: SoakConnection): Promise<void> {
    for (let count = 1; !this.#isStopping; count++) {
      if (count % GRPC_EVERY === 0) {
        await this.#exchange('gRPC', 200, () => this.#grpc.call());
        continue;
      }
      const { name, bytes, expected } = this.#next();
      if (expected !== null) await this.#exchange(name, expected, () => client.send(bytes));
      else await client.hangUp(bytes).then(() => this.counts.hungUp++);
    }
  }

  async #exchange(
    name: string,
    expected: number,
    send: () => Promise<{ status: number }>,
  ): Promise<void> {
    const { counts } = this;
    const started = performance.now();
    try {
      const { status } = await send();
      add(counts.statuses, status);
      if (status === expected) counts.answered++;
      else this.#fail(`${name}: ${status} and not ${expected}`);
    } catch (error) {
      this.#fail(`${name}: ${error instanceof Error ? error.message : error}`);
    }
    counts.maxMs = Math.max(counts.maxMs, performance.now() - started);
  }

  #fail(what: string): void {
    this.counts.failed++;
    add(this.counts.failures, what);
  }
}

function add<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
