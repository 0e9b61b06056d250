/** One gRPC stream around one state machine: bytes in, bytes out, no faster than the client reads. */
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { Snapshot } from '../xds/snapshot.ts';
import { DeltaStream } from './delta-stream.ts';
import type { Node, Push, TypeStatus } from './discovery.ts';
import { StreamLimitError } from './discovery.ts';
import type { ProxyStatus } from './proxies.ts';
import { SotwStream } from './sotw-stream.ts';
import {
  decodeDeltaRequest,
  decodeSotwRequest,
  encodeDeltaResponse,
  encodeSotwResponse,
} from './wire.ts';

/** Whoever opens a stream must say who it is within this time. */
const IDENTIFY_TIMEOUT_MS = 10_000;

export type Call = ServerDuplexStream<Buffer, Buffer>;

export interface Listener {
  /** The stream has said who it is. */
  identified(): void;
  /** What `status` says may have changed. */
  changed(): void;
  closed(): void;
}

/** The half of a connection that differs between the two kinds of streams. */
interface Dialect {
  readonly mode: ProxyStatus['mode'];
  readonly stream: SotwStream | DeltaStream;
  request(bytes: Buffer, nowMs: number): { typeUrl: string; error: string | null };
  encode(push: Push): Buffer;
}

export class Connection {
  readonly #call: Call;
  readonly #dialect: Dialect;
  readonly #listener: Listener;
  readonly #logger: Logger;
  readonly #connectedAt = new Date().toISOString();
  #blocked = false;
  #ended = false;
  #timer: NodeJS.Timeout | null = null;
  readonly #identifyTimer: NodeJS.Timeout;

  constructor(call: Call, mode: ProxyStatus['mode'], logger: Logger, listener: Listener) {
    this.#call = call;
    this.#dialect = mode === 'sotw' ? sotw() : delta();
    this.#listener = listener;
    this.#logger = logger;
    this.#identifyTimer = setTimeout(() => {
      this.refuse(status.DEADLINE_EXCEEDED, `no request within ${IDENTIFY_TIMEOUT_MS} ms`);
    }, IDENTIFY_TIMEOUT_MS);
    call.on('data', (bytes: Buffer) => this.#onRequest(bytes));
    call.on('drain', () => {
      this.#blocked = false;
      this.#pump();
    });
    call.on('end', () => this.end());
    call.on('error', () => this.end());
    call.on('cancelled', () => this.end());
    call.on('close', () => this.end());
  }

  publish(snapshot: Snapshot): void {
    this.#dialect.stream.publish(snapshot);
    this.#pump();
  }

  status(): ProxyStatus {
    const node: Node = this.#dialect.stream.node ?? { id: '', cluster: '', userAgent: '' };
    const types: TypeStatus[] = this.#dialect.stream.statuses();
    return {
      nodeId: node.id,
      cluster: node.cluster,
      userAgent: node.userAgent,
      connectedAt: this.#connectedAt,
      mode: this.#dialect.mode,
      inSync: types.every((type) => type.inSync),
      types,
    };
  }

  /** Ends the stream; the client may come back. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#identifyTimer);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#call.end();
    this.#listener.closed();
  }

  /** Ends the stream and says why. */
  refuse(code: status, details: string): void {
    if (this.#ended) return;
    this.#logger.warn({ node: this.#dialect.stream.node?.id, details }, 'xDS stream refused');
    this.#call.emit('error', { code, details });
    this.end();
  }

  #onRequest(bytes: Buffer): void {
    if (this.#ended) return;
    const { stream } = this.#dialect;
    const isNew = stream.node === null;
    try {
      const { typeUrl, error } = this.#dialect.request(bytes, Date.now());
      if (error !== null) {
        this.#logger.warn({ node: stream.node?.id, typeUrl, error }, 'proxy refused resources');
      }
    } catch (error) {
      const code =
        error instanceof StreamLimitError ? status.RESOURCE_EXHAUSTED : status.INVALID_ARGUMENT;
      this.refuse(code, error instanceof Error ? error.message : String(error));
      return;
    }
    if (!stream.node?.id) {
      this.refuse(
        status.INVALID_ARGUMENT,
        'node.id: is missing in the first request of the stream',
      );
      return;
    }
    if (isNew) {
      clearTimeout(this.#identifyTimer);
      this.#listener.identified();
    }
    this.#pump();
  }

  #pump(): void {
    while (!this.#ended && !this.#blocked) {
      const push = this.#dialect.stream.next(Date.now());
      if (push === null) break;
      this.#blocked = !this.#call.write(this.#dialect.encode(push));
    }
    this.#wakeLater();
    this.#listener.changed();
  }

  #wakeLater(): void {
    if (this.#ended || this.#timer !== null) return;
    const nowMs = Date.now();
    const at = this.#dialect.stream.wakeAtMs(nowMs);
    if (at === null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#pump();
    }, at - nowMs);
  }
}

function sotw(): Dialect {
  const stream = new SotwStream();
  return {
    mode: 'sotw',
    stream,
    request: (bytes, nowMs) => {
      const request = decodeSotwRequest(bytes);
      stream.request(request, nowMs);
      return request;
    },
    encode: encodeSotwResponse,
  };
}

function delta(): Dialect {
  const stream = new DeltaStream();
  return {
    mode: 'delta',
    stream,
    request: (bytes, nowMs) => {
      const request = decodeDeltaRequest(bytes);
      stream.request(request, nowMs);
      return request;
    },
    encode: encodeDeltaResponse,
  };
}
