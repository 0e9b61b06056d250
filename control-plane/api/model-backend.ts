/** ModelBackend: where a model is served, and the name under which it is known there. */
import type { z } from 'zod';
import { MAX_TIMEOUT_MS } from '../../filters/contract/limits.ts';
import { choice, list, object, wholeNumber } from './fields.ts';
import { healthCheck, healthPathFitsProtocol, outlierDetection } from './health.ts';
import { hashHeaderFitsPolicy, loadBalancing } from './load-balancing.ts';
import { resource } from './metadata.ts';
import { ipAddress, modelName, modelVersion } from './names.ts';
import { formatPath } from './problem.ts';
import { findRepeated, looseList, looseObject, type Rule } from './rules.ts';

export const MAX_ENDPOINTS = 1000;
export const MAX_CONNECTIONS = 1000000;

const endpoint = object({
  address: ipAddress(),
  port: wholeNumber(1, 65535),
});

const spec = object({
  protocol: choice(['OpenInference', 'OpenInferenceGRPC', 'OpenAI', 'KServeV1']),
  endpoints: list(endpoint, 1, MAX_ENDPOINTS),
  model: object({ name: modelName(), version: modelVersion().optional() }).optional(),
  connectTimeoutMs: wholeNumber(1, MAX_TIMEOUT_MS).default(1000),
  maxConnections: wholeNumber(1, MAX_CONNECTIONS).default(1024),
  maxRequests: wholeNumber(1, MAX_CONNECTIONS).default(1024),
  healthCheck: healthCheck.optional(),
  outlierDetection: outlierDetection.optional(),
  loadBalancing: loadBalancing.prefault({}),
});

const uniqueEndpoints: Rule = (spec, add) => {
  const entries = looseList(spec['endpoints']).map(({ address, port }, index) => ({
    text: typeof address === 'string' && typeof port === 'number' ? `${address} ${port}` : null,
    keys: ['endpoints', index],
  }));
  findRepeated(entries, (keys, first) => {
    add(keys, `is the same address and port as ${formatPath(first)}: remove one`);
  });
};

const versionFitsProtocol: Rule = (spec, add) => {
  const { protocol } = spec;
  if (protocol !== 'OpenAI' && protocol !== 'KServeV1') return;
  if (looseObject(spec['model'])['version'] === undefined) return;
  add(['model', 'version'], `the ${protocol} protocol has no versions: write it into model.name`);
};

export const modelBackend = {
  kind: 'ModelBackend',
  plural: 'modelbackends',
  schema: resource('ModelBackend', spec),
  rules: [uniqueEndpoints, versionFitsProtocol, healthPathFitsProtocol, hashHeaderFitsPolicy],
} as const;

export type ModelBackend = z.output<typeof modelBackend.schema>;
