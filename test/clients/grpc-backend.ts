/**
 * A gRPC server of the Open Inference Protocol whose models all double FP32 tensors. It knows them by their
 * served names only.
 */
import { join } from 'node:path';
import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceClientConstructor,
  type ServiceError,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const PROTO = join(import.meta.dirname, '../../inference/protocol/grpc/open-inference.proto');
const SHAPE = ['-1', '-1'];

interface Tensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly string[];
}

interface InferRequest {
  readonly model_name: string;
  readonly model_version: string;
  readonly id: string;
  readonly inputs: readonly Tensor[];
  readonly raw_input_contents: readonly Buffer[];
}

interface Named {
  readonly name: string;
}

export interface GrpcBackend {
  readonly port: number;
  stop(): void;
}

export async function startGrpcBackend(models: readonly string[]): Promise<GrpcBackend> {
  const definition = loadSync(PROTO, { keepCase: true, defaults: true, longs: String });
  const service = loadPackageDefinition(definition);
  const { GRPCInferenceService } = service['inference'] as Record<string, ServiceClientConstructor>;
  if (GRPCInferenceService === undefined) throw new Error(`${PROTO} has no such service`);
  const server = new Server();
  server.addService(GRPCInferenceService.service, {
    ServerLive: unary(() => ({ live: true })),
    ServerReady: unary(() => ({ ready: true })),
    ServerMetadata: unary(() => ({ name: 'doubling', version: '1', extensions: [] })),
    ModelReady: unary((request: Named) => {
      mustBeOneOf(models, request.name);
      return { ready: true };
    }),
    ModelMetadata: unary((request: Named) => metadata(mustBeOneOf(models, request.name))),
    ModelInfer: unary((request: InferRequest) => infer(models, request)),
    ModelStreamInfer: (stream: ServerDuplexStream<InferRequest, object>) => {
      stream.on('data', (request: InferRequest) => {
        try {
          stream.write({ error_message: '', infer_response: infer(models, request) });
        } catch (error) {
          stream.emit('error', error);
        }
      });
      stream.on('end', () => stream.end());
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { port, stop: () => server.forceShutdown() };
}

function infer(models: readonly string[], request: InferRequest): object {
  const outputs = request.inputs.map((input) => ({
    ...input,
    name: input.name.replace('IN', 'OUT'),
  }));
  const { model_version, id } = request;
  const raw_output_contents = request.raw_input_contents.map(doubled);
  return {
    model_name: mustBeOneOf(models, request.model_name),
    ...{ model_version, id, outputs, raw_output_contents },
  };
}

/** Little-endian FP32, as the protocol has it. */
function doubled(bytes: Buffer): Buffer {
  const result = Buffer.alloc(bytes.length);
  for (let at = 0; at < bytes.length; at += 4) result.writeFloatLE(bytes.readFloatLE(at) * 2, at);
  return result;
}

function metadata(name: string): object {
  const tensor = { datatype: 'FP32', shape: SHAPE };
  return {
    ...{ name, versions: ['1'], platform: 'test' },
    inputs: [{ name: 'IN0', ...tensor }],
    outputs: [{ name: 'OUT0', ...tensor }],
  };
}

/** @throws {Error} that the client gets as FAILED_PRECONDITION. */
function mustBeOneOf(models: readonly string[], asked: string): string {
  if (models.includes(asked)) return asked;
  const details = `this server has ${models.join(', ')}, and no ${asked}`;
  throw Object.assign(new Error(details), { code: status.FAILED_PRECONDITION, details });
}

function unary<Request>(answer: (request: Request) => object) {
  return (call: { readonly request: Request }, callback: sendUnaryData<object>): void => {
    try {
      callback(null, answer(call.request));
    } catch (error) {
      callback(error as ServiceError);
    }
  };
}
