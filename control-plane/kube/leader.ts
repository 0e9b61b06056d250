/**
 * One of several replicas writes: the one that holds the Lease. Times are of this process alone, so clocks
 * of different machines need not agree. Owns nothing but who leads; must not know what leading means.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type KubeApi, KubeError } from './api.ts';

export interface LeaderOptions {
  readonly namespace: string;
  readonly name: string;
  /** Of this process, different from all others. */
  readonly identity: string;
  /** A holder that has not renewed for so long has lost it. */
  readonly leaseMs: number;
  /** A holder that cannot renew for so long stops leading: before anybody else may begin. */
  readonly renewDeadlineMs: number;
  readonly retryMs: number;
}

export const LEADER_DEFAULTS = { leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2000 };

interface Lease {
  readonly metadata: { readonly resourceVersion: string };
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly renewTime?: string;
    readonly acquireTime?: string;
    readonly leaseTransitions?: number;
  };
}

export class LeaderElection {
  readonly #api: KubeApi;
  readonly #options: LeaderOptions;
  readonly #listener: (isLeading: boolean) => void;
  readonly #end = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #isLeading = false;
  /** What was seen of the Lease, and when it was seen to change. */
  #seen = { renewal: '', atMs: Number.NEGATIVE_INFINITY };
  #deadline: NodeJS.Timeout | null = null;

  constructor(api: KubeApi, options: LeaderOptions, listener: (isLeading: boolean) => void) {
    this.#api = api;
    this.#options = options;
    this.#listener = listener;
  }

  get isLeading(): boolean {
    return this.#isLeading;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Gives the Lease back, so that another one need not wait for its end. */
  async close(): Promise<void> {
    this.#end.abort();
    await this.#running;
    if (this.#isLeading) await this.#release().catch(() => {});
    this.#lead(false);
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    while (!signal.aborted) {
      // What fails is tried again; how long a holder may fail is the deadline's to say.
      const startedAtMs = performance.now();
      if (await this.#attempt().catch(() => false)) this.#renewed(startedAtMs);
      await sleep(this.#options.retryMs, undefined, { signal }).catch(() => {});
    }
  }

  /** Whether this process holds the Lease now. */
  async #attempt(): Promise<boolean> {
    const lease = await this.#read();
    if (lease === null) {
      await this.#api.send({ method: 'POST', path: this.#path(''), body: this.#lease(null) });
      return true;
    }
    if (!this.#mayTake(lease)) return false;
    await this.#write(lease, this.#lease(lease));
    return true;
  }

  #mayTake({ metadata, spec = {} }: Lease): boolean {
    const { holderIdentity = '' } = spec;
    const renewal = `${metadata.resourceVersion} ${spec.renewTime}`;
    if (renewal !== this.#seen.renewal) this.#seen = { renewal, atMs: performance.now() };
    if (holderIdentity === '' || holderIdentity === this.#options.identity) return true;
    return performance.now() - this.#seen.atMs > this.#options.leaseMs;
  }

  /** The Lease counts from when it was asked for, not from when the answer came. */
  #renewed(startedAtMs: number): void {
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    const leftMs = this.#options.renewDeadlineMs - (performance.now() - startedAtMs);
    this.#deadline = setTimeout(() => this.#lead(false), Math.max(0, leftMs));
    this.#lead(leftMs > 0);
  }

  #lead(isLeading: boolean): void {
    if (!isLeading && this.#deadline !== null) clearTimeout(this.#deadline);
    if (isLeading === this.#isLeading) return;
    this.#isLeading = isLeading;
    this.#listener(isLeading);
  }

  async #read(): Promise<Lease | null> {
    try {
      return await this.#api.send<Lease>({ path: this.#path(`/${this.#options.name}`) });
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return null;
      throw error;
    }
  }

  /** Refused by the server if the Lease has changed since it was read. */
  #write({ metadata }: Lease, body: object): Promise<unknown> {
    const { name, namespace } = this.#options;
    return this.#api.send({
      method: 'PUT',
      path: this.#path(`/${name}`),
      body: {
        ...body,
        metadata: { name, namespace, resourceVersion: metadata.resourceVersion },
      },
    });
  }

  async #release(): Promise<void> {
    const lease = await this.#read();
    if (lease?.spec?.holderIdentity !== this.#options.identity) return;
    await this.#write(lease, {
      ...this.#lease(lease),
      spec: { ...lease.spec, holderIdentity: '' },
    });
  }

  #lease(before: Lease | null): object {
    const { name, namespace, identity, leaseMs } = this.#options;
    const { holderIdentity, acquireTime, leaseTransitions = 0 } = before?.spec ?? {};
    const isMine = holderIdentity === identity;
    const now = microTime();
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace },
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(leaseMs / 1000),
        acquireTime: isMine ? (acquireTime ?? now) : now,
        renewTime: now,
        leaseTransitions: isMine || before === null ? leaseTransitions : leaseTransitions + 1,
      },
    };
  }

  #path(rest: string): string {
    return `/apis/coordination.k8s.io/v1/namespaces/${this.#options.namespace}/leases${rest}`;
  }
}

/** Kubernetes' MicroTime has six digits. */
function microTime(): string {
  return new Date().toISOString().replace('Z', '000Z');
}
