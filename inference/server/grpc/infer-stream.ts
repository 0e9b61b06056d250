import type { ServerDuplexStream } from '@grpc/grpc-js';
import { RequestError } from '../../protocol/errors.ts';
import { encodeStreamAnswer, encodeStreamError } from '../../protocol/grpc/stream-response.ts';
import type { InferMethods } from './infer-methods.ts';
import { statusOf } from './statuses.ts';

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
export class InferStream {
  readonly #stream: ServerDuplexStream<Buffer, Buffer>;
  readonly #methods: InferMethods;
  readonly #slots: Slot[] = [];
  #clientDone = false;
  #draining = false;
  #blocked = false;
  #over = false;

  /** `onOver` is called once, when the stream has ended. */
  constructor(
    stream: ServerDuplexStream<Buffer, Buffer>,
    methods: InferMethods,
    onOver: () => void,
  ) {
    this.#stream = stream;
    this.#methods = methods;
    stream.on('data', (bytes: Buffer) => this.#onRequest(bytes));
    stream.on('end', () => {
      this.#clientDone = true;
      this.#flush();
    });
    stream.on('drain', () => {
      this.#blocked = false;
      this.#flush();
    });
    stream.on('cancelled', () => {
      this.#over = true;
      onOver();
    });
    // What it emits besides is of a connection that is lost; `cancelled` follows.
    stream.on('error', () => undefined);
  }

  /** Takes no more requests, answers those it has, and ends. */
  drain(): void {
    this.#draining = true;
    this.#stream.pause();
    this.#flush();
  }

  #onRequest(bytes: Buffer): void {
    if (this.#draining || this.#over) return;
    const slot: Slot = {};
    if (this.#slots.push(slot) >= MAX_OPEN) this.#stream.pause();
    const fill = (message: Buffer): void => {
      slot.message = message;
      this.#flush();
    };
    this.#methods.run(this.#stream, bytes, {
      answer: (message) => fill(encodeStreamAnswer(message)),
      fail: (error, id) => fill(encodeStreamError(error.message, id)),
      drop: () => undefined,
    });
  }

  #flush(): void {
    if (this.#over) return;
    while (!this.#blocked) {
      const message = this.#slots[0]?.message;
      if (!message) break;
      this.#slots.shift();
      this.#blocked = !this.#stream.write(message);
    }
    if (this.#slots.length === 0 && (this.#clientDone || this.#draining)) this.#end();
    else if (!this.#blocked && !this.#draining && this.#slots.length < MAX_OPEN) {
      this.#stream.resume();
    }
  }

  #end(): void {
    this.#over = true;
    if (this.#clientDone) {
      this.#stream.end();
      return;
    }
    const error = new RequestError(
      'unavailable',
      'the server is shutting down; open another stream',
    );
    this.#stream.emit('error', statusOf(error));
  }
}
