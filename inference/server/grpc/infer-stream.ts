import { RequestError } from '../../protocol/errors.ts';
import { encodeStreamAnswer, encodeStreamError } from '../../protocol/grpc/stream-response.ts';
import type { CallListener, GrpcCall } from './grpc-call.ts';
import type { InferMethods } from './infer-methods.ts';
import { GrpcCode } from './statuses.ts';

/** Requests of one stream that are under way; more are not read from the connection. */
const MAX_OPEN = 64;

interface Slot {
  /** A ModelStreamInferResponse, once it is there. */
  message?: Buffer;
}

/**
 * One ModelStreamInfer: its requests share batches like any others, and are answered in their order. One that fails
 * is told so in its place, and the stream goes on.
 */
export class InferStream implements CallListener {
  readonly #call: GrpcCall;
  readonly #methods: InferMethods;
  readonly #onOver: () => void;
  readonly #slots: Slot[] = [];
  #clientDone = false;
  #draining = false;
  #blocked = false;

  /** `onOver` is called once, when the stream has ended. */
  constructor(call: GrpcCall, methods: InferMethods, onOver: () => void) {
    this.#call = call;
    this.#methods = methods;
    this.#onOver = onOver;
  }

  onMessage(bytes: Buffer): void {
    if (this.#draining) return;
    const slot: Slot = {};
    if (this.#slots.push(slot) >= MAX_OPEN) this.#call.pause();
    const fill = (message: Buffer): void => {
      slot.message = message;
      this.#flush();
    };
    this.#methods.run(this.#call, bytes, {
      answer: (message) => fill(encodeStreamAnswer(message)),
      fail: (error, id) => fill(encodeStreamError(error.message, id)),
      drop: () => undefined,
    });
  }

  onEnd(): void {
    this.#clientDone = true;
    this.#flush();
  }

  onDrain(): void {
    this.#blocked = false;
    this.#flush();
  }

  onClose(): void {
    this.#onOver();
  }

  /** Takes no more requests, answers those it has, and ends. */
  drain(): void {
    this.#draining = true;
    this.#call.pause();
    this.#flush();
  }

  #flush(): void {
    if (this.#call.cancelled) return;
    while (!this.#blocked) {
      const message = this.#slots[0]?.message;
      if (!message) break;
      this.#slots.shift();
      this.#blocked = !this.#call.write(message);
    }
    if (this.#slots.length === 0 && (this.#clientDone || this.#draining)) this.#end();
    else if (!this.#blocked && !this.#draining && this.#slots.length < MAX_OPEN) {
      this.#call.resume();
    }
  }

  #end(): void {
    if (this.#clientDone) this.#call.end({ code: GrpcCode.OK, details: '' });
    else {
      this.#call.fail(
        new RequestError('unavailable', 'the server is shutting down; open another stream'),
      );
    }
  }
}
