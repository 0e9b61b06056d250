/**
 * The published states, one for each view that some client has. What is equal in two views, or in two
 * states of one, is one object: it is encoded once, and kept once.
 */
import type { Resource, Snapshot } from '../xds/snapshot.ts';
import { StreamLimitError } from './discovery.ts';

/** The state of a view; null: it cannot be told, and whoever has the view keeps what there was. */
export type SnapshotOf = (view: string) => Snapshot | null;

interface ViewState {
  clients: number;
  snapshot: Snapshot | null;
}

type Resources = ReadonlyMap<string, Resource>;

export class Views {
  readonly #maxViews: number;
  readonly #states = new Map<string, ViewState>();
  #snapshotOf: SnapshotOf = () => null;
  #shared = new SharedResources();

  constructor(maxViews: number) {
    this.#maxViews = maxViews;
  }

  /** Asks for the state of each view that is in use. */
  publish(snapshotOf: SnapshotOf): void {
    this.#snapshotOf = snapshotOf;
    this.#shared = new SharedResources(this.#shared);
    for (const [view, state] of this.#states) {
      const next = snapshotOf(view) ?? state.snapshot;
      state.snapshot = next && this.#shared.share(next);
    }
  }

  /**
   * One client more has this view. Returns its state; null: there is none yet.
   * @throws StreamLimitError where that were a view too many.
   */
  enter(view: string): Snapshot | null {
    const known = this.#states.get(view);
    if (known !== undefined) {
      known.clients += 1;
      return known.snapshot;
    }
    if (this.#states.size >= this.#maxViews) {
      throw new StreamLimitError(`more than ${this.#maxViews} different views of the mesh`);
    }
    const made = this.#snapshotOf(view);
    const snapshot = made && this.#shared.share(made);
    this.#states.set(view, { clients: 1, snapshot });
    return snapshot;
  }

  leave(view: string): void {
    const state = this.#states.get(view);
    if (state === undefined) return;
    state.clients -= 1;
    if (state.clients === 0) this.#states.delete(view);
  }

  snapshot(view: string): Snapshot | null {
    return this.#states.get(view)?.snapshot ?? null;
  }
}

/** What one publication is made of, with what it took over from the one before. */
class SharedResources {
  readonly #types = new Map<string, Resources>();
  readonly #items = new Map<string, Resource>();
  #before: ReadonlyMap<string, Resource>;

  constructor(before?: SharedResources) {
    this.#before = before === undefined ? new Map() : before.#items;
  }

  share(snapshot: Snapshot): Snapshot {
    const resources = new Map<string, Resources>();
    for (const [typeUrl, ofType] of snapshot.resources) {
      const key = `${typeUrl}\0${snapshot.versions.get(typeUrl)}`;
      const shared = this.#types.get(key) ?? this.#shareAll(typeUrl, ofType);
      this.#types.set(key, shared);
      resources.set(typeUrl, shared);
    }
    return { resources, versions: snapshot.versions };
  }

  #shareAll(typeUrl: string, ofType: Resources): Resources {
    return new Map([...ofType].map(([name, item]) => [name, this.#share(typeUrl, item)]));
  }

  #share(typeUrl: string, item: Resource): Resource {
    const key = `${typeUrl}\0${item.name}\0${item.version}`;
    const shared = this.#items.get(key) ?? this.#before.get(key) ?? item;
    this.#items.set(key, shared);
    return shared;
  }
}
