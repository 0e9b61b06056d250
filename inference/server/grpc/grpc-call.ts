import { RequestError } from '../../protocol/errors.ts';
import { headerBlock } from '../http2/header-block.ts';
import type { Http2Stream, StreamReader } from '../http2/http2-stream.ts';
import type { RequestHead } from '../http2/request-head.ts';
import type { Caller } from './infer-call.ts';
import { ACCEPTED_ENCODINGS, messageEncoding, prefixed } from './message-coding.ts';
import { MessageReader } from './message-reader.ts';
import type { ReceiveGuard, Receiving } from './receive-guard.ts';
import { encodeMessage, GrpcCode, type GrpcStatus, statusOf } from './statuses.ts';

const HEADERS: readonly [string, string][] = [
  ['content-type', 'application/grpc'],
  ['grpc-accept-encoding', ACCEPTED_ENCODINGS],
];
const HEADER_BLOCK = headerBlock(200, HEADERS);
const OK_TRAILERS = headerBlock(undefined, [['grpc-status', '0']]);

/** Hears of the messages of one call. */
export interface CallListener {
  onMessage(message: Buffer): void;
  /** The client has sent all its messages. */
  onEnd(): void;
  /** Called once, however it ends. */
  onClose(): void;
  onDrain?(): void;
}

/** One call on its stream: messages in, messages and a status out, within its deadline. */
export class GrpcCall implements Caller, StreamReader {
  readonly deadlineMs: number | undefined;
  readonly #stream: Http2Stream;
  readonly #head: RequestHead;
  readonly #receiving: Receiving;
  readonly #reader: MessageReader | undefined;
  #listener: CallListener | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #began = false;
  #ended = false;
  #closed = false;

  /** `listen` says who hears of it; `receive` whether it is one message only. */
  constructor(
    stream: Http2Stream,
    head: RequestHead,
    guard: ReceiveGuard,
    isStream: boolean,
    listen: (call: GrpcCall) => CallListener,
  ) {
    this.#stream = stream;
    this.#head = head;
    this.#receiving = guard.begin((status) => this.end(status), isStream);
    const timeout = timeoutMs(head.get('grpc-timeout'));
    this.deadlineMs = timeout === undefined ? undefined : performance.now() + timeout;
    const encoding = messageEncoding(head.get('grpc-encoding'));
    if (encoding === undefined) {
      const name = JSON.stringify(head.get('grpc-encoding'));
      this.fail(
        unsupported(`messages compressed with ${name} are not read; send identity or gzip`),
      );
      return;
    }
    if (timeout !== undefined && Number.isNaN(timeout)) {
      this.fail(new RequestError('invalid-argument', 'grpc-timeout is no time'));
      return;
    }
    const listener = listen(this);
    this.#listener = listener;
    const messages = {
      onMessage: (message: Buffer) => listener.onMessage(message),
      onEnd: () => listener.onEnd(),
      onBroken: (error: RequestError) => this.fail(error),
    };
    this.#reader = new MessageReader(messages, encoding, guard.maxMessageBytes);
    if (timeout !== undefined) this.#deadline = setTimeout(() => this.#expire(), timeout);
  }

  get cancelled(): boolean {
    return this.#closed || this.#ended;
  }

  header(name: string): string | undefined {
    return this.#head.get(name);
  }

  onData(chunk: Buffer): void {
    if (this.#ended) return;
    this.#receiving.onData(chunk);
    if (!this.#ended) this.#reader?.add(chunk);
  }

  onEnd(): void {
    this.#receiving.end();
    if (!this.#ended) this.#reader?.end();
  }

  onClose(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#deadline);
    this.#receiving.end();
    this.#reader?.stop();
    this.#listener?.onClose();
  }

  onDrain(): void {
    this.#listener?.onDrain?.();
  }

  /** The whole answer of a call that has one message. `trailers` are beside the status. */
  answer(message: Uint8Array, trailers: Buffer = OK_TRAILERS): void {
    if (this.cancelled) return;
    this.#finish();
    this.#stream.respond(HEADER_BLOCK, prefixed(message), trailers);
  }

  /** @returns false when whoever writes should wait for `onDrain`. */
  write(message: Uint8Array): boolean {
    if (this.cancelled) return true;
    if (!this.#began) this.#stream.sendHeaders(HEADER_BLOCK, false);
    this.#began = true;
    return this.#stream.write(prefixed(message));
  }

  fail(cause: unknown): void {
    this.end(statusOf(cause));
  }

  /** After what was written. */
  end(status: GrpcStatus, more: readonly [string, string][] = []): void {
    if (this.cancelled) return;
    this.#finish();
    const trailers: [string, string][] = [['grpc-status', String(status.code)], ...more];
    if (status.details !== '') trailers.push(['grpc-message', encodeMessage(status.details)]);
    if (this.#began) this.#stream.end(headerBlock(undefined, trailers));
    else this.#stream.sendHeaders(headerBlock(200, [...HEADERS, ...trailers]), true);
  }

  /** No more messages are told, and the client may send no more than its window. */
  pause(): void {
    this.#stream.pause();
    this.#reader?.pause();
  }

  resume(): void {
    this.#stream.resume();
    this.#reader?.resume();
  }

  #finish(): void {
    this.#ended = true;
    clearTimeout(this.#deadline);
    this.#receiving.end();
    this.#reader?.stop();
  }

  #expire(): void {
    this.end({ code: GrpcCode.DEADLINE_EXCEEDED, details: 'the deadline of the call is over' });
  }
}

function unsupported(text: string): RequestError {
  return new RequestError('method-not-allowed', text);
}

const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};
/** What a timer can wait for, about 24 days. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Of `grpc-timeout`; not a number when it is none. */
function timeoutMs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const match = /^(\d{1,8})([HMSmun])$/.exec(text);
  if (!match) return Number.NaN;
  return Math.min(MAX_TIMEOUT_MS, Number(match[1]) * (UNIT_MS[match[2] as string] as number));
}
