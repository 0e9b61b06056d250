/** Incremental: each request adds to or takes from what is wanted, each response says what changed. */
import type { Snapshot } from '../xds/snapshot.ts';
import type { DeltaRequest } from './discovery.ts';
import { FULL_STATE_TYPES, LATE_REMOVAL_TYPES } from './discovery.ts';
import type { Draft } from './resource-stream.ts';
import { ResourceStream } from './resource-stream.ts';
import type { TypeState } from './type-state.ts';

export class DeltaStream extends ResourceStream {
  request(request: DeltaRequest, nowMs: number): void {
    this.node ??= request.node;
    const { state, first } = this.stateOf(request.typeUrl);
    // An unknown nonce answers nothing, but the subscriptions beside it count: they are not repeated.
    if (request.nonce !== '' && state.inFlight?.push.nonce === request.nonce) {
      this.answered(state, request.error, true, nowMs);
    }
    if (first) this.#begin(state, request, nowMs);
    for (const name of request.unsubscribe) this.#unsubscribe(state, name);
    for (const name of request.subscribe) this.#subscribe(state, name, first);
  }

  #begin(state: TypeState, request: DeltaRequest, nowMs: number): void {
    const initial = Object.entries(request.initialVersions);
    for (const [name, version] of initial) state.held.set(name, version);
    if (initial.length > 0) this.resumed(nowMs);
    const namesNothing = request.subscribe.length === 0 && request.unsubscribe.length === 0;
    if (!FULL_STATE_TYPES.has(state.typeUrl) || !namesNothing) return;
    state.wildcard = true;
    state.answerDue = true;
  }

  #subscribe(state: TypeState, name: string, first: boolean): void {
    state.settled = false;
    if (name === '*') {
      state.wildcard = true;
      state.answerDue = true;
      return;
    }
    // Asked for again, it is sent again; only a new stream says what the client still has.
    if (!first) state.forget(name);
    state.subscribe(name);
  }

  #unsubscribe(state: TypeState, name: string): void {
    state.settled = false;
    if (name === '*') {
      state.wildcard = false;
      for (const held of [...state.held.keys()]) if (!state.wants(held)) state.forget(held);
      return;
    }
    const wasNamed = state.names.delete(name);
    // Under a wildcard the client cannot know whether it still gets it: it is told, either way.
    state.forget(name);
    if (wasNamed && state.wildcard) state.doubt(name);
  }

  protected override update(state: TypeState, snapshot: Snapshot, nowMs: number): Draft | null {
    const { names, isolated } = state.due(snapshot, nowMs);
    const gone = state.gone(snapshot);
    const late = LATE_REMOVAL_TYPES.includes(state.typeUrl);
    const removed = isolated ? [] : [...gone.unheard, ...(late ? [] : gone.held)];
    if (names.length === 0 && removed.length === 0 && !state.answerDue) return null;
    return draft(state, snapshot, names, removed, nowMs);
  }

  protected override removal(state: TypeState, snapshot: Snapshot): Draft | null {
    const removed = state.gone(snapshot).held;
    return removed.length === 0 ? null : draft(state, snapshot, [], removed, 0);
  }
}

function draft(
  state: TypeState,
  snapshot: Snapshot,
  names: readonly string[],
  removed: readonly string[],
  nowMs: number,
): Draft {
  const current = state.current(snapshot);
  const found = names.flatMap((name) => current.get(name) ?? []);
  const resources = found.map((item) => state.form(item, nowMs));
  const items = new Map<string, string | null>(removed.map((name) => [name, null]));
  for (const item of resources) items.set(item.name, item.version);
  return { version: snapshot.versions.get(state.typeUrl) ?? '', resources, removed, items };
}
