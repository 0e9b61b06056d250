/**
 * Follows each change from the source's event until the last proxy has answered it. What counts is
 * those that were connected when it was published: each has it, or what came after it, or refused, or
 * left. It must not know what becomes of what it tells.
 */
import type { ChangeWatch, ChangeWatcher, Ending, Outcome, Step } from './change-watcher.ts';

/** One stream, as far as changes need it. */
export interface AnsweringProxy {
  readonly nodeId: string;
  readonly connectedAt: string;
  readonly types: readonly { readonly inSync: boolean; readonly nacks: readonly unknown[] }[];
}

interface Change {
  readonly startMs: number;
  readonly watches: readonly ChangeWatch[];
  publishedMs: number;
  proxies: number;
  refused: number;
  /** Key of the stream to its node's id. */
  readonly waiting: Map<string, string>;
}

/** Changes that wait for answers. An edit a second by a proxy that never answers must not pile up. */
const MAX_WAITING_CHANGES = 64;
const LATE_MS = 60_000;

export class Changes {
  readonly #watchers: readonly ChangeWatcher[];
  readonly #waiting = new Set<Change>();
  #current: Change | null = null;

  constructor(watchers: readonly ChangeWatcher[]) {
    this.#watchers = watchers;
  }

  /** Whether anybody's answer is awaited: else `observe` need not be called. */
  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /**
   * Runs what is done about one event. `publish` says whether proxies were told, and `proxies` who is
   * there.
   */
  run(publish: () => boolean, proxies: () => readonly AnsweringProxy[]): void {
    const startMs = performance.now();
    const watches = this.#watchers.map((watcher) => watcher.begin(startMs));
    const change: Change = {
      startMs,
      watches,
      publishedMs: startMs,
      proxies: 0,
      refused: 0,
      waiting: new Map(),
    };
    this.#current = change;
    let isPublished = false;
    try {
      isPublished = publish();
    } finally {
      this.#current = null;
      change.publishedMs = performance.now();
      this.#await(change, isPublished ? proxies() : null);
    }
  }

  /** Runs a part of what `run` runs, and tells how long it took. */
  step<T>(step: Step, run: () => T): T {
    const startMs = performance.now();
    try {
      return run();
    } finally {
      const endMs = performance.now();
      for (const watch of this.#current?.watches ?? []) watch.step(step, startMs, endMs);
    }
  }

  /** Takes how proxies are now. */
  observe(proxies: readonly AnsweringProxy[]): void {
    if (this.#waiting.size === 0) return;
    const nowMs = performance.now();
    const states = new Map(proxies.map((proxy) => [keyOf(proxy), stateOf(proxy)]));
    for (const change of this.#waiting) {
      for (const [key, nodeId] of change.waiting) {
        const state = states.get(key);
        if (state === 'busy') continue;
        change.waiting.delete(key);
        if (state !== undefined) this.#answer(change, nodeId, state === 'refused', nowMs);
      }
      if (change.waiting.size === 0) this.#end(change, outcomeOf(change), nowMs);
      else if (nowMs - change.startMs > LATE_MS) this.#end(change, 'late', nowMs);
    }
  }

  /** Nobody waits any longer. */
  close(): void {
    for (const change of this.#waiting) this.#end(change, 'late', performance.now());
  }

  /** @param proxies null: nobody was told. */
  #await(change: Change, proxies: readonly AnsweringProxy[] | null): void {
    for (const proxy of proxies ?? []) change.waiting.set(keyOf(proxy), proxy.nodeId);
    change.proxies = change.waiting.size;
    if (change.proxies === 0) {
      this.#end(change, proxies === null ? 'unpublished' : 'unwatched', change.publishedMs);
      return;
    }
    this.#waiting.add(change);
    this.observe(proxies ?? []);
    const [oldest] = this.#waiting;
    if (this.#waiting.size > MAX_WAITING_CHANGES && oldest !== undefined) {
      this.#end(oldest, 'late', change.publishedMs);
    }
  }

  #answer(change: Change, nodeId: string, refused: boolean, endMs: number): void {
    if (refused) change.refused += 1;
    const answer = { nodeId, refused, startMs: change.publishedMs, endMs };
    for (const watch of change.watches) watch.answered(answer);
  }

  #end(change: Change, outcome: Outcome, endMs: number): void {
    this.#waiting.delete(change);
    const { startMs, proxies, refused, waiting } = change;
    const ending: Ending = { outcome, startMs, endMs, proxies, refused, waiting: waiting.size };
    for (const watch of change.watches) watch.ended(ending);
  }
}

function outcomeOf({ refused }: Change): Outcome {
  return refused > 0 ? 'refused' : 'acknowledged';
}

function keyOf({ nodeId, connectedAt }: AnsweringProxy): string {
  return `${connectedAt} ${nodeId}`;
}

function stateOf({ types }: AnsweringProxy): 'busy' | 'refused' | 'settled' {
  if (!types.every(({ inSync, nacks }) => inSync || nacks.length > 0)) return 'busy';
  return types.some(({ nacks }) => nacks.length > 0) ? 'refused' : 'settled';
}
