/** State of the world: each request names all that is wanted, each response is the state of a type. */
import type { Resource, Snapshot } from '../xds/snapshot.ts';
import { TYPE_URLS } from '../xds/snapshot.ts';
import type { SotwRequest } from './discovery.ts';
import { FULL_STATE_TYPES } from './discovery.ts';
import type { Draft } from './resource-stream.ts';
import { ResourceStream } from './resource-stream.ts';
import type { TypeState } from './type-state.ts';

export class SotwStream extends ResourceStream {
  /** Types that have been asked for by name: from then on an empty list is empty. */
  readonly #named = new Set<string>();
  /** Clusters as last sent: a response must repeat those that are to stay for a while. */
  #clusters: ReadonlyMap<string, Resource> = new Map();

  request(request: SotwRequest, nowMs: number): void {
    this.node ??= request.node;
    const { state, first } = this.stateOf(request.typeUrl);
    if (request.resourceNames.length > 0) this.#named.add(state.typeUrl);
    // With every response answered, a request without a nonce can have crossed none of them.
    const isFresh = request.nonce === '' && state.inFlight === null;
    if (state.lastNonce !== null && request.nonce !== state.lastNonce && !isFresh) {
      this.#overtaken(state, request.resourceNames);
      return;
    }
    if (state.inFlight !== null) {
      this.answered(state, request.error, !FULL_STATE_TYPES.has(request.typeUrl), nowMs);
    }
    this.#subscribe(state, request.resourceNames, first);
    // Which version of which resource it has is not said, only that it has some.
    const isBack = first && (request.version ?? '') !== '' && !FULL_STATE_TYPES.has(state.typeUrl);
    if (isBack) for (const name of state.names) state.hold(name);
  }

  /**
   * Sent before our last response arrived, so it answers nothing, and the answer to that response will
   * name what is wanted. Only what it leaves out is news: the client has dropped it, even if that answer
   * names it again.
   */
  #overtaken(state: TypeState, resourceNames: readonly string[]): void {
    if (this.#asksForAll(state, resourceNames)) return;
    const names = new Set(resourceNames);
    for (const name of [...state.names, ...state.held.keys()]) {
      if (!names.has(name)) state.forget(name);
    }
    state.settled = false;
  }

  #asksForAll({ typeUrl }: TypeState, resourceNames: readonly string[]): boolean {
    const ofOld = FULL_STATE_TYPES.has(typeUrl) && !this.#named.has(typeUrl);
    return ofOld || resourceNames.includes('*');
  }

  #subscribe(state: TypeState, resourceNames: readonly string[], first: boolean): void {
    const names = new Set(resourceNames);
    names.delete('*');
    const wildcard = this.#asksForAll(state, resourceNames);
    const dropped = [...state.names].filter((name) => !names.has(name));
    const added = [...names].filter((name) => !state.names.has(name));
    const asksForMore = (wildcard && !state.wildcard) || added.length > 0;
    const changed = asksForMore || wildcard !== state.wildcard || dropped.length > 0;
    state.wildcard = wildcard;
    for (const name of dropped) state.names.delete(name);
    for (const name of added) state.subscribe(name);
    const unwanted = [...state.held.keys(), ...dropped].filter((name) => !state.wants(name));
    const isMended = unwanted.some((name) => state.isRefused(name));
    for (const name of unwanted) state.forget(name);
    if (!first && !changed) return;
    state.settled = false;
    // Only where absence says something is there anything to say about what does not exist. What the client
    // has given up, it has dropped without our word; but a response that was refused is another one now.
    const isAsked = first || asksForMore || isMended;
    if (FULL_STATE_TYPES.has(state.typeUrl) && isAsked) state.answerDue = true;
  }

  protected override update(state: TypeState, snapshot: Snapshot, nowMs: number): Draft | null {
    const due = state.due(snapshot, nowMs).names;
    if (!FULL_STATE_TYPES.has(state.typeUrl)) {
      return due.length === 0 ? null : this.#partial(state, due, snapshot, nowMs);
    }
    const late = state.typeUrl === TYPE_URLS.cluster;
    const gone = late ? [] : state.gone(snapshot).held;
    if (due.length === 0 && gone.length === 0 && !state.answerDue) return null;
    return this.#whole(state, snapshot, late ? this.#kept(state, snapshot) : []);
  }

  protected override removal(state: TypeState, snapshot: Snapshot): Draft | null {
    if (!FULL_STATE_TYPES.has(state.typeUrl)) return null;
    return state.gone(snapshot).held.length === 0 ? null : this.#whole(state, snapshot, []);
  }

  #partial(state: TypeState, names: readonly string[], snapshot: Snapshot, nowMs: number): Draft {
    const current = state.current(snapshot);
    const found = names.flatMap((name) => current.get(name) ?? []);
    const resources = found.map((item) => state.form(item, nowMs));
    return {
      version: snapshot.versions.get(state.typeUrl) ?? '',
      resources,
      removed: [],
      items: new Map(resources.map((item) => [item.name, item.version])),
    };
  }

  #whole(state: TypeState, snapshot: Snapshot, kept: readonly Resource[]): Draft {
    const wanted = [...state.current(snapshot).values()].filter((item) => state.wants(item.name));
    const resources = [...wanted, ...kept];
    const there = new Set(resources.map((item) => item.name));
    const items = new Map<string, string | null>();
    for (const item of wanted) {
      if (state.held.get(item.name) !== item.version) items.set(item.name, item.version);
    }
    for (const [name, version] of state.held) {
      if (version !== null && !there.has(name)) items.set(name, null);
    }
    if (state.typeUrl === TYPE_URLS.cluster) {
      this.#clusters = new Map(resources.map((item) => [item.name, item]));
    }
    const version = snapshot.versions.get(state.typeUrl) ?? '';
    return {
      version: kept.length > 0 ? `${version}+${kept.length}` : version,
      resources,
      removed: [],
      items,
    };
  }

  /** Clusters that the client took and that are gone: they stay until nothing refers to them. */
  #kept(state: TypeState, snapshot: Snapshot): Resource[] {
    return state
      .gone(snapshot)
      .held.flatMap((name) => this.#clusters.get(name) ?? [])
      .filter((item) => state.held.get(item.name) === item.version);
  }
}
