/** Who is connected and what each proxy holds, as plain JSON. Filled by the server, read by others. */
import { EventEmitter } from 'node:events';
import type { TypeStatus } from './discovery.ts';
import type { Mode } from './services.ts';

export interface ProxyStatus {
  readonly nodeId: string;
  readonly cluster: string;
  readonly userAgent: string;
  /** Of the mesh; proxies with the same view get the same. */
  readonly view: string;
  /** ISO 8601. */
  readonly connectedAt: string;
  readonly mode: Mode;
  /** It holds everything that it asked for and that is published. */
  readonly inSync: boolean;
  /** Bytes that wait for it to read: at most one response for each of its streams. */
  readonly unsentBytes: number;
  readonly types: readonly TypeStatus[];
}

interface Stream {
  /** Streams of one group are one proxy's; null: it has this one alone. */
  readonly group: string | null;
  readonly status: () => ProxyStatus;
  /** As it was said last; null: it may have changed since. */
  said: ProxyStatus | null;
}

/** Whoever listens takes at most this share of the time, however many proxies change. */
const LISTENING_SHARE = 0.2;
const MAX_WAIT_MS = 1000;

/** Emits `change` soon after each; several changes may be one. */
export class ProxyRegistry extends EventEmitter<{ change: [] }> {
  readonly #streams = new Map<number, Stream>();
  #timer: NodeJS.Timeout | null = null;
  #notBeforeMs = 0;

  /** One entry per proxy, by node id; one that reconnects may be there twice for a moment. */
  list(): ProxyStatus[] {
    const groups = Map.groupBy(this.#streams, ([id, { group }]) => group ?? id);
    return [...groups.values()]
      .map((streams) => ({
        first: streams[0]?.[0] ?? 0,
        status: joined(streams.map(([, stream]) => statusOf(stream))),
      }))
      .toSorted((a, b) => compare(a.status.nodeId, b.status.nodeId) || a.first - b.first)
      .map(({ status }) => status);
  }

  /** How many streams there are. */
  get size(): number {
    return this.#streams.size;
  }

  /** Called by the server when a stream has said who it is. */
  add(id: number, group: string | null, status: () => ProxyStatus): void {
    this.#streams.set(id, { group, status, said: null });
    this.#announce();
  }

  remove(id: number): void {
    if (this.#streams.delete(id)) this.#announce();
  }

  /** What the stream's status says may have changed. */
  changed(id: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream.said = null;
    this.#announce();
  }

  #announce(): void {
    const waitMs = Math.max(0, this.#notBeforeMs - performance.now());
    this.#timer ??= setTimeout(() => this.#emit(), Math.min(waitMs, MAX_WAIT_MS));
  }

  #emit(): void {
    this.#timer = null;
    const startMs = performance.now();
    this.emit('change');
    const endMs = performance.now();
    this.#notBeforeMs = endMs + (endMs - startMs) * (1 / LISTENING_SHARE - 1);
  }
}

function statusOf(stream: Stream): ProxyStatus {
  stream.said ??= stream.status();
  return stream.said;
}

/** What several streams of one proxy say together; the first one is the oldest. */
function joined(streams: readonly ProxyStatus[]): ProxyStatus {
  const [first] = streams;
  if (first === undefined) throw new Error('a proxy without a stream');
  if (streams.length === 1) return first;
  const types = Map.groupBy(
    streams.flatMap((stream) => stream.types),
    (type) => type.typeUrl,
  );
  return {
    ...first,
    inSync: streams.every((stream) => stream.inSync),
    unsentBytes: streams.reduce((sum, stream) => sum + stream.unsentBytes, 0),
    types: [...types].map(([typeUrl, statuses]) => joinedType(typeUrl, statuses)),
  };
}

function joinedType(typeUrl: string, statuses: readonly TypeStatus[]): TypeStatus {
  const acked = new Set(statuses.map((status) => status.ackedVersion));
  const [onlyAcked = null] = acked;
  return {
    typeUrl,
    wildcard: statuses.some((status) => status.wildcard),
    subscribed: statuses.reduce((sum, status) => sum + status.subscribed, 0),
    sentVersion: statuses.findLast((status) => status.sentVersion !== null)?.sentVersion ?? null,
    ackedVersion: acked.size === 1 ? onlyAcked : null,
    inSync: statuses.every((status) => status.inSync),
    nacks: statuses.flatMap((status) => status.nacks),
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
