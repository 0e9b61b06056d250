/** A client over real gRPC, with the message types of the API: nothing of the server's own coding. */
import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { ChannelCredentials, ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import { Client, credentials } from '@grpc/grpc-js';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '../../../control-plane/xds/gen/envoy/service/discovery/v3/discovery_pb.js';

const ADS = '/envoy.service.discovery.v3.AggregatedDiscoveryService';
const WAIT_MS = 10_000;
const same = (bytes: Buffer): Buffer => bytes;

export class GrpcStream<Request extends DescMessage, Response extends DescMessage> {
  readonly call: ClientDuplexStream<Buffer, Buffer>;
  /** Settles when the stream is over, with the server's status. */
  readonly ended: Promise<{ code: number; details: string }>;
  readonly #client: Client;
  readonly #request: Request;
  readonly #response: Response;
  readonly #received: MessageShape<Response>[] = [];
  #waiting: (() => void) | null = null;

  constructor(
    port: number,
    path: string,
    request: Request,
    response: Response,
    channel: ChannelCredentials = credentials.createInsecure(),
  ) {
    const options = { 'grpc.ssl_target_name_override': 'localhost' };
    this.#client = new Client(`127.0.0.1:${port}`, channel, options);
    this.#request = request;
    this.#response = response;
    this.call = this.#client.makeBidiStreamRequest(path, same, same);
    this.call.on('data', (bytes: Buffer) => {
      this.#received.push(fromBinary(this.#response, bytes));
      this.#waiting?.();
    });
    this.ended = new Promise((resolve) => {
      this.call.on('error', () => {});
      this.call.on('status', ({ code, details }: ServiceError) => resolve({ code, details }));
    });
  }

  send(init: MessageInitShape<Request>): void {
    this.call.write(Buffer.from(toBinary(this.#request, create(this.#request, init))));
  }

  /** The next response; fails when none comes. */
  async receive(): Promise<MessageShape<Response>> {
    for (;;) {
      const response = this.#received.shift();
      if (response !== undefined) return response;
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('no response')), WAIT_MS);
        this.#waiting = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#waiting = null;
    }
  }

  get unread(): number {
    return this.#received.length;
  }

  close(): void {
    this.call.cancel();
    this.#client.close();
  }
}

/** `path`: of another service than the aggregated one. */
export function sotwStream(port: number, path = `${ADS}/StreamAggregatedResources`) {
  return new GrpcStream(port, path, DiscoveryRequestSchema, DiscoveryResponseSchema);
}

/** `channel`: plain text unless given. */
export function deltaStream(
  port: number,
  path = `${ADS}/DeltaAggregatedResources`,
  channel?: ChannelCredentials,
) {
  const request = DeltaDiscoveryRequestSchema;
  return new GrpcStream(port, path, request, DeltaDiscoveryResponseSchema, channel);
}
