/** A gRPC client of the pod, made from the .proto file by protobufjs: nothing of the pod's own reading and writing. */
import { fileURLToPath } from 'node:url';
import {
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { PodProcess } from './pod-process.ts';

const FOLDER = fileURLToPath(new URL('../../../inference/protocol/grpc/', import.meta.url));
const definitions = loadSync(['open-inference.proto', 'health.proto'], {
  includeDirs: [FOLDER],
  keepCase: true,
  longs: Number,
  enums: String,
  defaults: true,
});

export interface Answer {
  /** The name of the code; 'OK' with a message. */
  readonly code: string;
  /** The status's text. */
  readonly details: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it, and assert on what they find.
  readonly message: any;
  readonly trailer: Metadata;
}

export interface CallOptions {
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  readonly metadata?: Readonly<Record<string, string>>;
}

export class PodClient {
  readonly #client: Client;

  /** Each has a connection of its own. */
  constructor(pod: PodProcess | number) {
    const port = typeof pod === 'number' ? pod : grpcPortOf(pod);
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
    });
  }

  /** A unary call; `name` is that of the method, which may be of either service. */
  call(name: string, request: object, options: CallOptions = {}): Promise<Answer> {
    const { path, requestSerialize, responseDeserialize } = methodOf(name);
    return new Promise((resolve) => {
      let trailer = new Metadata();
      let outcome: { error: ServiceError | null; message: object | undefined } | undefined;
      const settle = (): void => {
        const { error, message } = outcome ?? { error: null, message: undefined };
        const code = status[error?.code ?? status.OK];
        resolve({ code, details: error?.details ?? '', message, trailer });
      };
      const metadata = Metadata.fromHttp2Headers({ ...options.metadata });
      const deadline =
        options.deadlineMs === undefined ? {} : { deadline: Date.now() + options.deadlineMs };
      const call = this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        deadline,
        (error, message) => {
          outcome = { error, message };
        },
      );
      options.signal?.addEventListener('abort', () => call.cancel());
      call.on('status', (end) => {
        trailer = end.metadata;
        // The callback is called in the same turn, before or after.
        setImmediate(settle);
      });
    });
  }

  stream(name: string): ClientDuplexStream<object, object> {
    const { path, requestSerialize, responseDeserialize } = methodOf(name);
    return this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  }

  watch(service: string): ClientReadableStream<object> {
    const { path, requestSerialize, responseDeserialize } = methodOf('Watch');
    return this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {
      service,
    });
  }

  close(): void {
    this.#client.close();
  }
}

/** From the pod's own log. */
export function grpcPortOf(pod: PodProcess): number {
  return Number(/"grpcPort":(\d+)/.exec(pod.output())?.[1]);
}

/** A ModelInferRequest with one FP32 input, raw. */
export function inferRequest(
  model: string,
  name: string,
  rows: readonly (readonly number[])[],
  more: object = {},
): object {
  const shape = [rows.length, rows[0]?.length ?? 0];
  const bytes = Buffer.from(Float32Array.from(rows.flat()).buffer);
  const inputs = [{ name, shape, datatype: 'FP32' }];
  return { model_name: model, inputs, raw_input_contents: [bytes], ...more };
}

/** The elements of an answer's first output. */
export function floatsOf(answer: Answer): number[] {
  const [raw] = answer.message.raw_output_contents as Buffer[];
  return raw === undefined ? [] : [...new Float32Array(new Uint8Array(raw).buffer)];
}

function methodOf(name: string): MethodDefinition<object, object> {
  for (const service of ['inference.GRPCInferenceService', 'grpc.health.v1.Health']) {
    const method = (definitions[service] as Record<string, MethodDefinition<object, object>>)[name];
    if (method) return method;
  }
  throw new Error(`no method ${name}`);
}
