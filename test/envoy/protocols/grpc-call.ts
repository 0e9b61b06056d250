/** A gRPC call of which the test decides every DATA frame. */
import { once } from 'node:events';
import { connect, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { nextTurn } from './connection.ts';

export const SERVICE = '/inference.GRPCInferenceService';

export interface GrpcCall {
  readonly port: number;
  readonly method: string;
  /** Each in a DATA frame of its own. */
  readonly parts: readonly Uint8Array[];
  readonly headers?: OutgoingHttpHeaders;
  /** After the body, in a HEADERS frame of their own. */
  readonly trailers?: OutgoingHttpHeaders;
}

export interface GrpcAnswer {
  readonly httpStatus: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** From the trailers, or from the headers where there is nothing else. -1: none. */
  readonly status: number;
  readonly message: string;
  readonly trailers: IncomingHttpHeaders;
}

export async function grpcCall(call: GrpcCall): Promise<GrpcAnswer> {
  const session = connect(`http://127.0.0.1:${call.port}`);
  try {
    const { trailers: sent } = call;
    const stream = session.request(
      {
        ':method': 'POST',
        ':path': `${SERVICE}/${call.method}`,
        'content-type': 'application/grpc',
        te: 'trailers',
        ...call.headers,
      },
      { waitForTrailers: sent !== undefined },
    );
    // Envoy may answer and end the stream before it has read everything.
    const closed = once(stream, 'close');
    if (sent !== undefined) stream.on('wantTrailers', () => stream.sendTrailers(sent));
    let headers: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    const pieces: Buffer[] = [];
    stream.on('response', (got) => {
      headers = got;
    });
    stream.on('trailers', (got) => {
      trailers = got;
    });
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    for (const part of call.parts) {
      await nextTurn();
      if (!stream.writableEnded && !stream.destroyed) stream.write(part);
    }
    stream.end();
    await closed;
    const last = { ...headers, ...trailers };
    return {
      httpStatus: Number(headers[':status'] ?? 0),
      headers,
      trailers,
      body: Buffer.concat(pieces),
      status: Number(last['grpc-status'] ?? -1),
      message: decodeURIComponent(String(last['grpc-message'] ?? '')),
    };
  } finally {
    session.destroy();
  }
}
