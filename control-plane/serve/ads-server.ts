/**
 * Serves snapshots to proxies over the discovery services, in both of their variants, and knows what
 * each proxy holds. It must not know what a snapshot or a view means, nor where it comes from.
 */
import type { ServerCredentials } from '@grpc/grpc-js';
import { ServerCredentials as Credentials, Server, status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { Snapshot } from '../xds/snapshot.ts';
import type { Call } from './connection.ts';
import { Connection } from './connection.ts';
import type { Node } from './discovery.ts';
import { DEFAULT_MAX_STREAMS, DEFAULT_MAX_VIEWS } from './limits.ts';
import { ProxyRegistry } from './proxies.ts';
import { methodDefinition, XDS_METHODS, type XdsMethod } from './services.ts';
import { type SnapshotOf, Views } from './views.ts';

export type { Nack, Node, TypeStatus } from './discovery.ts';
export type { ProxyStatus } from './proxies.ts';
export { ProxyRegistry } from './proxies.ts';

/** Counts what goes over the streams. */
export interface Traffic {
  sent(typeUrl: string, bytes: number): void;
  refused(typeUrl: string): void;
}

export interface AdsServerOptions {
  readonly logger: Logger;
  /** Plain text where not given. */
  readonly credentials?: ServerCredentials;
  /** Default: nobody counts. */
  readonly traffic?: Traffic;
  /** Most streams at one time; a further one is refused and may come again. */
  readonly maxStreams?: number;
  /**
   * The view of the mesh that a client gets, asked for once per stream. Where it throws, the stream ends
   * with the message. Default: the same for all, `''`.
   */
  readonly viewOf?: (node: Node, call: Call) => string;
  /** Most views at one time. */
  readonly maxViews?: number;
  /** Largest request; it grows with the number of resources that a proxy asks for by name. */
  readonly maxRequestBytes?: number;
  /** A silent connection is asked for a sign of life this often ... */
  readonly keepaliveMs?: number;
  /** ... and closed when none has come for so long. */
  readonly keepaliveTimeoutMs?: number;
}

const DEFAULT_MAX_REQUEST_BYTES = 4 * 1024 * 1024;
const DEFAULT_KEEPALIVE_MS = 30_000;
const DEFAULT_KEEPALIVE_TIMEOUT_MS = 10_000;
/** With ADS a proxy needs one stream, without it one for each subscription; for more it connects again. */
const MAX_STREAMS_PER_CONNECTION = 100;

/** That are sent a new state before the event loop looks at the network again. */
const CONNECTIONS_PER_TURN = 16;

export class AdsServer {
  readonly proxies = new ProxyRegistry();
  readonly #server: Server;
  readonly #logger: Logger;
  readonly #traffic: Traffic | null;
  readonly #maxStreams: number;
  readonly #viewOf: (node: Node, call: Call) => string;
  readonly #views: Views;
  readonly #connections = new Map<number, Connection>();
  /** They have been told of a new state, and have not been sent it. */
  readonly #unpushed = new Set<Connection>();
  #pushing: NodeJS.Immediate | null = null;
  #lastStream = 0;
  #closing = false;
  readonly #credentials: ServerCredentials;

  constructor(options: AdsServerOptions) {
    this.#logger = options.logger;
    this.#traffic = options.traffic ?? null;
    this.#maxStreams = options.maxStreams ?? DEFAULT_MAX_STREAMS;
    this.#viewOf = options.viewOf ?? (() => '');
    this.#views = new Views(options.maxViews ?? DEFAULT_MAX_VIEWS);
    this.#credentials = options.credentials ?? Credentials.createInsecure();
    this.#server = new Server({
      'grpc.max_receive_message_length': options.maxRequestBytes ?? DEFAULT_MAX_REQUEST_BYTES,
      'grpc.max_send_message_length': -1,
      'grpc.max_concurrent_streams': MAX_STREAMS_PER_CONNECTION,
      'grpc.keepalive_time_ms': options.keepaliveMs ?? DEFAULT_KEEPALIVE_MS,
      'grpc.keepalive_timeout_ms': options.keepaliveTimeoutMs ?? DEFAULT_KEEPALIVE_TIMEOUT_MS,
      'grpc.keepalive_permit_without_calls': 1,
    });
    for (const method of XDS_METHODS) {
      this.#server.addService(
        { [method.path]: methodDefinition(method) },
        { [method.path]: (call: Call) => this.#accept(call, method) },
      );
    }
  }

  /** Starts to listen; `port` 0 takes a free one. Returns the port. */
  listen(host: string, port: number): Promise<number> {
    const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, this.#credentials, (error, bound) => {
        if (error === null) resolve(bound);
        else reject(new Error(`cannot listen on ${address}: ${error.message}`, { cause: error }));
      });
    });
  }

  /**
   * From now on this is the truth, for those who are connected and those who will be: one state for all,
   * or one for each view, made when somebody has that view.
   */
  publish(state: Snapshot | SnapshotOf): void {
    this.#views.publish(typeof state === 'function' ? state : () => state);
    for (const connection of this.#connections.values()) {
      const snapshot = connection.view === null ? null : this.#views.snapshot(connection.view);
      if (snapshot === null) continue;
      connection.publish(snapshot);
      this.#unpushed.add(connection);
    }
    this.#pushing ??= setImmediate(() => this.#pushSome());
  }

  /** The first have read what they got while others are being sent it. */
  #pushSome(): void {
    this.#pushing = null;
    let left = CONNECTIONS_PER_TURN;
    for (const connection of this.#unpushed) {
      if (left-- === 0) break;
      this.#unpushed.delete(connection);
      connection.push();
    }
    if (this.#unpushed.size > 0) this.#pushing = setImmediate(() => this.#pushSome());
  }

  /** What those with this view get; null: nobody has it, or there is nothing yet. */
  snapshotOf(view: string): Snapshot | null {
    return this.#views.snapshot(view);
  }

  /** Ends all streams and stops listening, by force after `graceMs`. Proxies keep what they have. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    for (const connection of [...this.#connections.values()]) connection.end();
    await new Promise<void>((resolve) => {
      const force = setTimeout(() => {
        this.#server.forceShutdown();
        resolve();
      }, graceMs);
      this.#server.tryShutdown(() => {
        clearTimeout(force);
        resolve();
      });
    });
  }

  #accept(call: Call, method: XdsMethod): void {
    this.#lastStream += 1;
    const stream = this.#lastStream;
    const connection: Connection = new Connection(call, method, this.#logger, {
      identified: (node) => {
        const view = this.#viewOf(node, call);
        const snapshot = this.#views.enter(view);
        this.proxies.add(stream, groupOf(node, call, method), () => connection.status());
        this.#logger.info({ node: node.id, mode: method.mode, view }, 'proxy connected');
        return { view, snapshot };
      },
      changed: () => this.proxies.changed(stream),
      sent: (typeUrl, bytes) => this.#traffic?.sent(typeUrl, bytes),
      refused: (typeUrl) => this.#traffic?.refused(typeUrl),
      closed: () => {
        this.#connections.delete(stream);
        this.#unpushed.delete(connection);
        this.proxies.remove(stream);
        if (connection.view !== null) this.#views.leave(connection.view);
      },
    });
    if (this.#closing || this.#connections.size >= this.#maxStreams) {
      const reason = this.#closing
        ? 'shutting down'
        : `more than ${this.#maxStreams} streams; raise --max-streams`;
      connection.refuse(status.RESOURCE_EXHAUSTED, reason);
      return;
    }
    this.#connections.set(stream, connection);
  }
}

/** Without ADS the streams of one proxy are known by its name, its machine and how it asks. */
function groupOf(node: Node, call: Call, { mode, typeUrl }: XdsMethod): string | null {
  if (typeUrl !== null) return JSON.stringify([node.id, hostOf(call.getPeer()), mode]);
  return null;
}

/** Of `address:port`. */
function hostOf(peer: string): string {
  return peer.slice(0, peer.lastIndexOf(':'));
}
