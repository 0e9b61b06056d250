/** The fleet's process as seen by the benchmark. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { OTHER_CORE, pin } from '../pinning.ts';
import type { FleetOptions, WindowReport } from './fleet.ts';
import type { Order, Outcome } from './fleet-process.ts';

const PROGRAM = fileURLToPath(new URL('./fleet-process.ts', import.meta.url));
/** It holds what every proxy holds, and what it reads is garbage at once: a small nursery is in the cache. */
const NODE_FLAGS = ['--max-old-space-size=4096', '--max-semi-space-size=4'];

export class FleetClient {
  readonly #process: ChildProcess;

  /** Nothing is connected yet. */
  static async start(options: FleetOptions): Promise<FleetClient> {
    const child = fork(PROGRAM, {
      serialization: 'advanced',
      execArgv: NODE_FLAGS,
    });
    const client = new FleetClient(child);
    await once(child, 'spawn');
    await pin(child.pid ?? 0, OTHER_CORE);
    await client.#order({ do: 'open', options });
    return client;
  }

  private constructor(child: ChildProcess) {
    this.#process = child;
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** The next report counts from here. */
  async arm(): Promise<void> {
    await this.#order({ do: 'arm' });
  }

  /** Returns when it began, of `sharedNowMs`. */
  async connect(resume: boolean): Promise<number> {
    return (await this.#order({ do: 'connect', resume })) as number;
  }

  async disconnect(): Promise<void> {
    await this.#order({ do: 'disconnect' });
  }

  /** @param change whether all must hold something else than when it was armed. */
  async settled(change: boolean): Promise<WindowReport> {
    return (await this.#order({ do: 'settled', expectation: { change } })) as WindowReport;
  }

  async recording(): Promise<Uint8Array> {
    return (await this.#order({ do: 'recording' })) as Uint8Array;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.disconnect();
    await exited;
  }

  /** @throws {Error} what the fleet says, or that its process is gone. */
  async #order(order: Order): Promise<unknown> {
    const abort = new AbortController();
    const { signal } = abort;
    const gone = once(this.#process, 'exit', { signal }).then(() => {
      throw new Error('the process of the proxies ended');
    });
    try {
      const outcome = once(this.#process, 'message', { signal }) as Promise<[Outcome]>;
      this.#process.send(order);
      const [{ error, result }] = await Promise.race([outcome, gone]);
      if (error !== null) throw new Error(error);
      return result;
    } finally {
      gone.catch(() => {});
      abort.abort();
    }
  }
}
