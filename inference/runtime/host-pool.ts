import type { Tensor } from '../protocol/tensor.ts';
import type { RunPool } from './run-pool.ts';
import type { LoadedSession, RunResult, SessionHost } from './session-host.ts';

const FIRST_RESTART_MS = 10;
const LONGEST_RESTART_MS = 10_000;

/** A fixed number of hosts of one model. One that ends is replaced, later and later while that fails. */
export class HostPool implements RunPool {
  readonly place = 'worker';
  readonly maxRunRows = Number.POSITIVE_INFINITY;
  onIdle: () => void = () => undefined;
  readonly #size: number;
  readonly #start: () => SessionHost;
  readonly #onLoss: (reason: string) => void;
  readonly #idle: SessionHost[] = [];
  readonly #hosts = new Set<SessionHost>();
  readonly #restarts = new Set<NodeJS.Timeout>();
  /** Hosts that are being started in place of others. */
  readonly #replacing = new Set<Promise<void>>();
  #closing = false;

  /** `onLoss` is told why a host ended, or could not be replaced. */
  constructor(size: number, start: () => SessionHost, onLoss: (reason: string) => void) {
    this.#size = size;
    this.#start = start;
    this.#onLoss = onLoss;
  }

  /**
   * Starts all hosts and waits for them.
   * @throws Error when the model cannot be loaded.
   */
  async open(): Promise<LoadedSession> {
    const hosts = Array.from({ length: this.#size }, () => this.#start());
    const loads = await Promise.allSettled(hosts.map((host) => host.loaded));
    const failure = loads.find((load) => load.status === 'rejected');
    if (failure) {
      await Promise.all(hosts.map((host) => host.close()));
      throw failure.reason;
    }
    for (const host of hosts) this.#join(host);
    const [first] = loads;
    if (first?.status !== 'fulfilled') throw new Error('a pool needs a size of 1 or more');
    return first.value;
  }

  get idle(): boolean {
    return this.#idle.length > 0;
  }

  get serving(): number {
    return this.#hosts.size;
  }

  get busy(): number {
    return this.#hosts.size - this.#idle.length;
  }

  /** Any number of rows fits. */
  admit(): void {}

  run(inputs: readonly Tensor[], settle: (result: RunResult) => void): void {
    const host = this.#idle.pop();
    if (!host) throw new Error('no host is free');
    host.run(inputs, (result) => {
      if (result.kind !== 'died' && !this.#closing) {
        this.#idle.push(host);
        this.onIdle();
      }
      settle(result);
    });
  }

  async close(): Promise<void> {
    this.#closing = true;
    for (const timer of this.#restarts) clearTimeout(timer);
    await Promise.all([...this.#hosts].map((host) => host.close()));
    // A thread that is ended in the middle of loading aborts the process.
    await Promise.all(this.#replacing);
  }

  #join(host: SessionHost): void {
    this.#hosts.add(host);
    this.#idle.push(host);
    void host.ended.then((reason) => {
      this.#hosts.delete(host);
      const index = this.#idle.indexOf(host);
      if (index >= 0) this.#idle.splice(index, 1);
      if (this.#closing) return;
      this.#onLoss(`a worker ended: ${reason}`);
      this.#restartIn(FIRST_RESTART_MS);
    });
  }

  #restartIn(delayMs: number): void {
    const timer = setTimeout(() => {
      this.#restarts.delete(timer);
      const restart = this.#restart(delayMs).finally(() => this.#replacing.delete(restart));
      this.#replacing.add(restart);
    }, delayMs);
    this.#restarts.add(timer);
  }

  async #restart(delayMs: number): Promise<void> {
    const host = this.#start();
    try {
      await host.loaded;
    } catch (error) {
      await host.close();
      this.#onLoss(
        `a worker could not be replaced: ${error instanceof Error ? error.message : error}`,
      );
      if (!this.#closing) this.#restartIn(Math.min(delayMs * 2, LONGEST_RESTART_MS));
      return;
    }
    if (this.#closing) return host.close();
    this.#join(host);
    this.onIdle();
  }
}
