/** What the services are, for calls and for reflection: from the .proto files, which are the only definition. */
import { fileURLToPath } from 'node:url';
import { loadSync, type PackageDefinition } from '@grpc/proto-loader';
import type { ServiceTypes } from './grpc-methods.ts';

const FOLDER = fileURLToPath(new URL('../../protocol/grpc/', import.meta.url));
export const INFERENCE_SERVICE = 'inference.GRPCInferenceService';
export const HEALTH_SERVICE = 'grpc.health.v1.Health';

export function loadDefinitions(): PackageDefinition {
  return loadSync(['open-inference.proto', 'health.proto'], {
    includeDirs: [FOLDER],
    keepCase: true,
    longs: Number,
    enums: String,
    defaults: true,
  });
}

export function serviceTypes(definitions: PackageDefinition, service: string): ServiceTypes {
  return definitions[service] as ServiceTypes;
}
