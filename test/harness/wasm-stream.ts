/** Drives one stream of a module as Envoy does: what is held, what is released, what is over. */
import assert from 'node:assert/strict';
import type { HeaderPairs } from './wasm-memory.ts';

/** What a filter answers in the backend's place. */
export interface LocalReply {
  readonly status: number;
  readonly headers: HeaderPairs;
  readonly body: Buffer;
}

export const CONTINUE = 0;
export const HOLD = 1;

export type Headers = Record<string, string>;

/** The module's callbacks, with the host's bookkeeping around them. */
export interface StreamCallbacks {
  callback(name: string, id: number, ...args: number[]): number;
  streamEnded(id: number): void;
}

/** One direction of a stream: its headers, and the part of its body that the filter may see. */
export class Side {
  headers: HeaderPairs | null = null;
  headersReleased = false;
  /** What get_buffer_bytes shows: all that is held, or the chunk that just came. */
  body: Buffer | null = null;
  held = false;
  /** What a filter may add behind the end of a body; null: that has not come. */
  trailers: HeaderPairs | null = null;
  /** What has left, in pieces. */
  readonly sent: Buffer[] = [];

  /** Takes the next piece of the body. */
  add(chunk: Buffer): void {
    this.body = this.held && this.body ? Buffer.concat([this.body, chunk]) : chunk;
    this.held = true;
  }

  release(): void {
    if (this.held && this.body) this.sent.push(this.body);
    this.held = false;
    this.headersReleased = true;
  }
}

export class WasmStream {
  readonly id: number;
  readonly root: number;
  readonly request = new Side();
  readonly response = new Side();
  /** Envoy keeps them per request: for a retry, give the map of the first attempt to the next. */
  properties = new Map<string, Buffer>();
  /** What Envoy itself says of this stream or attempt, by its path, joined by zero bytes. */
  readonly attributes = new Map<string, string>();
  reply: LocalReply | null = null;
  over = false;
  private readonly host: StreamCallbacks;

  constructor(id: number, root: number, host: StreamCallbacks) {
    this.id = id;
    this.root = root;
    this.host = host;
  }

  requestHeaders(headers: Headers, endOfStream = false): number {
    return this.headers(this.request, 'proxy_on_request_headers', headers, endOfStream);
  }

  requestBody(data: string | Uint8Array, endOfStream: boolean): number {
    this.assertUnanswered();
    return this.body(this.request, 'proxy_on_request_body', data, endOfStream);
  }

  requestTrailers(): number {
    this.assertUnanswered();
    const action = this.host.callback('proxy_on_request_trailers', this.id, 0);
    if (action === CONTINUE) this.request.release();
    return action;
  }

  responseHeaders(headers: Headers, endOfStream = false): number {
    return this.headers(this.response, 'proxy_on_response_headers', headers, endOfStream);
  }

  responseBody(data: string | Uint8Array, endOfStream: boolean): number {
    return this.body(this.response, 'proxy_on_response_body', data, endOfStream);
  }

  responseTrailers(): number {
    const action = this.host.callback('proxy_on_response_trailers', this.id, 0);
    if (action === CONTINUE) this.response.release();
    return action;
  }

  /** Ends the stream, as a finished response or a client that hangs up does. */
  done(): void {
    assert.ok(!this.over, `stream ${this.id} is already over`);
    this.host.callback('proxy_on_done', this.id);
    this.over = true;
    this.host.callback('proxy_on_delete', this.id);
    this.host.streamEnded(this.id);
  }

  get replied(): boolean {
    return this.reply !== null;
  }

  get requestHeadersNow(): Headers {
    return Object.fromEntries(this.request.headers ?? []);
  }

  get responseHeadersNow(): Headers {
    return Object.fromEntries(this.response.headers ?? []);
  }

  get requestBodyNow(): Buffer {
    return this.request.body ?? Buffer.alloc(0);
  }

  get responseBodyNow(): Buffer {
    return this.response.body ?? Buffer.alloc(0);
  }

  private headers(side: Side, name: string, headers: Headers, endOfStream: boolean): number {
    side.headers = Object.entries(headers);
    side.headersReleased = false;
    const action = this.host.callback(name, this.id, side.headers.length, endOfStream ? 1 : 0);
    if (action === CONTINUE) side.release();
    else side.held = true;
    return action;
  }

  private body(side: Side, name: string, data: string | Uint8Array, end: boolean): number {
    side.add(Buffer.from(data as Uint8Array));
    if (end) side.trailers ??= [];
    const action = this.host.callback(name, this.id, side.body?.length ?? 0, end ? 1 : 0);
    if (action === CONTINUE) side.release();
    return action;
  }

  private assertUnanswered(): void {
    assert.ok(
      this.reply === null,
      `stream ${this.id} is answered: Envoy brings nothing more of its request`,
    );
  }
}
