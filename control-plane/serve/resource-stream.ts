/**
 * One client's stream as a state machine without a network: requests and snapshots in, responses out.
 * At most one response of a type is unanswered, so what is held for a slow client is bounded, and it
 * gets the latest state, not each one in between.
 */
import type { Resource, Snapshot } from '../xds/snapshot.ts';
import { TYPE_URLS } from '../xds/snapshot.ts';
import type { Node, Push, TypeStatus } from './discovery.ts';
import { LATE_REMOVAL_TYPES, PUSH_ORDER, StreamLimitError } from './discovery.ts';
import type { Items } from './type-state.ts';
import { TypeState } from './type-state.ts';

/** Most resource types on one stream. */
const MAX_TYPES = 32;
/** A client that does not ask for a new cluster's endpoints holds the other types up no longer. */
const WARMING_TIMEOUT_MS = 2_000;
/** A client that comes back has asked for all that it needs within this time. */
const RESUME_MS = 1_000;
/** Where the other types are on streams of their own, these have taken an update by then. */
const LONE_REMOVAL_MS = 2_000;
/** Most removed resources that are kept for the sake of a refused configuration. */
const MAX_KEPT = 1024;

/** What a response is to carry, before it has a nonce. */
export interface Draft {
  readonly version: string;
  readonly resources: readonly Resource[];
  readonly removed: readonly string[];
  readonly items: Items;
}

export interface StreamOptions {
  /** Whether all types of the client come over this stream. Default true. */
  readonly aggregated?: boolean;
}

export abstract class ResourceStream {
  node: Node | null = null;
  readonly #aggregated: boolean;
  #snapshot: Snapshot | null = null;
  #nonces = 0;
  readonly #types = new Map<string, TypeState>();
  /** In the order in which they are sent. */
  #ordered: readonly TypeState[] = [];
  /** Clusters sent whose endpoints the client has not confirmed. */
  readonly #warming = new Set<string>();
  #warmingUntilMs: number | null = null;
  #removalsFromMs: number | null = null;
  #loneRemovalMs: number | null = null;

  constructor({ aggregated = true }: StreamOptions = {}) {
    this.#aggregated = aggregated;
  }

  /** What to send of this type; null: nothing. Removals of clusters and endpoints are left out. */
  protected abstract update(state: TypeState, snapshot: Snapshot, nowMs: number): Draft | null;
  /** The removals that `update` left out. */
  protected abstract removal(state: TypeState, snapshot: Snapshot): Draft | null;

  /** Takes a new snapshot; whatever of the former was not sent yet never will be. */
  publish(snapshot: Snapshot): void {
    for (const state of this.#types.values()) {
      state.published(snapshot);
      const version = snapshot.versions.get(state.typeUrl);
      if (this.#snapshot?.versions.get(state.typeUrl) !== version) state.settled = false;
    }
    this.#snapshot = snapshot;
    this.#loneRemovalMs = null;
    const clusters = snapshot.resources.get(TYPE_URLS.cluster);
    for (const name of this.#warming) if (!clusters?.has(name)) this.#warming.delete(name);
  }

  /** The next response, or null until something happens or the time of `wakeAtMs` has come. */
  next(nowMs: number): Push | null {
    const snapshot = this.#snapshot;
    if (snapshot === null) return null;
    const quiet: TypeState[] = [];
    for (const state of this.#ordered) {
      if (state.inFlight !== null || this.#isHeldUp(state, nowMs)) continue;
      if ((state.retryAtMs() ?? Number.POSITIVE_INFINITY) <= nowMs) state.settled = false;
      const draft = state.settled ? null : this.update(state, snapshot, nowMs);
      if (draft !== null) return this.#send(state, draft, snapshot);
      quiet.push(state);
    }
    const unsettled = quiet.filter((state) => !state.settled);
    for (const state of unsettled) if (!isLate(state)) state.settle(snapshot);
    for (const state of unsettled.filter(isLate)) {
      const draft = this.removal(state, snapshot);
      if (draft === null) state.settle(snapshot);
      else if (this.#mayRemove(draft, snapshot, nowMs)) return this.#send(state, draft, snapshot);
    }
    return null;
  }

  /** When, after `nowMs`, `next` is worth a try although nothing happened. */
  wakeAtMs(nowMs: number): number | null {
    const retries = [...this.#types.values()].map((state) => state.retryAtMs());
    const times = [this.#warmingUntilMs, this.#removalsFromMs, this.#loneRemovalMs, ...retries];
    const future = times.filter((time) => time !== null).filter((time) => time > nowMs);
    return future.length === 0 ? null : Math.min(...future);
  }

  statuses(): TypeStatus[] {
    return this.#ordered.map((state) => state.status(this.#snapshot));
  }

  /** State of a type, and whether this is the first that is heard of it. */
  protected stateOf(typeUrl: string): { state: TypeState; first: boolean } {
    const known = this.#types.get(typeUrl);
    if (known !== undefined) return { state: known, first: false };
    if (this.#types.size >= MAX_TYPES) {
      throw new StreamLimitError(`${typeUrl}: more than ${MAX_TYPES} resource types on one stream`);
    }
    const state = new TypeState(typeUrl);
    this.#types.set(typeUrl, state);
    this.#ordered = [...this.#types.values()].sort((a, b) => rankOf(a) - rankOf(b));
    return { state, first: true };
  }

  /** The client is back with what it had: until it has asked for all types, nothing is taken away. */
  protected resumed(nowMs: number): void {
    this.#removalsFromMs ??= nowMs + RESUME_MS;
  }

  /** The client's answer to what was in flight. `error` null: it took it. */
  protected answered(state: TypeState, error: string | null, divide: boolean, nowMs: number): void {
    const names = [...(state.inFlight?.items.keys() ?? [])];
    if (error === null) state.accept();
    else state.reject(error, nowMs, this.#snapshot, divide);
    const isCluster = state.typeUrl === TYPE_URLS.cluster;
    if (isCluster ? error !== null : state.typeUrl === TYPE_URLS.endpoint) {
      for (const name of names) if (!state.forced.has(name)) this.#warming.delete(name);
    }
  }

  /** What may refer to a cluster waits until the client has the cluster and its endpoints. */
  #isHeldUp(state: TypeState, nowMs: number): boolean {
    if (isLate(state)) return false;
    const clusters = this.#types.get(TYPE_URLS.cluster);
    const isAwaited = clusters?.inFlight || clusters?.isRetriedSoon;
    if (!isAwaited && this.#warming.size === 0) {
      this.#warmingUntilMs = null;
      return false;
    }
    this.#warmingUntilMs ??= nowMs + WARMING_TIMEOUT_MS;
    return nowMs < this.#warmingUntilMs;
  }

  /** While a proxy may still use an old configuration, what it refers to stays. */
  #mayRemove(draft: Draft, snapshot: Snapshot, nowMs: number): boolean {
    if (this.#removalsFromMs !== null && nowMs < this.#removalsFromMs) return false;
    const states = [...this.#types.values()];
    if (states.some((state) => state.inFlight !== null)) return false;
    const referring = states.filter((state) => !isLate(state));
    if (!referring.every((state) => state.settled)) return false;
    const removed = [...draft.items.values()].filter((version) => version === null);
    if (removed.length > MAX_KEPT) return true;
    if (!this.#aggregated) return this.#haveOthersTaken(nowMs);
    return referring.every((state) => state.nacks(snapshot).length === 0);
  }

  /** What the streams of the other types have is not known here: they are given time. */
  #haveOthersTaken(nowMs: number): boolean {
    this.#loneRemovalMs ??= nowMs + LONE_REMOVAL_MS;
    return nowMs >= this.#loneRemovalMs;
  }

  #send(state: TypeState, draft: Draft, snapshot: Snapshot): Push {
    const { version, resources, removed } = draft;
    this.#nonces += 1;
    const push = {
      typeUrl: state.typeUrl,
      version,
      nonce: String(this.#nonces),
      resources,
      removed,
    };
    state.sent(push, draft.items);
    if (state.typeUrl === TYPE_URLS.cluster) this.#warm(draft.items, snapshot);
    return push;
  }

  /**
   * A cluster that is new or changed waits in the client for its endpoints, and a client that has
   * asked for them before does not ask again: they are sent again, changed or not.
   */
  #warm(clusters: Items, snapshot: Snapshot): void {
    const endpoints = this.#types.get(TYPE_URLS.endpoint);
    if (endpoints === undefined) return;
    for (const [name, version] of clusters) {
      if (version === null || !endpoints.current(snapshot).has(name)) continue;
      this.#warming.add(name);
      if (!endpoints.wants(name)) continue;
      endpoints.forced.add(name);
      endpoints.settled = false;
    }
  }
}

function rankOf({ typeUrl }: TypeState): number {
  const index = PUSH_ORDER.indexOf(typeUrl);
  return index < 0 ? PUSH_ORDER.length : index;
}

function isLate(state: TypeState): boolean {
  return LATE_REMOVAL_TYPES.includes(state.typeUrl);
}
