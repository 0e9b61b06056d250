/**
 * Serves snapshots to proxies over the aggregated discovery service, in both of its variants, and
 * knows what each proxy holds. It must not know what a snapshot means, nor where it comes from.
 */
import type { ServerCredentials, ServiceDefinition } from '@grpc/grpc-js';
import { ServerCredentials as Credentials, Server, status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { Snapshot } from '../xds/snapshot.ts';
import type { Call } from './connection.ts';
import { Connection } from './connection.ts';
import { DEFAULT_MAX_STREAMS } from './limits.ts';
import type { ProxyStatus } from './proxies.ts';
import { ProxyRegistry } from './proxies.ts';

export type { Nack, TypeStatus } from './discovery.ts';
export type { ProxyStatus } from './proxies.ts';
export { ProxyRegistry } from './proxies.ts';

export interface AdsServerOptions {
  readonly logger: Logger;
  /** Plain text where not given. */
  readonly credentials?: ServerCredentials;
  /** Most streams at one time; a further one is refused and may come again. */
  readonly maxStreams?: number;
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
/** A proxy needs one stream, and two for a moment when it reconnects. */
const MAX_STREAMS_PER_CONNECTION = 16;

const SERVICE = 'envoy.service.discovery.v3.AggregatedDiscoveryService';

export class AdsServer {
  readonly proxies = new ProxyRegistry();
  readonly #server: Server;
  readonly #logger: Logger;
  readonly #maxStreams: number;
  readonly #connections = new Map<number, Connection>();
  #lastStream = 0;
  #snapshot: Snapshot | null = null;
  #closing = false;
  readonly #credentials: ServerCredentials;

  constructor(options: AdsServerOptions) {
    this.#logger = options.logger;
    this.#maxStreams = options.maxStreams ?? DEFAULT_MAX_STREAMS;
    this.#credentials = options.credentials ?? Credentials.createInsecure();
    this.#server = new Server({
      'grpc.max_receive_message_length': options.maxRequestBytes ?? DEFAULT_MAX_REQUEST_BYTES,
      'grpc.max_send_message_length': -1,
      'grpc.max_concurrent_streams': MAX_STREAMS_PER_CONNECTION,
      'grpc.keepalive_time_ms': options.keepaliveMs ?? DEFAULT_KEEPALIVE_MS,
      'grpc.keepalive_timeout_ms': options.keepaliveTimeoutMs ?? DEFAULT_KEEPALIVE_TIMEOUT_MS,
      'grpc.keepalive_permit_without_calls': 1,
    });
    this.#server.addService(definition(), {
      StreamAggregatedResources: (call: Call) => this.#accept(call, 'sotw'),
      DeltaAggregatedResources: (call: Call) => this.#accept(call, 'delta'),
    });
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

  /** From now on this is the truth, for those who are connected and those who will be. */
  publish(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    for (const connection of this.#connections.values()) connection.publish(snapshot);
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

  #accept(call: Call, mode: ProxyStatus['mode']): void {
    this.#lastStream += 1;
    const stream = this.#lastStream;
    const connection = new Connection(call, mode, this.#logger, {
      identified: () => {
        this.proxies.add(stream, () => connection.status());
        this.#logger.info({ node: connection.status().nodeId, mode }, 'proxy connected');
      },
      changed: () => this.proxies.announce(),
      closed: () => {
        this.#connections.delete(stream);
        this.proxies.remove(stream);
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
    if (this.#snapshot !== null) connection.publish(this.#snapshot);
  }
}

/** Bytes in and out: decoding and encoding are ours. */
function definition(): ServiceDefinition {
  const same = (bytes: Buffer): Buffer => bytes;
  const method = (name: string) => ({
    path: `/${SERVICE}/${name}`,
    requestStream: true,
    responseStream: true,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  });
  return {
    StreamAggregatedResources: method('StreamAggregatedResources'),
    DeltaAggregatedResources: method('DeltaAggregatedResources'),
  };
}
