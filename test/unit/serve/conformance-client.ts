/**
 * One client for all variants of the protocol, over real gRPC. It says what it wants in the words of its
 * variant, acknowledges what comes, and tells each response as short text.
 */
import { TYPE_URLS } from '../../../control-plane/xds/snapshot.ts';
import type { TypeName } from './client.ts';
import { deltaStream, sotwStream } from './grpc-client.ts';

export const VARIANTS = ['sotw ads', 'sotw single', 'delta ads', 'delta single'] as const;
export type Variant = (typeof VARIANTS)[number];

const NODE = { id: 'proxy', cluster: 'test' };
/** Service and noun of the streams of one type. */
const SERVICES: Readonly<Record<TypeName, readonly [string, string]>> = {
  cluster: ['cluster.v3.ClusterDiscoveryService', 'Clusters'],
  endpoint: ['endpoint.v3.EndpointDiscoveryService', 'Endpoints'],
  listener: ['listener.v3.ListenerDiscoveryService', 'Listeners'],
  route: ['route.v3.RouteDiscoveryService', 'Routes'],
  extension: ['extension.v3.ExtensionConfigDiscoveryService', 'ExtensionConfigs'],
  secret: ['secret.v3.SecretDiscoveryService', 'Secrets'],
};

/** What a client can say in every variant. */
export interface ConformanceClient {
  /** The first request of a type, naming nothing. */
  ask(type: TypeName): void;
  /** Adds these names; `*` is one. */
  subscribe(type: TypeName, ...names: string[]): void;
  unsubscribe(type: TypeName, ...names: string[]): void;
  /** What the server knows when it has read all that was said. */
  wanted(type: TypeName): Wanted | null;
  /** Drops the stream and comes back with a new one, saying what it holds and wants. */
  reconnect(): void;
  /** The next response, acknowledged: `a@1 b@2 -c`, sorted; or refused, with `error` for a reason. */
  next(type: TypeName, error?: string): Promise<string>;
  /** Responses that nobody has asked for yet. */
  readonly unread: number;
  close(): void;
}

export interface Wanted {
  readonly wildcard: boolean;
  /** Names asked for. */
  readonly subscribed: number;
}

export function conformanceClient(variant: Variant, port: number): ConformanceClient {
  const single = variant.endsWith('single');
  return variant.startsWith('sotw') ? new Sotw(port, single) : new Delta(port, single);
}

export function pathOf(type: TypeName, kind: 'Stream' | 'Delta'): string {
  const [service, noun] = SERVICES[type];
  return `/envoy.service.${service}/${kind}${noun}`;
}

/** Streams by type: one for all of them with ADS. */
class Streams<Stream extends { close(): void; readonly unread: number }> {
  readonly #single: boolean;
  readonly #open: (type: TypeName | null) => Stream;
  readonly #streams = new Map<TypeName | null, { readonly stream: Stream; isNew: boolean }>();

  constructor(single: boolean, open: (type: TypeName | null) => Stream) {
    this.#single = single;
    this.#open = open;
  }

  of(type: TypeName): Stream {
    return this.#entry(type).stream;
  }

  /** Said in the first request of a stream only. */
  node(type: TypeName): { readonly node?: typeof NODE } {
    const entry = this.#entry(type);
    if (!entry.isNew) return {};
    entry.isNew = false;
    return { node: NODE };
  }

  #entry(type: TypeName) {
    const key = this.#single ? type : null;
    const entry = this.#streams.get(key) ?? { stream: this.#open(key), isNew: true };
    this.#streams.set(key, entry);
    return entry;
  }

  get unread(): number {
    return [...this.#streams.values()].reduce((sum, { stream }) => sum + stream.unread, 0);
  }

  close(): void {
    for (const { stream } of this.#streams.values()) stream.close();
    this.#streams.clear();
  }
}

/** What a client has asked for, by type. */
class Subscriptions {
  readonly names = new Map<TypeName, Set<string>>();
  /** Types asked for without any name, which for some means everything. */
  readonly #unnamed = new Set<TypeName>();

  ask(type: TypeName): void {
    this.names.set(type, new Set());
    this.#unnamed.add(type);
  }

  add(type: TypeName, names: readonly string[], endsUnnamed: boolean): void {
    this.names.set(type, new Set([...(this.names.get(type) ?? []), ...names]));
    if (endsUnnamed) this.#unnamed.delete(type);
  }

  remove(type: TypeName, names: readonly string[]): void {
    for (const name of names) this.names.get(type)?.delete(name);
    if (names.includes('*')) this.#unnamed.delete(type);
  }

  wanted(type: TypeName): Wanted | null {
    const names = this.names.get(type);
    if (names === undefined) return null;
    const ofOld = this.#unnamed.has(type) && (type === 'cluster' || type === 'listener');
    const starred = names.has('*');
    return { wildcard: starred || ofOld, subscribed: names.size - (starred ? 1 : 0) };
  }
}

class Sotw implements ConformanceClient {
  readonly #streams;
  readonly #asked = new Subscriptions();
  readonly #nonces = new Map<TypeName, string>();

  constructor(port: number, single: boolean) {
    this.#streams = new Streams(single, (type) =>
      type === null ? sotwStream(port) : sotwStream(port, pathOf(type, 'Stream')),
    );
  }

  ask(type: TypeName): void {
    this.#asked.ask(type);
    this.#request(type);
  }

  subscribe(type: TypeName, ...names: string[]): void {
    this.#asked.add(type, names, true);
    this.#request(type);
  }

  unsubscribe(type: TypeName, ...names: string[]): void {
    this.#asked.remove(type, names);
    this.#request(type);
  }

  wanted(type: TypeName): Wanted | null {
    return this.#asked.wanted(type);
  }

  reconnect(): void {
    this.#streams.close();
    this.#nonces.clear();
    for (const type of this.#asked.names.keys()) this.#request(type);
  }

  async next(type: TypeName, error?: string): Promise<string> {
    const response = await this.#streams.of(type).receive();
    expectType(type, response.typeUrl);
    this.#nonces.set(type, response.nonce);
    this.#request(type, error);
    return said(response.resources.map((any) => Buffer.from(any.value).toString()));
  }

  #request(type: TypeName, error?: string): void {
    this.#streams.of(type).send({
      ...this.#streams.node(type),
      typeUrl: TYPE_URLS[type],
      resourceNames: [...(this.#asked.names.get(type) ?? [])],
      responseNonce: this.#nonces.get(type) ?? '',
      ...(error !== undefined && { errorDetail: { code: 3, message: error } }),
    });
  }

  get unread(): number {
    return this.#streams.unread;
  }

  close(): void {
    this.#streams.close();
  }
}

interface DeltaWords {
  readonly resourceNamesSubscribe?: string[];
  readonly resourceNamesUnsubscribe?: string[];
  readonly initialResourceVersions?: Record<string, string>;
  readonly responseNonce?: string;
  readonly errorDetail?: { readonly code: number; readonly message: string };
}

class Delta implements ConformanceClient {
  readonly #streams;
  readonly #asked = new Subscriptions();
  readonly #held = new Map<TypeName, Record<string, string>>();

  constructor(port: number, single: boolean) {
    this.#streams = new Streams(single, (type) =>
      type === null ? deltaStream(port) : deltaStream(port, pathOf(type, 'Delta')),
    );
  }

  ask(type: TypeName): void {
    this.#asked.ask(type);
    this.#request(type, {});
  }

  subscribe(type: TypeName, ...names: string[]): void {
    this.#asked.add(type, names, false);
    this.#request(type, { resourceNamesSubscribe: names });
  }

  unsubscribe(type: TypeName, ...names: string[]): void {
    this.#asked.remove(type, names);
    this.#request(type, { resourceNamesUnsubscribe: names });
  }

  wanted(type: TypeName): Wanted | null {
    return this.#asked.wanted(type);
  }

  reconnect(): void {
    this.#streams.close();
    for (const [type, names] of this.#asked.names) {
      const initialResourceVersions = this.#held.get(type) ?? {};
      this.#request(type, { initialResourceVersions, resourceNamesSubscribe: [...names] });
    }
  }

  async next(type: TypeName, error?: string): Promise<string> {
    const response = await this.#streams.of(type).receive();
    expectType(type, response.typeUrl);
    if (error === undefined) {
      const taken = response.resources.map(({ name, version }) => [name, version] as const);
      const before = Object.entries(this.#held.get(type) ?? {});
      const kept = before.filter(([name]) => !response.removedResources.includes(name));
      this.#held.set(type, Object.fromEntries([...kept, ...taken]));
    }
    this.#request(type, {
      responseNonce: response.nonce,
      ...(error !== undefined && { errorDetail: { code: 3, message: error } }),
    });
    return said([
      ...response.resources.map(({ name, version }) => `${name}@${version}`),
      ...response.removedResources.map((name) => `-${name}`),
    ]);
  }

  #request(type: TypeName, change: DeltaWords): void {
    const typeUrl = TYPE_URLS[type];
    this.#streams.of(type).send({ ...this.#streams.node(type), typeUrl, ...change });
  }

  get unread(): number {
    return this.#streams.unread;
  }

  close(): void {
    this.#streams.close();
  }
}

function said(items: readonly string[]): string {
  return items.toSorted().join(' ');
}

function expectType(type: TypeName, typeUrl: string): void {
  if (typeUrl !== TYPE_URLS[type]) throw new Error(`${type} was awaited, ${typeUrl} came`);
}
