import { EventEmitter } from 'node:events';
import type { CallListener, GrpcCall } from './grpc-call.ts';
import type { MessageTypes } from './unary.ts';

/** A call with messages as objects, in the shape that libraries for gRPC on Node expect: `data`, `end`, write, end. */
export class MessageStream extends EventEmitter implements CallListener {
  readonly #call: GrpcCall;
  readonly #types: MessageTypes;

  constructor(call: GrpcCall, types: MessageTypes) {
    super();
    this.#call = call;
    this.#types = types;
  }

  onMessage(bytes: Buffer): void {
    let message: unknown;
    try {
      message = this.#types.requestDeserialize(bytes);
    } catch (error) {
      this.fail(error);
      return;
    }
    this.emit('data', message);
  }

  onEnd(): void {
    this.emit('end');
  }

  onClose(): void {
    this.emit('close');
  }

  write(message: object): boolean {
    return this.#call.write(this.#types.responseSerialize(message));
  }

  end(): void {
    this.#call.end({ code: 0, details: '' });
  }

  fail(cause: unknown): void {
    this.#call.fail(cause);
  }
}
