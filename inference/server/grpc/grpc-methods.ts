import { RequestError } from '../../protocol/errors.ts';
import type { CallListener, GrpcCall } from './grpc-call.ts';
import { MessageStream } from './message-stream.ts';
import { answerUnary, type MessageTypes, type UnaryMethod } from './unary.ts';

/** One method, as calls of it are begun. */
export interface GrpcMethod {
  /** Whether clients may send several messages, or none. */
  readonly isStream: boolean;
  listen(call: GrpcCall): CallListener;
}

/** Of a service: by name its methods, with their paths and message types. */
export type ServiceTypes = Readonly<Record<string, MessageTypes & { readonly path: string }>>;

/** What the server can be called for, by path. */
export class GrpcMethods {
  readonly #methods = new Map<string, GrpcMethod>();

  find(path: string): GrpcMethod | undefined {
    return this.#methods.get(path);
  }

  addUnary(service: ServiceTypes, methods: Readonly<Record<string, UnaryMethod>>): void {
    for (const [name, method] of Object.entries(methods)) {
      const types = typesOf(service, name);
      this.addBytes(types.path, (bytes, call) => answerUnary(method, types, bytes, call));
    }
  }

  /** Of methods that answer with several messages, or take several. */
  addStreams(
    service: ServiceTypes,
    methods: Readonly<Record<string, (stream: MessageStream) => void>>,
  ): void {
    for (const [name, open] of Object.entries(methods)) {
      const types = typesOf(service, name);
      this.add(types.path, {
        isStream: true,
        listen: (call) => {
          const stream = new MessageStream(call, types);
          open(stream);
          return stream;
        },
      });
    }
  }

  /** A method of one message, read by `answer` itself. */
  addBytes(path: string, answer: (bytes: Buffer, call: GrpcCall) => void): void {
    this.add(path, { isStream: false, listen: (call) => new OneMessage(call, answer) });
  }

  add(path: string, method: GrpcMethod): void {
    this.#methods.set(path, method);
  }
}

/** Waits until the client has sent its message, and nothing else. */
class OneMessage implements CallListener {
  readonly #call: GrpcCall;
  readonly #answer: (bytes: Buffer, call: GrpcCall) => void;
  #message: Buffer | undefined;

  constructor(call: GrpcCall, answer: (bytes: Buffer, call: GrpcCall) => void) {
    this.#call = call;
    this.#answer = answer;
  }

  onMessage(message: Buffer): void {
    if (this.#message) this.#call.fail(wrongNumber('more than one message'));
    else this.#message = message;
  }

  onEnd(): void {
    if (this.#message) this.#answer(this.#message, this.#call);
    else this.#call.fail(wrongNumber('no message'));
  }

  onClose(): void {
    this.#message = undefined;
  }
}

function wrongNumber(what: string): RequestError {
  return new RequestError('method-not-allowed', `this method takes one message; there is ${what}`);
}

function typesOf(service: ServiceTypes, name: string): ServiceTypes[string] {
  const types = service[name];
  if (!types) throw new Error(`the .proto file lacks the method ${name}`);
  return types;
}
