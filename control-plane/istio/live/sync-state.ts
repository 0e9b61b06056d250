/**
 * Follows what istiod says of the proxies in our namespaces. That a proxy has acknowledged something says little
 * by itself: so istiod is also asked what it gives to that proxy, and only where that is our newest
 * configuration, and the proxy has acknowledged it before and after the question, it counts as synced.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type ExpectedConfigs, holdsExpected } from './expected-configs.ts';
import { type ConnectedProxy, type Istiod, IstiodError } from './istiod.ts';
import { extensionNonce, type ProxySync, proxySync } from './proxy-sync.ts';

export interface SyncOptions {
  /** Between two looks while something is awaited. */
  readonly waitingMs: number;
  /** ... and while nothing is. */
  readonly idleMs: number;
  /** Most proxies of which the content is asked at one look; the others wait for the next one. */
  readonly maxQuestions: number;
}

export const SYNC_DEFAULTS: SyncOptions = { waitingMs: 1000, idleMs: 5000, maxQuestions: 200 };

export interface SyncProblem {
  readonly reason: string;
  readonly message: string;
}

interface Evidence {
  /** Of the extension configurations that were acknowledged then. */
  readonly nonce: string;
  /** What istiod gave to the proxy just after, and was to. */
  readonly expected: ExpectedConfigs;
}

const NOT_ASKED: SyncProblem = {
  reason: 'NotAskedYet',
  message: 'istiod has not been asked for the state of its proxies yet',
};

export class SyncState {
  readonly #istiod: Istiod;
  readonly #options: SyncOptions;
  readonly #onChange: () => void;
  #expected: ReadonlyMap<string, ExpectedConfigs> = new Map();
  readonly #evidence = new Map<string, Evidence>();
  #proxies: readonly ProxySync[] = [];
  #problem: SyncProblem | null = NOT_ASKED;
  #end: AbortController | null = null;
  #wake = Promise.withResolvers<void>();
  #told = '';

  /** `onChange` is called whenever the answer to one of the questions below is another one. */
  constructor(istiod: Istiod, onChange: () => void, options: Partial<SyncOptions> = {}) {
    this.#istiod = istiod;
    this.#onChange = onChange;
    this.#options = { ...SYNC_DEFAULTS, ...options };
  }

  /** By namespace, what its proxies must have. */
  expect(expected: ReadonlyMap<string, ExpectedConfigs>): void {
    this.#expected = expected;
    this.#wake.resolve();
  }

  start(): void {
    if (this.#end !== null) return;
    this.#end = new AbortController();
    void this.#run(this.#end.signal);
  }

  stop(): void {
    this.#end?.abort();
    this.#end = null;
    this.#problem = NOT_ASKED;
    this.#wake.resolve();
  }

  /** Those of our namespaces, sorted. */
  proxies(): readonly ProxySync[] {
    return this.#proxies;
  }

  /** Why nothing is known of them; null: they are known. */
  problem(): SyncProblem | null {
    return this.#problem;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#wake = Promise.withResolvers<void>();
      await this.#look();
      if (signal.aborted) return;
      this.#tell();
      const { waitingMs, idleMs } = this.#options;
      const isWaiting = this.#proxies.some(({ state }) => state === 'waiting');
      // At once is too soon: istiod gathers changes, too.
      const leastMs = this.#problem === null ? waitingMs : idleMs;
      await sleep(leastMs, undefined, { signal }).catch(() => {});
      if (!isWaiting && this.#problem === null) {
        await Promise.race([
          this.#wake.promise,
          sleep(idleMs, undefined, { signal }).catch(() => {}),
        ]);
      }
    }
  }

  async #look(): Promise<void> {
    try {
      const connected = (await this.#istiod.proxies()).filter(({ status }) =>
        this.#expected.has(proxySync(status).namespace),
      );
      const known = new Set(connected.map(keyOf));
      for (const key of this.#evidence.keys()) if (!known.has(key)) this.#evidence.delete(key);
      let questions = this.#options.maxQuestions;
      const proxies: ProxySync[] = [];
      for (const one of connected) {
        const sync = proxySync(one.status);
        const isProven = sync.state === 'synced' && this.#isProven(one, sync.namespace);
        if (sync.state === 'synced' && !isProven && questions > 0) {
          questions -= 1;
          await this.#prove(one, sync.namespace);
        }
        const state = sync.state === 'synced' && !isProven ? 'waiting' : sync.state;
        proxies.push({ ...sync, state });
      }
      this.#proxies = proxies.toSorted((a, b) => (a.id < b.id ? -1 : 1));
      this.#problem = null;
    } catch (error) {
      if (!(error instanceof IstiodError)) throw error;
      this.#proxies = [];
      this.#problem = { reason: error.reason, message: error.message };
    }
  }

  /** What was seen at an earlier look is what the proxy has acknowledged at this one, too. */
  #isProven(one: ConnectedProxy, namespace: string): boolean {
    const expected = this.#expected.get(namespace);
    const evidence = this.#evidence.get(keyOf(one));
    if (evidence?.nonce !== extensionNonce(one.status)) return false;
    return expected !== undefined && isSame(evidence.expected, expected);
  }

  async #prove(one: ConnectedProxy, namespace: string): Promise<void> {
    const expected = this.#expected.get(namespace) ?? new Map();
    const dump = await this.#istiod.extensionConfigs(one);
    if (dump === null || !holdsExpected(expected, dump)) return;
    const nonce = extensionNonce(one.status);
    this.#evidence.set(keyOf(one), { nonce, expected });
  }

  #tell(): void {
    const now = JSON.stringify([this.#proxies, this.#problem]);
    if (now === this.#told) return;
    this.#told = now;
    this.#onChange();
  }
}

function keyOf({ address, status }: ConnectedProxy): string {
  return `${address} ${status.proxy}`;
}

function isSame(a: ExpectedConfigs, b: ExpectedConfigs): boolean {
  return a.size === b.size && [...a].every(([name, hash]) => b.get(name) === hash);
}
