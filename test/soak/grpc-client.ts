/** Calls over HTTP/2 that share one connection: ModelInfer for a model that is renamed. */
import { type ClientHttp2Session, connect } from 'node:http2';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { grpcFrame } from '../harness/random-grpc.ts';
import type { SoakAnswer } from './connection.ts';
import { MODELS } from './resources.ts';

const MODEL_NAME = 1;
const RAW_INPUT_CONTENTS = 7;
const INPUT_BYTES = 3000;

const HEADERS = {
  ':method': 'POST',
  ':path': '/inference.GRPCInferenceService/ModelInfer',
  'content-type': 'application/grpc',
  te: 'trailers',
};
const BODY = grpcFrame(
  new BinaryWriter()
    .tag(MODEL_NAME, WireType.LengthDelimited)
    .string(MODELS.messages)
    .tag(RAW_INPUT_CONTENTS, WireType.LengthDelimited)
    .bytes(new Uint8Array(INPUT_BYTES))
    .finish(),
);

export class GrpcClient {
  readonly #port: number;
  #session: ClientHttp2Session | null = null;

  constructor(port: number) {
    this.#port = port;
  }

  /** The HTTP status, no body: a backend that knows no gRPC answers all the same. */
  call(): Promise<SoakAnswer> {
    const session = this.#open();
    return new Promise((resolve, reject) => {
      const stream = session.request(HEADERS);
      let answer: SoakAnswer | null = null;
      stream.on('response', (headers) => {
        const variant = String(headers['x-modelweir-variant'] ?? '');
        answer = { status: Number(headers[':status']), variant, body: '' };
      });
      stream.on('error', reject);
      stream.on('close', () => {
        if (answer === null) reject(new Error('the call ended without an answer'));
        else resolve(answer);
      });
      stream.resume();
      stream.end(BODY);
    });
  }

  close(): void {
    this.#session?.destroy();
    this.#session = null;
  }

  #open(): ClientHttp2Session {
    if (this.#session !== null && !this.#session.closed) return this.#session;
    this.#session = connect(`http://127.0.0.1:${this.#port}`);
    this.#session.on('error', () => {});
    return this.#session;
  }
}
