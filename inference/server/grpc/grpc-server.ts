/**
 * Owns the gRPC side of the pod: sockets, services, readiness and drain. It knows the protocol and the catalog of
 * models; it must not know how or where a model runs.
 */
import { type AddressInfo, createServer, type Socket, type Server as TcpServer } from 'node:net';
import type { TensorLimits } from '../../protocol/tensor-limits.ts';
import type { ModelCatalog } from '../../runtime/model-catalog.ts';
import type { BodyLimits } from '../body-reader.ts';
import { Http2Connection } from '../http2/http2-connection.ts';
import type { Http2Stream, StreamReader } from '../http2/http2-stream.ts';
import type { RequestHead } from '../http2/request-head.ts';
import type { InferService } from '../infer-service.ts';
import { HEALTH_SERVICE, INFERENCE_SERVICE, loadDefinitions, serviceTypes } from './definitions.ts';
import { descriptionMethods } from './description-methods.ts';
import { GrpcCall } from './grpc-call.ts';
import { GrpcMethods } from './grpc-methods.ts';
import { Health } from './health.ts';
import { HeldBytes } from './held-bytes.ts';
import { InferMethods } from './infer-methods.ts';
import { InferStream } from './infer-stream.ts';
import { OpenStreams } from './open-streams.ts';
import { PodState } from './pod-state.ts';
import { ReceiveGuard } from './receive-guard.ts';
import { addReflection } from './reflection.ts';
import { NOBODY, refusalOf, unknownMethod } from './refusals.ts';
import { repositoryMethods } from './repository-methods.ts';
import { statisticsMethods } from './statistics-methods.ts';
import { addUnsupportedMethods } from './unsupported-methods.ts';

/** Calls of one connection at a time; clients let more wait. */
const MAX_STREAMS = 1024;
/** A peer that is gone without a word is noticed so that it takes no place among the connections. */
const KEEP_ALIVE_MS = 60_000;
const KEEP_ALIVE_TIMEOUT_MS = 20_000;
const CHECK_EVERY_MS = 5000;

export interface GrpcServerOptions extends BodyLimits, TensorLimits {
  /** Of the whole server, for its metadata. */
  readonly version: string;
  readonly maxConnections: number;
  /** For a message to arrive whole. */
  readonly receiveTimeoutMs: number;
}

export class GrpcServer {
  readonly #state: PodState;
  readonly #health: Health;
  readonly #methods = new GrpcMethods();
  readonly #inferStreams = new Set<InferStream>();
  readonly #otherStreams = new OpenStreams();
  readonly #held: HeldBytes;
  readonly #guard: ReceiveGuard;
  readonly #connections = new Set<Http2Connection>();
  readonly #sockets: TcpServer;
  #checks: NodeJS.Timeout | undefined;

  /** `catalog` is undefined while models are being loaded; health can be asked meanwhile. */
  constructor(
    options: GrpcServerOptions,
    service: InferService,
    catalog: () => ModelCatalog | undefined,
  ) {
    this.#state = new PodState(catalog);
    this.#health = new Health(this.#state, this.#otherStreams);
    this.#held = new HeldBytes(options.maxHeldBytes);
    this.#guard = new ReceiveGuard(options, this.#held);
    this.#addMethods(options, new InferMethods(service, options, this.#held));
    this.#sockets = createServer((socket) => this.#connect(socket));
    this.#sockets.maxConnections = options.maxConnections;
  }

  /** Bytes of messages that wait for their answers, or are not whole yet. */
  get heldBytes(): number {
    return this.#held.bytes;
  }

  /** @returns the port. */
  async listen(host: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#sockets.once('error', reject);
      this.#sockets.listen(port, host, resolve);
    });
    this.#checks = setInterval(() => this.#check(), CHECK_EVERY_MS).unref();
    return (this.#sockets.address() as AddressInfo).port;
  }

  /**
   * Not ready any more, but everything is still answered; after `delayMs` no connection is taken, clients are told
   * to go (GOAWAY), and their last answers end it.
   */
  async drain(delayMs: number): Promise<void> {
    this.#state.drain();
    this.#health.tell();
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    const closed = new Promise<void>((resolve) => this.#sockets.close(() => resolve()));
    this.#otherStreams.end();
    for (const stream of this.#inferStreams) stream.drain();
    for (const connection of this.#connections) connection.drain();
    await closed;
    clearInterval(this.#checks);
  }

  /** Ends at once, whatever is open. */
  close(): void {
    clearInterval(this.#checks);
    this.#sockets.close();
    for (const connection of this.#connections) connection.destroy();
  }

  #connect(socket: Socket): void {
    const connection = new Http2Connection(socket, {
      maxStreams: MAX_STREAMS,
      accept: (stream, head) => this.#accept(stream, head),
      onClose: () => this.#connections.delete(connection),
    });
    this.#connections.add(connection);
  }

  #accept(stream: Http2Stream, head: RequestHead): StreamReader {
    const method = this.#methods.find(head.path ?? '');
    const refusal = refusalOf(head);
    if (!method || refusal) {
      stream.sendHeaders(refusal ?? unknownMethod(head), true);
      return NOBODY;
    }
    return new GrpcCall(stream, head, this.#guard, method.isStream, method.listen);
  }

  #check(): void {
    for (const connection of this.#connections) {
      connection.check(KEEP_ALIVE_MS, KEEP_ALIVE_TIMEOUT_MS);
    }
  }

  #addMethods(options: GrpcServerOptions, infer: InferMethods): void {
    const definitions = loadDefinitions();
    const inference = serviceTypes(definitions, INFERENCE_SERVICE);
    const methods = this.#methods;
    methods.addUnary(inference, {
      ...descriptionMethods(this.#state, options.version),
      ...repositoryMethods(this.#state),
      ...statisticsMethods(this.#state),
    });
    methods.addBytes(`/${INFERENCE_SERVICE}/ModelInfer`, infer.modelInfer);
    methods.add(`/${INFERENCE_SERVICE}/ModelStreamInfer`, {
      isStream: true,
      listen: (call) => {
        const stream = new InferStream(call, infer, () => this.#inferStreams.delete(stream));
        this.#inferStreams.add(stream);
        return stream;
      },
    });
    const health = serviceTypes(definitions, HEALTH_SERVICE);
    methods.addUnary(health, this.#health.methods);
    methods.addStreams(health, this.#health.streams);
    addUnsupportedMethods(methods);
    addReflection(methods, definitions, this.#otherStreams);
  }
}
