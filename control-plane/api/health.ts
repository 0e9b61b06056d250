/** How a ModelBackend's endpoints are found to be ill: by asking them, and by their answers. */
import { MAX_TIMEOUT_MS } from '../../filters/contract/limits.ts';
import type { CelRule } from './cel.ts';
import { object, wholeNumber } from './fields.ts';
import { urlPath } from './names.ts';
import { looseObject, type Rule } from './rules.ts';

export const MAX_HEALTH_THRESHOLD = 1000;

/** Left out, `path` is that of the backend's protocol. */
export const healthCheck = object({
  path: urlPath()
    .describe('What is asked for over HTTP. Default: that of the protocol.')
    .optional(),
  intervalMs: wholeNumber(1, MAX_TIMEOUT_MS)
    .default(5000)
    .describe('Time between two questions, in milliseconds.'),
  timeoutMs: wholeNumber(1, MAX_TIMEOUT_MS)
    .default(1000)
    .describe('Longest wait for an answer, in milliseconds.'),
  unhealthyThreshold: wholeNumber(1, MAX_HEALTH_THRESHOLD)
    .default(3)
    .describe('So many bad answers in a row make an endpoint unhealthy.'),
  healthyThreshold: wholeNumber(1, MAX_HEALTH_THRESHOLD)
    .default(2)
    .describe('So many good answers in a row make it healthy again.'),
});

export const outlierDetection = object({
  consecutiveErrors: wholeNumber(1, MAX_HEALTH_THRESHOLD)
    .default(5)
    .describe(
      'Server errors and broken connections in a row after which an endpoint is taken out.',
    ),
  intervalMs: wholeNumber(1, MAX_TIMEOUT_MS)
    .default(10_000)
    .describe('Time between two looks for endpoints that may come back, in milliseconds.'),
  baseEjectionMs: wholeNumber(1, MAX_TIMEOUT_MS)
    .default(30_000)
    .describe(
      'How long an endpoint is out the first time, in milliseconds; each further time so much longer.',
    ),
  maxEjectionPercent: wholeNumber(1, 100)
    .default(100)
    .describe('Most of the endpoints that are out at one time.'),
});

const GRPC_HAS_NO_PATH =
  "is asked for over HTTP, and OpenInferenceGRPC has gRPC's own health service: remove it";

export const healthPathRule: CelRule = {
  rule: "self.protocol != 'OpenInferenceGRPC' || !has(self.healthCheck) || !has(self.healthCheck.path)",
  message: GRPC_HAS_NO_PATH,
  fieldPath: '.healthCheck.path',
};

export const healthPathFitsProtocol: Rule = (spec, add) => {
  if (spec['protocol'] !== 'OpenInferenceGRPC') return;
  if (looseObject(spec['healthCheck'])['path'] === undefined) return;
  add(['healthCheck', 'path'], GRPC_HAS_NO_PATH);
};
