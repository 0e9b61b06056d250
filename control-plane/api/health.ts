/** How a ModelBackend's endpoints are found to be ill: by asking them, and by their answers. */
import { MAX_TIMEOUT_MS } from '../../filters/contract/limits.ts';
import { object, wholeNumber } from './fields.ts';
import { urlPath } from './names.ts';
import { looseObject, type Rule } from './rules.ts';

export const MAX_HEALTH_THRESHOLD = 1000;

/** Left out, `path` is that of the backend's protocol. */
export const healthCheck = object({
  path: urlPath().optional(),
  intervalMs: wholeNumber(1, MAX_TIMEOUT_MS).default(5000),
  timeoutMs: wholeNumber(1, MAX_TIMEOUT_MS).default(1000),
  unhealthyThreshold: wholeNumber(1, MAX_HEALTH_THRESHOLD).default(3),
  healthyThreshold: wholeNumber(1, MAX_HEALTH_THRESHOLD).default(2),
});

export const outlierDetection = object({
  consecutiveErrors: wholeNumber(1, MAX_HEALTH_THRESHOLD).default(5),
  intervalMs: wholeNumber(1, MAX_TIMEOUT_MS).default(10_000),
  baseEjectionMs: wholeNumber(1, MAX_TIMEOUT_MS).default(30_000),
  maxEjectionPercent: wholeNumber(1, 100).default(100),
});

export const healthPathFitsProtocol: Rule = (spec, add) => {
  if (spec['protocol'] !== 'OpenInferenceGRPC') return;
  if (looseObject(spec['healthCheck'])['path'] === undefined) return;
  const fact = "is asked for over HTTP, and OpenInferenceGRPC has gRPC's own health service";
  add(['healthCheck', 'path'], `${fact}: remove it`);
};
