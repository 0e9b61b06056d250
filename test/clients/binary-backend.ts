/**
 * A server of the Open Inference Protocol with the binary tensor data extension: it doubles FP32 tensors of
 * one model, which it knows by its served name only. Tensors come and go as bytes or as JSON, as asked.
 */
import type { ServerResponse } from 'node:http';
import { type Backend, type BackendRequest, startBackend } from '../harness/backend.ts';

/** Bytes of the JSON before the tensors' bytes. */
const JSON_LENGTH = 'inference-header-content-length';
const FP32_BYTES = 4;

interface Parameters {
  readonly binary_data_size?: number;
  readonly binary_data?: boolean;
  readonly binary_data_output?: boolean;
}

interface Input {
  readonly name: string;
  readonly shape: readonly number[];
  readonly datatype: string;
  readonly data?: readonly number[];
  readonly parameters?: Parameters;
}

interface InferRequest {
  readonly id?: string;
  readonly inputs: readonly Input[];
  readonly outputs?: readonly { readonly name: string; readonly parameters?: Parameters }[];
  readonly parameters?: Parameters;
}

export async function startBinaryBackend(model: string): Promise<Backend> {
  return await startBackend((request, response) => {
    if (request.path === `/v2/models/${model}/infer`) return infer(model, request, response);
    response.writeHead(421, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: `this server has ${model}, and no ${request.path}` }));
  });
}

function infer(model: string, request: BackendRequest, response: ServerResponse): void {
  const jsonBytes = Number(request.headers[JSON_LENGTH] ?? request.body.length);
  const body: InferRequest = JSON.parse(request.body.toString('utf8', 0, jsonBytes));
  let at = jsonBytes;
  const binary: Buffer[] = [];
  const outputs = body.inputs.map((input) => {
    const size = input.parameters?.binary_data_size;
    const values = size === undefined ? (input.data ?? []) : fp32(request.body, at, size);
    at += size ?? 0;
    const { name: inputName, shape, datatype } = input;
    const name = inputName.replace('IN', 'OUT');
    const doubled = Float32Array.from(values, (value) => value * 2);
    if (!isBinary(body, name)) return { name, shape, datatype, data: [...doubled] };
    binary.push(Buffer.from(doubled.buffer));
    return { name, shape, datatype, parameters: { binary_data_size: doubled.byteLength } };
  });
  const json = Buffer.from(JSON.stringify({ model_name: model, id: body.id, outputs }));
  if (binary.length > 0) {
    response.setHeader('content-type', 'application/octet-stream');
    response.setHeader(JSON_LENGTH, json.length);
  } else {
    response.setHeader('content-type', 'application/json');
  }
  response.end(Buffer.concat([json, ...binary]));
}

function isBinary(body: InferRequest, output: string): boolean {
  const wanted = body.outputs?.find(({ name }) => name === output)?.parameters?.binary_data;
  return wanted ?? body.parameters?.binary_data_output ?? false;
}

/** Little-endian, as the extension has it. */
function fp32(body: Buffer, from: number, bytes: number): number[] {
  if (from + bytes > body.length) throw new Error(`${body.length} bytes came, too few`);
  return Array.from({ length: bytes / FP32_BYTES }, (_, index) =>
    body.readFloatLE(from + index * FP32_BYTES),
  );
}
