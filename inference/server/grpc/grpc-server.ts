/**
 * Owns the gRPC side of the pod: sockets, services, readiness and drain. It knows the protocol and the catalog of
 * models; it must not know how or where a model runs.
 */
import { type AddressInfo, createServer, type Server as TcpServer } from 'node:net';
import {
  type ConnectionInjector,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
} from '@grpc/grpc-js';
import type { TensorLimits } from '../../protocol/tensor-limits.ts';
import type { ModelCatalog } from '../../runtime/model-catalog.ts';
import type { BodyLimits } from '../body-reader.ts';
import type { InferService } from '../infer-service.ts';
import { healthDefinition, inferenceDefinition, loadDefinitions } from './definitions.ts';
import { descriptionMethods } from './description-methods.ts';
import { Health } from './health.ts';
import { HeldBytes } from './held-bytes.ts';
import { InferMethods } from './infer-methods.ts';
import { InferStream } from './infer-stream.ts';
import { OpenStreams } from './open-streams.ts';
import { PodState } from './pod-state.ts';
import { ReceiveGuard } from './receive-guard.ts';
import { addReflection } from './reflection.ts';
import { repositoryMethods } from './repository-methods.ts';
import { statisticsMethods } from './statistics-methods.ts';
import { addUnsupportedMethods } from './unsupported-methods.ts';

/** Calls of one connection at a time; clients let more wait. */
const MAX_STREAMS = 1024;
/** A peer that is gone without a word is noticed so that it takes no place among the connections. */
const KEEP_ALIVE_MS = 60_000;
const KEEP_ALIVE_TIMEOUT_MS = 20_000;

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
  readonly #inferStreams = new Set<InferStream>();
  readonly #otherStreams = new OpenStreams();
  readonly #server: Server;
  readonly #connections: ConnectionInjector;
  /** Sockets are taken here, because grpc-js has no bound on their number. */
  readonly #sockets: TcpServer;

  /** `catalog` is undefined while models are being loaded; health can be asked meanwhile. */
  constructor(
    options: GrpcServerOptions,
    service: InferService,
    catalog: () => ModelCatalog | undefined,
  ) {
    this.#state = new PodState(catalog);
    this.#health = new Health(this.#state, this.#otherStreams);
    const held = new HeldBytes(options.maxHeldBytes);
    this.#server = new Server({
      'grpc.max_receive_message_length': options.maxBodyBytes,
      'grpc.max_concurrent_streams': MAX_STREAMS,
      'grpc.keepalive_time_ms': KEEP_ALIVE_MS,
      'grpc.keepalive_timeout_ms': KEEP_ALIVE_TIMEOUT_MS,
      'grpc.enable_channelz': 0,
      interceptors: [new ReceiveGuard(options, held).interceptor],
    });
    this.#addServices(options, new InferMethods(service, options, held));
    this.#connections = this.#server.createConnectionInjector(ServerCredentials.createInsecure());
    this.#sockets = createServer((socket) => this.#connections.injectConnection(socket));
    this.#sockets.maxConnections = options.maxConnections;
  }

  /** @returns the port. */
  async listen(host: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#sockets.once('error', reject);
      this.#sockets.listen(port, host, resolve);
    });
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
    await new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()));
    await closed;
  }

  /** Ends at once, whatever is open. */
  close(): void {
    this.#sockets.close();
    this.#server.forceShutdown();
  }

  #addServices(options: GrpcServerOptions, infer: InferMethods): void {
    const definitions = loadDefinitions();
    this.#server.addService(inferenceDefinition(definitions), {
      ...descriptionMethods(this.#state, options.version),
      ...repositoryMethods(this.#state),
      ...statisticsMethods(this.#state),
      ModelInfer: infer.modelInfer,
      ModelStreamInfer: (call: ServerDuplexStream<Buffer, Buffer>) => {
        const stream = new InferStream(call, infer, () => this.#inferStreams.delete(stream));
        this.#inferStreams.add(stream);
      },
    });
    this.#server.addService(healthDefinition(definitions), this.#health.methods);
    addUnsupportedMethods(this.#server);
    addReflection(this.#server, definitions, this.#otherStreams);
  }
}
