/** What the services are, for grpc-js and for reflection: from the .proto files, which are the only definition. */
import { fileURLToPath } from 'node:url';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import { loadSync, type PackageDefinition } from '@grpc/proto-loader';

const FOLDER = fileURLToPath(new URL('../../protocol/grpc/', import.meta.url));
export const INFERENCE_SERVICE = 'inference.GRPCInferenceService';
export const HEALTH_SERVICE = 'grpc.health.v1.Health';

/** Methods whose messages are read and written by hand, so grpc-js passes them on as bytes. */
const BYTE_METHODS = ['ModelInfer', 'ModelStreamInfer'];

export function loadDefinitions(): PackageDefinition {
  return loadSync(['open-inference.proto', 'health.proto'], {
    includeDirs: [FOLDER],
    keepCase: true,
    longs: Number,
    enums: String,
    defaults: true,
  });
}

export function inferenceDefinition(definitions: PackageDefinition): ServiceDefinition {
  const service = { ...serviceOf(definitions, INFERENCE_SERVICE) };
  for (const name of BYTE_METHODS) service[name] = asBytes(service[name]);
  return service;
}

export function healthDefinition(definitions: PackageDefinition): ServiceDefinition {
  return serviceOf(definitions, HEALTH_SERVICE);
}

function serviceOf(definitions: PackageDefinition, name: string): ServiceDefinition {
  return definitions[name] as ServiceDefinition;
}

function asBytes(
  method: MethodDefinition<unknown, unknown> | undefined,
): MethodDefinition<unknown, unknown> {
  if (!method) throw new Error('the .proto file lacks a method');
  return {
    ...method,
    requestDeserialize: (bytes) => bytes,
    responseSerialize: (bytes) => bytes as Buffer,
  };
}
