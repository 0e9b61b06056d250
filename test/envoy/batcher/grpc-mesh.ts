/** Control plane, Envoy and a gRPC model server that is slow and failing on demand; and clients of it. */
import { connect, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { setTimeout as delay } from 'node:timers/promises';
import { startMesh, type TestMesh } from '../../harness/mesh.ts';
import { decodeGrpc, type GrpcMessage, serveGrpc } from '../../unit/batcher/grpc-model-server.ts';
import { SERVICE } from '../protocols/grpc-call.ts';
import { startHttp2Backend } from '../protocols/http2-backend.ts';

/** Instead of an answer: a status, a connection that breaks, or a body that is no answer. */
export type Instead = number | 'reset' | Uint8Array | null;

export interface GrpcActing {
  delayMs(message: GrpcMessage): number;
  instead(message: GrpcMessage): Instead;
}

export interface GrpcBackend {
  readonly port: number;
  acting: Partial<GrpcActing>;
  /** Rows of each call, in order. */
  readonly rows: number[];
  readonly headers: IncomingHttpHeaders[];
  stop(): Promise<void>;
}

export async function startGrpcBackend(acting: Partial<GrpcActing> = {}): Promise<GrpcBackend> {
  const rows: number[] = [];
  const headers: IncomingHttpHeaders[] = [];
  const server = await startHttp2Backend(async (stream, { body, headers: got }) => {
    const message = readable(body);
    rows.push(message.tensors[0]?.shape[0] ?? 0);
    headers.push(got);
    await delay(backend.acting.delayMs?.(message) ?? 10);
    if (stream.destroyed) return;
    const instead = backend.acting.instead?.(message) ?? null;
    if (instead === 'reset') {
      stream.close(2);
      return;
    }
    const type = { ':status': 200, 'content-type': 'application/grpc', 'x-server': 'pod-7' };
    if (typeof instead === 'number') {
      // What grpc libraries send where there is no message: all in the headers.
      stream.respond(
        { ...type, 'grpc-status': instead, 'grpc-message': 'no' },
        { endStream: true },
      );
      return;
    }
    const { status, text, bytes } = serveGrpc(body);
    stream.respond(type, { waitForTrailers: true });
    stream.on('wantTrailers', () => {
      stream.sendTrailers({ 'grpc-status': status, 'grpc-message': encodeURIComponent(text) });
    });
    stream.end(instead ?? bytes);
  });
  const backend: GrpcBackend = { port: server.port, acting, rows, headers, stop: server.stop };
  return backend;
}

/** What this server cannot read it refuses, as `serveGrpc` does. */
function readable(body: Uint8Array): GrpcMessage {
  try {
    return decodeGrpc('request', body);
  } catch {
    return { tensors: [] };
  }
}

export const ROUTE = 'default/digits';

/** `more`: fields of the route, as `retry: {...}`; `httpPort`: of a backend for the model `digits-http`. */
export function grpcResources(port: number, batching: string, more = '', httpPort = 0): string {
  const http =
    httpPort === 0
      ? ''
      : `
---
apiVersion: modelweir.dev/v1alpha1
kind: ModelBackend
metadata: { name: http }
spec:
  protocol: OpenInference
  endpoints: [{ address: 127.0.0.1, port: ${httpPort} }]
---
apiVersion: modelweir.dev/v1alpha1
kind: ModelRoute
metadata: { name: http }
spec:
  models: [{ name: digits-http }]
  variants: [{ name: stable, backendRef: { name: http } }]
  batching: {}`;
  return `
apiVersion: modelweir.dev/v1alpha1
kind: ModelBackend
metadata: { name: digits }
spec:
  protocol: OpenInferenceGRPC
  endpoints: [{ address: 127.0.0.1, port: ${port} }]
---
apiVersion: modelweir.dev/v1alpha1
kind: ModelRoute
metadata: { name: digits }
spec:
  models: [{ name: digits }]
  variants: [{ name: stable, backendRef: { name: digits } }]
  ${more}
  batching: ${batching}${http}`;
}

export interface GrpcMesh {
  readonly mesh: TestMesh;
  /** Number of requests, or of calls, with that outcome. */
  count(name: 'requests' | 'batches', outcome: string): Promise<number>;
}

export async function startGrpcMesh(yaml: string): Promise<GrpcMesh> {
  const mesh = await startMesh({ files: { 'mesh.yaml': yaml } });
  return {
    mesh,
    count: async (name, outcome) => {
      const label = `route=${ROUTE};outcome=${outcome}`;
      const metric = `wasmcustom.modelweir_batcher_${name}_total;${label}`;
      return (await mesh.envoy.stats()).get(metric) ?? 0;
    },
  };
}

export interface GrpcResult {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** From the trailers, or the headers of an answer that has nothing else; -1: none came. */
  readonly status: number;
}

export interface GrpcConnection {
  /** Never rejects. `resetAfterMs`: the client gives up, whatever has come. */
  infer(
    message: Uint8Array,
    headers?: OutgoingHttpHeaders,
    resetAfterMs?: number,
  ): Promise<GrpcResult>;
  close(): void;
}

/** One HTTP/2 connection, with as many streams as there are calls at a time. */
export function grpcConnection(url: string): GrpcConnection {
  const session = connect(url);
  session.on('error', () => {});
  return {
    infer: (message, headers = {}, resetAfterMs = -1) =>
      new Promise((resolve) => {
        const stream = session.request({
          ':method': 'POST',
          ':path': `${SERVICE}/ModelInfer`,
          'content-type': 'application/grpc',
          te: 'trailers',
          ...headers,
        });
        let got: IncomingHttpHeaders = {};
        let trailers: IncomingHttpHeaders = {};
        const pieces: Buffer[] = [];
        stream.on('response', (all) => {
          got = all;
        });
        stream.on('trailers', (all) => {
          trailers = all;
        });
        stream.on('data', (piece: Buffer) => pieces.push(piece));
        stream.on('error', () => {});
        stream.on('close', () => {
          const status = Number(trailers['grpc-status'] ?? got['grpc-status'] ?? -1);
          resolve({ headers: got, trailers, body: Buffer.concat(pieces), status });
        });
        stream.end(message);
        if (resetAfterMs >= 0) setTimeout(() => stream.close(8), resetAfterMs);
      }),
    close: () => session.destroy(),
  };
}

/** Number of requests that shared the call of this one; 1 where it went alone. */
export function sizeOf({ headers }: GrpcResult): number {
  return Number(headers['x-modelweir-batch-size'] ?? 1);
}
