/** The smallest mesh that has one of everything. */
import type {
  Claim,
  HealthCheck,
  Mesh,
  OutlierDetection,
  Responses,
  Retry,
  Shadow,
} from '../../../control-plane/ir/mesh.ts';
import type { TranslateOptions } from '../../../control-plane/xds/translate.ts';
import { DEFAULT_LIMITS } from '../../../control-plane/xds/translate.ts';

const module = (name: string) => ({ path: `/filters/${name}.wasm`, sha256: '0'.repeat(64) });

export const OPTIONS: TranslateOptions = {
  modules: { chain: module('chain'), batcher: module('batcher'), rewriter: module('rewriter') },
  limits: DEFAULT_LIMITS,
  modelHeader: null,
  accessLog: null,
  outcomeMetrics: false,
};

/** As they are where nobody asks for more. */
export const RESPONSES: Responses = {
  publicModel: false,
  countTokens: false,
  attemptsHeader: false,
  decisionHeader: 'never',
};

export const RETRY: Retry = {
  attempts: 2,
  on: ['ConnectFailure', 'Reset', 'TooManyRequests', 'ServerError'],
  firstByteTimeoutMs: null,
  backoffMs: 25,
  maxBodyBytes: 1_048_576,
  budgetPercent: 20,
  minConcurrent: 3,
};

export const SHADOW: Shadow = {
  variant: 'b',
  shareBasisPoints: 10_000,
  maxConcurrent: 16,
  maxBodyBytes: 1_048_576,
  compare: null,
  toleranceMillionths: 0,
  maxCompareBytes: 0,
};

export const HEALTH_CHECK: HealthCheck = {
  path: '/v2/health/ready',
  intervalMs: 5000,
  timeoutMs: 1000,
  unhealthyThreshold: 3,
  healthyThreshold: 2,
};

export const OUTLIER_DETECTION: OutlierDetection = {
  consecutiveErrors: 5,
  intervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionPercent: 100,
};

/** A name at every host, on no condition but those in `change`. */
export function claim(model: string, change: Partial<Claim> = {}): Claim {
  return {
    hostname: '*',
    model,
    prefix: false,
    version: null,
    protocol: null,
    headers: [],
    ...change,
  };
}

export const MESH: Mesh = {
  listeners: [{ name: 'default', address: '127.0.0.1', port: 8080 }],
  routes: [
    {
      name: 'default/r',
      claims: [claim('m')],
      modelScan: 'strict',
      variants: [{ name: 'only', target: 'default/a', weight: 1 }],
      stickyHeader: null,
      stickyField: null,
      matches: [],
      retry: null,
      fallback: [],
      shadow: null,
      responses: RESPONSES,
      variantHeader: true,
      timeoutMs: 15_000,
      batching: null,
    },
  ],
  targets: [
    {
      name: 'default/a',
      protocol: 'OpenInference',
      endpoints: [{ address: '127.0.0.1', port: 9000, zone: null }],
      service: null,
      tls: null,
      servedModel: null,
      servedVersion: null,
      connectTimeoutMs: 1000,
      maxConnections: 1024,
      maxRequests: 1024,
      healthCheck: null,
      outlierDetection: null,
      loadBalancing: { policy: 'LeastRequest', hashHeader: null },
    },
  ],
  services: [],
  secrets: [],
};
