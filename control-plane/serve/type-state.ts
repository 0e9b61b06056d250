/**
 * What one client wants, holds and has refused of one resource type. Shared by both kinds of streams;
 * how a subscription is spelled and how a response is composed is theirs.
 */
import type { Resource, Snapshot } from '../xds/snapshot.ts';
import type { Nack, Push, TypeStatus } from './discovery.ts';
import { SINGLE_TYPES, StreamLimitError } from './discovery.ts';
import { Retries } from './retries.ts';

/** Most names that one client may ask for by name, of one type. */
const MAX_NAMES = 100_000;
/** Longer error texts are cut. */
const MAX_MESSAGE_LENGTH = 4096;
/** The client holds something of that name, but we do not know which version. */
const UNKNOWN_VERSION = '';

/** Name to version; null: told that it does not exist. */
export type Items = ReadonlyMap<string, string | null>;

interface InFlight {
  readonly push: Push;
  readonly items: Items;
}

interface Rejection {
  readonly version: string | null;
  readonly nack: Nack;
}

const NOTHING: ReadonlyMap<string, Resource> = new Map();

export class TypeState {
  readonly typeUrl: string;
  /** Wants every resource there is: a state of its own, because an empty list of names says nothing. */
  wildcard = false;
  readonly names = new Set<string>();
  /** Sent again even if the client holds it. */
  readonly forced = new Set<string>();
  /** What the client holds: version, or null where it knows that there is none. */
  readonly held = new Map<string, string | null>();
  /** Whether even an empty answer is due. */
  answerDue = false;
  /** Nothing to send until a request or a new version. */
  settled = false;
  lastNonce: string | null = null;
  sentVersion: string | null = null;
  ackedVersion: string | null = null;
  readonly #doubtful = new Set<string>();
  #inFlight: InFlight | null = null;
  /** A refused response is tried again in halves, so that one bad resource costs no good one. */
  readonly #groups: string[][] = [];
  #groupNack: Nack | null = null;
  readonly #rejected = new Map<string, Rejection>();
  readonly #retries = new Retries();

  constructor(typeUrl: string) {
    this.typeUrl = typeUrl;
  }

  get inFlight(): InFlight | null {
    return this.#inFlight;
  }

  wants(name: string): boolean {
    return this.wildcard || this.names.has(name);
  }

  subscribe(name: string): void {
    this.#doubtful.delete(name);
    this.#add(this.names, name);
  }

  /** Given up by name under a wildcard: the client is told even if the name does not exist. */
  doubt(name: string): void {
    this.#add(this.#doubtful, name);
  }

  #add(names: Set<string>, name: string): void {
    if (names.size >= MAX_NAMES && !names.has(name)) {
      throw new StreamLimitError(`${this.typeUrl}: more than ${MAX_NAMES} names on one stream`);
    }
    names.add(name);
  }

  /** What the client holds under this name is unknown from now on. */
  forget(name: string): void {
    this.held.delete(name);
    this.forced.delete(name);
    this.#rejected.delete(name);
    this.#retries.forget(name);
  }

  /** Was in a response that the client refused, and has not been accepted since. */
  isRefused(name: string): boolean {
    return this.#rejected.has(name);
  }

  /**
   * Names of existing resources to send now, sorted; refused ones wait until they change. `isolated`:
   * to be sent with nothing else. Then those that the client lacks come first: a refusal makes Envoy go on
   * without any that have not come yet.
   */
  due(snapshot: Snapshot, nowMs: number): { names: string[]; isolated: boolean } {
    const current = this.current(snapshot);
    const isDue = (name: string): boolean => {
      const item = current.get(name);
      if (item === undefined || !this.wants(name)) return false;
      if (this.#rejected.get(name)?.version === item.version) {
        return this.#retries.isDue(item, nowMs);
      }
      return this.forced.has(name) || this.held.get(name) !== item.version;
    };
    while (this.#groups[0] !== undefined) {
      const names = this.#groups[0].filter(isDue);
      if (names.length > 0) return { names, isolated: true };
      this.#groups.shift();
    }
    this.#groupNack = null;
    const names = [...(this.wildcard ? current.keys() : this.names)].filter(isDue).sort();
    const single = SINGLE_TYPES.has(this.typeUrl) && names.length > 1;
    if (!single) return { names, isolated: false };
    const lacking = names.find((name) => !this.#holds(name));
    return { names: lacking === undefined ? names.slice(0, 1) : [lacking], isolated: true };
  }

  /** Names that do not exist: those that the client holds, and those it was not yet told about. */
  gone(snapshot: Snapshot): { held: string[]; unheard: string[] } {
    const current = this.current(snapshot);
    const isGone = (name: string): boolean =>
      !current.has(name) && this.#rejected.get(name)?.version !== null;
    const held = [...this.held.keys()].filter(
      (name) => this.held.get(name) !== null && isGone(name),
    );
    const asked = [...this.names, ...this.#doubtful];
    const unheard = asked.filter((name) => !this.held.has(name) && isGone(name));
    return { held: held.sort(), unheard: unheard.sort() };
  }

  current(snapshot: Snapshot): ReadonlyMap<string, Resource> {
    return snapshot.resources.get(this.typeUrl) ?? NOTHING;
  }

  /** The form in which the client is to get it. */
  form(item: Resource, nowMs: number): Resource {
    return this.#retries.form(item, this.#holds(item.name), nowMs);
  }

  #holds(name: string): boolean {
    return typeof this.held.get(name) === 'string';
  }

  /** When something that was refused is to be sent again; null: nothing. */
  retryAtMs(): number | null {
    return this.#retries.nextMs();
  }

  /** Something that was refused is worth waiting for. */
  get isRetriedSoon(): boolean {
    return this.#retries.isSoon;
  }

  /** Takes note of what is published now. */
  published(snapshot: Snapshot): void {
    this.#retries.keep(this.current(snapshot));
  }

  /** The client has something of this name, from another stream. */
  hold(name: string): void {
    if (!this.held.has(name)) this.held.set(name, UNKNOWN_VERSION);
  }

  sent(push: Push, items: Items): void {
    this.#inFlight = { push, items };
    this.lastNonce = push.nonce;
    this.sentVersion = push.version;
    this.answerDue = false;
    this.settled = false;
    for (const name of items.keys()) {
      this.forced.delete(name);
      this.#doubtful.delete(name);
    }
  }

  /** The client took what was in flight: also what it was thought to have before. */
  accept(): void {
    for (const [name, version] of this.#inFlight?.items ?? []) {
      this.#rejected.delete(name);
      if (version === null) this.#take(name, null, this.names.has(name));
    }
    for (const { name, version } of this.#inFlight?.push.resources ?? []) {
      this.#take(name, version, this.wants(name));
    }
    this.#inFlight = null;
    this.settled = false;
  }

  #take(name: string, version: string | null, isWanted: boolean): void {
    this.#retries.forget(name);
    if (isWanted) this.held.set(name, version);
    else this.held.delete(name);
  }

  /**
   * The client refused what was in flight. It may have taken a part: with `divide` the parts are
   * tried on their own, else the same content is not sent again.
   */
  reject(message: string, nowMs: number, snapshot: Snapshot | null, divide: boolean): void {
    if (this.#inFlight === null) return;
    const { push, items } = this.#inFlight;
    const names = [...items.keys()];
    const text = message.slice(0, MAX_MESSAGE_LENGTH);
    const at = new Date(nowMs).toISOString();
    const nack: Nack = { message: text, version: push.version, resources: names, at };
    for (const name of names) this.held.set(name, UNKNOWN_VERSION);
    if (divide && names.length > 1) {
      const middle = Math.ceil(names.length / 2);
      this.#groups.unshift(names.slice(0, middle), names.slice(middle));
      this.#groupNack = nack;
    } else {
      for (const [name, version] of items) {
        this.#rejected.set(name, { version, nack });
        this.#retryLater(name, version, nowMs, snapshot);
      }
    }
    this.#inFlight = null;
    this.settled = false;
  }

  #retryLater(
    name: string,
    version: string | null,
    nowMs: number,
    snapshot: Snapshot | null,
  ): void {
    const item = snapshot === null ? undefined : this.current(snapshot).get(name);
    if (item?.retry !== undefined && item.version === version) this.#retries.refused(item, nowMs);
    else this.#retries.forget(name);
  }

  /** Refusals that stand: what was refused is still what is published. */
  nacks(snapshot: Snapshot): Nack[] {
    const current = this.current(snapshot);
    const standing = new Set<Nack>();
    for (const [name, { version, nack }] of this.#rejected) {
      if ((current.get(name)?.version ?? null) === version) standing.add(nack);
    }
    if (this.#groupNack !== null) standing.add(this.#groupNack);
    return [...standing];
  }

  /** Nothing is left to send of this snapshot. */
  settle(snapshot: Snapshot): void {
    this.settled = true;
    if (this.nacks(snapshot).length > 0) return;
    this.ackedVersion = snapshot.versions.get(this.typeUrl) ?? null;
    // What was refused is not published any more.
    this.#rejected.clear();
  }

  status(snapshot: Snapshot | null): TypeStatus {
    const nacks = snapshot === null ? [] : this.nacks(snapshot);
    return {
      typeUrl: this.typeUrl,
      wildcard: this.wildcard,
      subscribed: this.names.size,
      sentVersion: this.sentVersion,
      ackedVersion: this.ackedVersion,
      inSync: this.settled && nacks.length === 0,
      nacks,
    };
  }
}
