/** What Istio's agent is to a sidecar's Envoy: secrets by SDS, on a socket. */
import { fromBinary } from '@bufbuild/protobuf';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { DiscoveryRequestSchema } from '../../../control-plane/xds/gen/envoy/service/discovery/v3/discovery_pb.js';
import type { PemPair } from '../../harness/certificates.ts';

export interface MeshAgent {
  stop(): void;
}

const TYPE = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';

/** `default` is the workload's certificate, `ROOTCA` the mesh's authority. */
export async function startMeshAgent(
  socket: string,
  workload: PemPair,
  authority: string,
): Promise<MeshAgent> {
  const server = new Server();
  const same = (bytes: Buffer): Buffer => bytes;
  const path = '/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets';
  const method = {
    ...{ path, requestStream: true, responseStream: true },
    ...{ requestSerialize: same, requestDeserialize: same },
    ...{ responseSerialize: same, responseDeserialize: same },
  };
  const secrets = new Map([
    ['default', secret('default', 2, [certificateChain(workload)])],
    ['ROOTCA', secret('ROOTCA', 4, [message(1, pem(authority))])],
  ]);
  server.addService(
    { stream: method },
    {
      stream: (stream: ServerDuplexStream<Buffer, Buffer>) => {
        const sent = new Set<string>();
        stream.on('data', (bytes: Buffer) => {
          const { resourceNames } = fromBinary(DiscoveryRequestSchema, bytes);
          for (const name of resourceNames) {
            const found = secrets.get(name);
            if (found === undefined || sent.has(name)) continue;
            sent.add(name);
            stream.write(response(found));
          }
        });
        stream.on('end', () => stream.end());
      },
    },
  );
  await new Promise<void>((resolve, reject) => {
    const credentials = ServerCredentials.createInsecure();
    server.bindAsync(`unix:${socket}`, credentials, (error) => (error ? reject(error) : resolve()));
  });
  return { stop: () => server.forceShutdown() };
}

/** Fields of protobuf by hand: the messages are not among those that the control plane has. */
function message(field: number, content: Buffer): Buffer {
  const length: number[] = [];
  let rest = content.length;
  for (; rest > 127; rest >>>= 7) length.push((rest & 127) | 128);
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...length, rest]), content]);
}

const text = (field: number, value: string) => message(field, Buffer.from(value));
/** DataSource with inline bytes. */
const pem = (value: string) => text(2, value);

function certificateChain({ certificate, key }: PemPair): Buffer {
  return Buffer.concat([message(1, pem(certificate)), message(2, pem(key))]);
}

function secret(name: string, field: number, parts: readonly Buffer[]): Buffer {
  return Buffer.concat([text(1, name), message(field, Buffer.concat(parts))]);
}

function response(value: Buffer): Buffer {
  const any = Buffer.concat([text(1, TYPE), message(2, value)]);
  return Buffer.concat([text(1, '1'), message(2, any), text(4, TYPE), text(5, '1')]);
}
