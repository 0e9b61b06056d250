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
import { choice, flag, list, object, wholeNumber } from './fields.ts';
import { resource } from './metadata.ts';
import { modelRouteRules } from './model-route-rules.ts';
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
  name: dnsLabel(),
  backendRef: object({ name: dnsSubdomain(), namespace: dnsLabel().optional() }),
  weight: wholeNumber(0, MAX_WEIGHT).default(1),
  servedModel: modelName().optional(),
});

/** With a version, the names are only meant in requests that name it. */
const model = object({
  name: modelPattern(),
  aliases: list(modelPattern(), 0, MAX_ALIASES).default([]),
  version: modelVersion().optional(),
});

/** What a request must be like: all that is said here. */
const match = object({
  headers: list(
    object({ name: headerName(), value: headerValue(MAX_MODEL_NAME_LENGTH) }),
    1,
    MAX_MATCH_HEADERS,
  ).optional(),
  protocol: choice([
    'OpenAI',
    'OpenInference',
    'OpenInferenceGRPC',
    'KServeV1',
    'Other',
  ]).optional(),
});

/** Left out, `timeoutMs` is the route's. */
const batching = object({
  maxRows: wholeNumber(1, MAX_BATCH_ROWS).default(DEFAULT_BATCH_ROWS),
  maxBytes: wholeNumber(1, MAX_BATCH_BYTES).default(DEFAULT_BATCH_BYTES),
  maxDelayMs: wholeNumber(1, MAX_BATCH_DELAY_MS).default(DEFAULT_BATCH_DELAY_MS),
  maxInFlight: wholeNumber(1, MAX_BATCHES_IN_FLIGHT).default(1),
  timeoutMs: wholeNumber(1, MAX_TIMEOUT_MS).optional(),
  identityHeaders: headerNames(MAX_IDENTITY_HEADERS).default(['authorization']),
  peerIdentity: flag().default(false),
  deadlineHeader: headerName().optional(),
  retryFailed: flag().default(true),
  sizeHeaders: flag().default(true),
  grpc: flag().default(false),
});

const spec = object({
  disabled: flag().default(false),
  hostnames: list(hostname(), 1, MAX_HOSTNAMES).default(['*']),
  models: list(model, 1, MAX_MODELS_OF_ROUTE),
  matches: list(match, 1, MAX_MATCHES).optional(),
  modelScan: choice(['Strict', 'Fast']).default('Strict'),
  variants: list(variant, 1, MAX_VARIANTS),
  sticky: object({ header: headerName().optional(), bodyField: fieldPath().optional() }).optional(),
  variantMatches: variantMatches.optional(),
  retry: retry.optional(),
  fallback: fallback.optional(),
  shadow: shadow.optional(),
  responses: responses.prefault({}),
  variantHeader: flag().default(true),
  timeoutMs: wholeNumber(1, MAX_TIMEOUT_MS).default(DEFAULT_TIMEOUT_MS),
  batching: batching.optional(),
});

export const modelRoute = {
  kind: 'ModelRoute',
  plural: 'modelroutes',
  schema: resource('ModelRoute', spec),
  rules: modelRouteRules,
} as const;

export type ModelRoute = z.output<typeof modelRoute.schema>;
export type Batching = z.output<typeof batching>;
