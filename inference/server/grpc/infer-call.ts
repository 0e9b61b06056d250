import type { RequestError } from '../../protocol/errors.ts';
import type { GrpcInferResponseEncoder } from '../../protocol/grpc/infer-response.ts';
import type { InferRequest } from '../../protocol/infer-request.ts';
import type { Tensor } from '../../protocol/tensor.ts';
import type { Client } from '../../runtime/pending-request.ts';
import type { InferCall } from '../infer-service.ts';
import type { HeldBytes } from './held-bytes.ts';

/** What calls of all kinds know of their caller. */
export interface Caller {
  /** Also once its deadline is over. */
  readonly cancelled: boolean;
  /** In performance.now() time. */
  readonly deadlineMs: number | undefined;
  /** The first value of this name in the metadata; `name` in lower case. */
  header(name: string): string | undefined;
}

/** Where one answer goes. One of these is called, once. */
export interface Reply {
  /** A ModelInferResponse. */
  answer(message: Buffer): void;
  /** `id` is the request's, if one was read. */
  fail(error: RequestError, id: string): void;
  /** The caller has gone. */
  drop(): void;
}

/** One ModelInferRequest on its way: what the service may know of it, and where its answer goes. */
export class GrpcInferCall implements InferCall, Client {
  readonly protocol = 'grpc';
  readonly deadlineMs: number | undefined;
  readonly startMs: number | undefined;
  readonly #caller: Caller;
  readonly #reply: Reply;
  readonly #id: string;
  #request: InferRequest | undefined;
  #encoder: GrpcInferResponseEncoder | undefined;
  #held: HeldBytes | undefined;
  #heldBytes = 0;

  constructor(caller: Caller, reply: Reply, id: string, startMs: number | undefined) {
    this.#caller = caller;
    this.#reply = reply;
    this.#id = id;
    this.startMs = startMs;
    this.deadlineMs = caller.deadlineMs;
  }

  /** Before it is submitted. `bytes` count as held until the call ends, and are not held if this throws. */
  read(
    request: InferRequest,
    encoder: GrpcInferResponseEncoder,
    held: HeldBytes,
    bytes: number,
  ): void {
    held.hold(bytes);
    this.#held = held;
    this.#heldBytes = bytes;
    this.#request = request;
    this.#encoder = encoder;
  }

  header(name: string): string | undefined {
    return this.#caller.header(name);
  }

  get gone(): boolean {
    return this.#caller.cancelled;
  }

  answer(tensors: readonly Tensor[]): void {
    const { id, outputs } = this.#request as InferRequest;
    const encoder = this.#encoder as GrpcInferResponseEncoder;
    const message = encoder.encode(id, outputs, tensors);
    this.#release();
    this.#reply.answer(message);
  }

  fail(error: RequestError): void {
    this.#release();
    this.#reply.fail(error, this.#id);
  }

  drop(): void {
    this.#release();
    this.#reply.drop();
  }

  #release(): void {
    this.#held?.release(this.#heldBytes);
    this.#heldBytes = 0;
  }
}
