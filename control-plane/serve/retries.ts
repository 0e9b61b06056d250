/**
 * When a client gets a resource again that it has refused: only one that has other forms for that. What a
 * client may lack is fetched in the background, so the first time comes soon.
 */
import type { Resource } from '../xds/snapshot.ts';

const FIRST_DELAY_MS = 200;
const MAX_DELAY_MS = 30_000;
const MAX_SOON_REFUSALS = 3;

interface Retry {
  readonly version: string;
  /** How often it was refused. */
  readonly refusals: number;
  readonly dueMs: number;
}

export class Retries {
  readonly #byName = new Map<string, Retry>();

  isDue({ name, version }: Resource, nowMs: number): boolean {
    const retry = this.#byName.get(name);
    return retry?.version === version && nowMs >= retry.dueMs;
  }

  /** The next time that something is due; null: none. */
  nextMs(): number | null {
    if (this.#byName.size === 0) return null;
    return Math.min(...[...this.#byName.values()].map(({ dueMs }) => dueMs));
  }

  /** What the client is to be sent. `holds`: it has something of this name. */
  form(item: Resource, holds: boolean, nowMs: number): Resource {
    if (item.retry === undefined) return item;
    if (!holds && item.retry.first !== undefined) return item.retry.first;
    // The client may have refused the same on another stream: what tells them apart is the time.
    const refusals = this.#refusals(item);
    return item.retry.again(`${Math.floor(nowMs / 1000)}.${refusals}`);
  }

  refused(item: Resource, nowMs: number): void {
    const refusals = this.#refusals(item);
    const delayMs = Math.min(FIRST_DELAY_MS * 2 ** refusals, MAX_DELAY_MS);
    const { name, version } = item;
    this.#byName.set(name, { version, refusals: refusals + 1, dueMs: nowMs + delayMs });
  }

  /** Whether what was refused may be taken soon: a proxy has had little time to fetch what it lacks. */
  get isSoon(): boolean {
    if (this.#byName.size === 0) return false;
    return [...this.#byName.values()].some(({ refusals }) => refusals <= MAX_SOON_REFUSALS);
  }

  /** Forgets what is not published any longer. */
  keep(current: ReadonlyMap<string, Resource>): void {
    for (const [name, { version }] of this.#byName) {
      if (current.get(name)?.version !== version) this.#byName.delete(name);
    }
  }

  forget(name: string): void {
    this.#byName.delete(name);
  }

  #refusals({ name, version }: Resource): number {
    const retry = this.#byName.get(name);
    return retry?.version === version ? retry.refusals : 0;
  }
}
