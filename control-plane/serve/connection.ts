/** One gRPC stream around one state machine: bytes in, bytes out, no faster than the client reads. */
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { Snapshot } from '../xds/snapshot.ts';
import { DeltaStream } from './delta-stream.ts';
import type { Node, Push, TypeStatus } from './discovery.ts';
import { AccessError, StreamLimitError } from './discovery.ts';
import type { ProxyStatus } from './proxies.ts';
import type { Mode, XdsMethod } from './services.ts';
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
  /**
   * The stream has said who it is. Returns its view, and the state of that, null if there is none yet.
   * @throws where it gets none: the stream ends with the message.
   */
  identified(node: Node): { readonly view: string; readonly snapshot: Snapshot | null };
  /** What `status` says may have changed. */
  changed(): void;
  /** A response of so many bytes was handed to the connection. */
  sent(typeUrl: string, bytes: number): void;
  /** The client refused a response. */
  refused(typeUrl: string): void;
  closed(): void;
}

/** The half of a connection that differs between the two kinds of streams. */
interface Dialect {
  readonly mode: Mode;
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
  #view: string | null = null;
  /** Bytes of the response that is being written; 0: there is none. */
  #unsentBytes = 0;
  #ended = false;
  #timer: NodeJS.Timeout | null = null;
  readonly #identifyTimer: NodeJS.Timeout;

  constructor(call: Call, method: XdsMethod, logger: Logger, listener: Listener) {
    this.#call = call;
    this.#dialect = method.mode === 'sotw' ? sotw(method.typeUrl) : delta(method.typeUrl);
    this.#listener = listener;
    this.#logger = logger;
    this.#identifyTimer = setTimeout(() => {
      this.refuse(status.DEADLINE_EXCEEDED, `no request within ${IDENTIFY_TIMEOUT_MS} ms`);
    }, IDENTIFY_TIMEOUT_MS);
    call.on('data', (bytes: Buffer) => this.#onRequest(bytes));
    call.on('end', () => this.end());
    call.on('error', () => this.end());
    call.on('cancelled', () => this.end());
    call.on('close', () => this.end());
  }

  /** Null until the stream has said who it is. */
  get view(): string | null {
    return this.#view;
  }

  /** This is the truth from now on. Nothing is sent before `push`, or a request. */
  publish(snapshot: Snapshot): void {
    this.#dialect.stream.publish(snapshot);
    this.#listener.changed();
  }

  push(): void {
    if (!this.#ended) this.#pump();
  }

  status(): ProxyStatus {
    const { node } = this.#dialect.stream;
    const types: TypeStatus[] = this.#dialect.stream.statuses();
    return {
      nodeId: node?.id ?? '',
      cluster: node?.cluster ?? '',
      userAgent: node?.userAgent ?? '',
      view: this.#view ?? '',
      connectedAt: this.#connectedAt,
      mode: this.#dialect.mode,
      inSync: types.every((type) => type.inSync),
      unsentBytes: this.#unsentBytes,
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
    try {
      const { typeUrl, error } = this.#dialect.request(bytes, Date.now());
      if (error !== null) {
        this.#logger.warn({ node: stream.node?.id, typeUrl, error }, 'proxy refused resources');
        this.#listener.refused(typeUrl);
      }
      if (this.#view === null) this.#identify(stream.node);
    } catch (error) {
      this.refuse(codeOf(error), error instanceof Error ? error.message : String(error));
      return;
    }
    this.#pump();
  }

  #identify(node: Node | null): void {
    if (!node?.id) throw new Error('node.id: is missing in the first request of the stream');
    const { view, snapshot } = this.#listener.identified(node);
    clearTimeout(this.#identifyTimer);
    this.#view = view;
    if (snapshot !== null) this.#dialect.stream.publish(snapshot);
  }

  /**
   * One response at a time is handed to the connection, so that a client that does not read gets the
   * latest state when it does, whatever it has acknowledged by then.
   */
  #pump(): void {
    // One time for both: what became due in between would be in neither.
    const nowMs = Date.now();
    const push = this.#isBusy ? null : this.#dialect.stream.next(nowMs);
    if (push !== null) this.#write(push.typeUrl, this.#dialect.encode(push));
    this.#wakeLater(nowMs);
    this.#listener.changed();
  }

  get #isBusy(): boolean {
    return this.#ended || this.#unsentBytes > 0;
  }

  #write(typeUrl: string, bytes: Buffer): void {
    this.#unsentBytes = bytes.length;
    this.#listener.sent(typeUrl, bytes.length);
    this.#call.write(bytes, () => {
      this.#unsentBytes = 0;
      this.#pump();
    });
  }

  #wakeLater(nowMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#ended) return;
    const at = this.#dialect.stream.wakeAtMs(nowMs);
    if (at === null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#pump();
    }, at - nowMs);
  }
}

function codeOf(error: unknown): status {
  if (error instanceof StreamLimitError) return status.RESOURCE_EXHAUSTED;
  if (error instanceof AccessError) return status.PERMISSION_DENIED;
  return status.INVALID_ARGUMENT;
}

function sotw(typeUrl: string | null): Dialect {
  const stream = new SotwStream({ aggregated: typeUrl === null });
  return {
    mode: 'sotw',
    stream,
    request: (bytes, nowMs) => {
      const request = ofType(decodeSotwRequest(bytes), typeUrl);
      stream.request(request, nowMs);
      return request;
    },
    encode: encodeSotwResponse,
  };
}

function delta(typeUrl: string | null): Dialect {
  const stream = new DeltaStream({ aggregated: typeUrl === null });
  return {
    mode: 'delta',
    stream,
    request: (bytes, nowMs) => {
      const request = ofType(decodeDeltaRequest(bytes), typeUrl);
      stream.request(request, nowMs);
      return request;
    },
    encode: encodeDeltaResponse,
  };
}

/** A service of one type need not be told which, and is about no other. */
function ofType<Request extends { readonly typeUrl: string }>(
  request: Request,
  typeUrl: string | null,
): Request {
  if (typeUrl === null && request.typeUrl === '') {
    throw new Error('type_url: is missing, and the aggregated service is about all types');
  }
  if (typeUrl === null || request.typeUrl === typeUrl) return request;
  if (request.typeUrl === '') return { ...request, typeUrl };
  throw new Error(`type_url: is ${request.typeUrl}, and this service is about ${typeUrl} only`);
}
