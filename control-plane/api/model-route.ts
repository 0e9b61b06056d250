/** ModelRoute: which models at which hosts it owns, and which variants answer for them. */
import type { z } from 'zod';
import {
  DEFAULT_BATCH_BYTES,
  DEFAULT_BATCH_DELAY_MS,
  DEFAULT_BATCH_ROWS,
  DEFAULT_TIMEOUT_MS,
  MAX_BATCH_BYTES,
  MAX_BATCH_DELAY_MS,
  MAX_BATCH_ROWS,
  MAX_BATCHES_IN_FLIGHT,
  MAX_IDENTITY_HEADERS,
  MAX_MATCH_HEADERS,
  MAX_MODEL_NAME_LENGTH,
  MAX_TIMEOUT_MS,
  MAX_VARIANTS,
  MAX_WEIGHT,
} from '../../filters/contract/limits.ts';
import { mapOf, setOf, withRules } from './cel.ts';
import { choice, flag, list, object, wholeNumber } from './fields.ts';
import { NO_HOST, SOME_CONDITION } from './match-rules.ts';
import { resource } from './metadata.ts';
import { modelRouteRules, SOME_STICKINESS, SOME_WEIGHT } from './model-route-rules.ts';
import {
  dnsLabel,
  dnsSubdomain,
  fieldPath,
  headerName,
  headerNames,
  headerValue,
  hostname,
  modelName,
  modelPattern,
  modelVersion,
} from './names.ts';
import { responses } from './responses.ts';
import { fallback, retry } from './retry.ts';
import { shadow } from './shadow.ts';
import { variantMatches } from './variant-matches.ts';

export const MAX_HOSTNAMES = 64;
export const MAX_MODELS_OF_ROUTE = 64;
export const MAX_ALIASES = 16;
export const MAX_MATCHES = 16;

const variant = object({
  name: dnsLabel().describe('Name of the variant, once in the route.'),
  backendRef: object({
    name: dnsSubdomain().describe('Name of a ModelBackend.'),
    namespace: dnsLabel()
      .describe("Default: the route's own. Another one must allow it by a ReferenceGrant.")
      .optional(),
  }).describe('The ModelBackend that serves it.'),
  weight: wholeNumber(0, MAX_WEIGHT)
    .default(1)
    .describe('Share of the requests, relative to the sum of all weights. 0 is exactly none.'),
  servedModel: modelName()
    .describe('What the backend calls the model. Default: model.name of the backend.')
    .optional(),
});

/** With a version, the names are only meant in requests that name it. */
const model = object({
  name: modelPattern().describe(
    'A public name, prefix* for all that begin so, or * for all there are.',
  ),
  aliases: setOf(list(modelPattern(), 0, MAX_ALIASES))
    .default([])
    .describe('More public names of the same model.'),
  version: modelVersion()
    .describe('Owns the names only in requests that name this version.')
    .optional(),
});

/** What a request must be like: all that is said here. */
const match = withRules(
  object({
    headers: mapOf(
      list(
        object({
          name: headerName().describe('Name of a request header, in lower case.'),
          value: headerValue(MAX_MODEL_NAME_LENGTH).describe('Its whole value.'),
        }),
        1,
        MAX_MATCH_HEADERS,
      ),
      'name',
    )
      .describe('All of them must be there.')
      .optional(),
    protocol: choice(['OpenAI', 'OpenInference', 'OpenInferenceGRPC', 'KServeV1', 'Other'])
      .describe('What the request speaks.')
      .optional(),
  }),
  { rule: 'has(self.headers) || has(self.protocol)', message: SOME_CONDITION },
  {
    rule: "!has(self.headers) || self.headers.all(header, header.name != 'host')",
    message: NO_HOST,
  },
);

const variantRules = [
  {
    rule: '!has(self.variantMatches) || self.variantMatches.all(match, self.variants.exists(variant, variant.name == match.variant))',
    message: 'each variant must be a variant of the route',
    fieldPath: '.variantMatches',
  },
  {
    rule: '!has(self.fallback) || self.fallback.variants.all(name, self.variants.exists(variant, variant.name == name))',
    message: 'each must be a variant of the route',
    fieldPath: '.fallback.variants',
  },
  {
    rule: '!has(self.shadow) || self.variants.exists(variant, variant.name == self.shadow.variant)',
    message: 'must be a variant of the route',
    fieldPath: '.shadow.variant',
  },
];

/** Left out, `timeoutMs` is the route's. */
const batching = object({
  maxRows: wholeNumber(1, MAX_BATCH_ROWS)
    .default(DEFAULT_BATCH_ROWS)
    .describe('Most rows in one call.'),
  maxBytes: wholeNumber(1, MAX_BATCH_BYTES)
    .default(DEFAULT_BATCH_BYTES)
    .describe("Most bytes of one call's body."),
  maxDelayMs: wholeNumber(1, MAX_BATCH_DELAY_MS)
    .default(DEFAULT_BATCH_DELAY_MS)
    .describe('Longest wait of a held request for the call that is in flight, in milliseconds.'),
  maxInFlight: wholeNumber(1, MAX_BATCHES_IN_FLIGHT)
    .default(1)
    .describe('Calls in flight before the next requests are held.'),
  timeoutMs: wholeNumber(1, MAX_TIMEOUT_MS)
    .describe("Longest time of one call, in milliseconds. Default: the route's.")
    .optional(),
  identityHeaders: headerNames(MAX_IDENTITY_HEADERS)
    .default(['authorization'])
    .describe('Requests join only if these headers are equal.'),
  peerIdentity: flag().default(false).describe('They must also have the same client certificate.'),
  deadlineHeader: headerName()
    .describe('Request header with the milliseconds that its caller waits.')
    .optional(),
  retryFailed: flag()
    .default(true)
    .describe('Members of a call that failed are sent again, once, each alone.'),
  sizeHeaders: flag()
    .default(true)
    .describe('Answers carry x-modelweir-batch-size, -rows and -wait-ms.'),
  grpc: flag()
    .default(false)
    .describe('Joins gRPC requests, too, where the backends speak OpenInferenceGRPC.'),
});

const spec = withRules(
  object({
    disabled: flag().default(false).describe('Leaves the route out at once.'),
    hostnames: setOf(list(hostname(), 1, MAX_HOSTNAMES))
      .default(['*'])
      .describe('Hosts at which the route owns its models: full names, *.suffix, or *.'),
    models: list(model, 1, MAX_MODELS_OF_ROUTE).describe('The models that the route owns.'),
    matches: list(match, 1, MAX_MATCHES).describe('Conditions of which one must hold.').optional(),
    modelScan: choice(['Strict', 'Fast'])
      .default('Strict')
      .describe(
        'Strict refuses a body that names a second model; Fast stops reading at the first.',
      ),
    variants: mapOf(list(variant, 1, MAX_VARIANTS), 'name').describe(
      'Who answers, and with which share.',
    ),
    sticky: withRules(
      object({
        header: headerName()
          .describe('Requests with the same value of this header get the same variant.')
          .optional(),
        bodyField: fieldPath()
          .describe('The same with a field of a JSON body; the header comes first.')
          .optional(),
      }),
      { rule: 'has(self.header) || has(self.bodyField)', message: SOME_STICKINESS },
    )
      .describe('Keeps a client on its variant.')
      .optional(),
    variantMatches: variantMatches
      .describe(
        'Requests that go to one variant whatever the weights are; the first that is true decides.',
      )
      .optional(),
    retry: retry.describe('What is tried again.').optional(),
    fallback: fallback
      .describe('Variants that are tried when all attempts at the chosen one have failed.')
      .optional(),
    shadow: shadow
      .describe('Copies of requests for another variant, whose answers nobody waits for.')
      .optional(),
    responses: responses.prefault({}).describe('What is done to answers, and what they tell.'),
    variantHeader: flag().default(true).describe('Answers carry x-modelweir-variant.'),
    timeoutMs: wholeNumber(1, MAX_TIMEOUT_MS)
      .default(DEFAULT_TIMEOUT_MS)
      .describe('Longest time of one request, held time included, in milliseconds.'),
    batching: batching
      .describe('Joins requests that come at the same time into one call.')
      .optional(),
  }),
  {
    rule: 'self.variants.exists(variant, variant.weight > 0)',
    message: SOME_WEIGHT,
    fieldPath: '.variants',
  },
  ...variantRules,
  {
    rule: '!has(self.retry) || !has(self.retry.firstByteTimeoutMs) || self.retry.firstByteTimeoutMs < self.timeoutMs',
    message: 'must be below timeoutMs',
    fieldPath: '.retry.firstByteTimeoutMs',
  },
  {
    rule: '!has(self.batching) || !has(self.batching.timeoutMs) || self.batching.timeoutMs <= self.timeoutMs',
    message: 'must be at most timeoutMs',
    fieldPath: '.batching.timeoutMs',
  },
);

export const modelRoute = {
  kind: 'ModelRoute',
  plural: 'modelroutes',
  shortNames: ['mr'],
  description: 'Owns model names at hosts, and says which variants answer for them.',
  columns: [
    { name: 'Models', jsonPath: '.spec.models[*].name' },
    { name: 'Variants', jsonPath: '.spec.variants[*].name' },
  ],
  schema: resource('ModelRoute', spec),
  rules: modelRouteRules,
} as const;

export type ModelRoute = z.output<typeof modelRoute.schema>;
export type Batching = z.output<typeof batching>;
