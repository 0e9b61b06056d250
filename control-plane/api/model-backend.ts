/** ModelBackend: where a model is served, and the name under which it is known there. */
import { z } from 'zod';
import { MAX_TIMEOUT_MS } from '../../filters/contract/limits.ts';
import { backendTls } from './backend-tls.ts';
import { mapOf, withRules } from './cel.ts';
import { choice, list, object, reason, wholeNumber } from './fields.ts';
import { healthCheck, healthPathFitsProtocol, healthPathRule, outlierDetection } from './health.ts';
import { hashHeaderFitsPolicy, loadBalancing } from './load-balancing.ts';
import { resource } from './metadata.ts';
import { dnsLabel, dnsSubdomain, ipAddress, modelName, modelVersion } from './names.ts';
import { formatPath } from './problem.ts';
import { findRepeated, looseList, looseObject, type Rule } from './rules.ts';

export const MAX_ENDPOINTS = 1000;
export const MAX_CONNECTIONS = 1000000;

const endpoint = object({
  address: ipAddress().describe('An IP address; a name is not looked up.'),
  port: wholeNumber(1, 65535).describe('Port of the model server.'),
});

const service = object({
  name: dnsSubdomain().describe('A Service in the same namespace.'),
  port: z
    .union([wholeNumber(1, 65535), dnsLabel()], {
      error: reason('a port number from 1 to 65535, or the name of a port'),
    })
    .meta({ 'x-kubernetes-int-or-string': true })
    .describe('Number or name of one of its ports.'),
});

const SOME_ENDPOINTS = 'must have endpoints or service, and not both';

const spec = withRules(
  object({
    protocol: choice(['OpenInference', 'OpenInferenceGRPC', 'OpenAI', 'KServeV1']).describe(
      'What the model server speaks.',
    ),
    endpoints: mapOf(list(endpoint, 1, MAX_ENDPOINTS), 'address', 'port')
      .describe('Where it listens. Or give service.')
      .optional(),
    service: service
      .describe('The Kubernetes Service whose endpoints are used. Or give endpoints.')
      .optional(),
    model: object({
      name: modelName().describe('What this backend calls the model.'),
      version: modelVersion()
        .describe('Its version there, in requests that name none; for the Open Inference Protocol.')
        .optional(),
    })
      .describe('The model as this backend knows it. Default: the name that the client used.')
      .optional(),
    tls: backendTls
      .describe('Its endpoints are reached over TLS. Default: in plain text.')
      .optional(),
    connectTimeoutMs: wholeNumber(1, MAX_TIMEOUT_MS)
      .default(1000)
      .describe('Longest time until a connection stands, in milliseconds.'),
    maxConnections: wholeNumber(1, MAX_CONNECTIONS)
      .default(1024)
      .describe('Most connections at one time, per Envoy.'),
    maxRequests: wholeNumber(1, MAX_CONNECTIONS)
      .default(1024)
      .describe('Most requests at one time, per Envoy.'),
    healthCheck: healthCheck
      .describe('Asks each endpoint whether it is ready; one that is not gets no requests.')
      .optional(),
    outlierDetection: outlierDetection
      .describe('Takes an endpoint that fails often out for a while.')
      .optional(),
    loadBalancing: loadBalancing.prefault({}).describe('Which endpoint gets a request.'),
  }),
  {
    rule: "!(self.protocol in ['OpenAI', 'KServeV1']) || !has(self.model) || !has(self.model.version)",
    message: 'the protocol has no versions: write it into model.name',
    fieldPath: '.model.version',
  },
  healthPathRule,
  { rule: 'has(self.endpoints) != has(self.service)', message: SOME_ENDPOINTS },
);

const someEndpoints: Rule = (spec, add) => {
  const both = spec['endpoints'] !== undefined && spec['service'] !== undefined;
  const neither = spec['endpoints'] === undefined && spec['service'] === undefined;
  if (both || neither) add([], SOME_ENDPOINTS);
};

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
  shortNames: ['mb'],
  description: 'Where a model is served, and the name under which it is known there.',
  columns: [
    { name: 'Protocol', jsonPath: '.spec.protocol' },
    { name: 'Model', jsonPath: '.spec.model.name' },
  ],
  schema: resource('ModelBackend', spec),
  rules: [
    someEndpoints,
    uniqueEndpoints,
    versionFitsProtocol,
    healthPathFitsProtocol,
    hashHeaderFitsPolicy,
  ],
} as const;

export type ModelBackend = z.output<typeof modelBackend.schema>;
