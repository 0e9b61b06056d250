/** How a ModelBackend's endpoints are asked whether they are well. */
import type { ModelBackend } from '../api/kinds.ts';
import type { HealthCheck } from '../ir/mesh.ts';

/** What is asked where nothing is said: what every server of the protocol answers when it is ready. */
const DEFAULT_PATHS: Readonly<Record<ModelBackend['spec']['protocol'], string | null>> = {
  OpenInference: '/v2/health/ready',
  OpenInferenceGRPC: null,
  OpenAI: '/health',
  KServeV1: '/',
};

export function healthCheckOf({ spec }: ModelBackend): HealthCheck | null {
  const { healthCheck, protocol } = spec;
  if (healthCheck === undefined) return null;
  return {
    path: healthCheck.path ?? DEFAULT_PATHS[protocol],
    intervalMs: healthCheck.intervalMs,
    timeoutMs: healthCheck.timeoutMs,
    unhealthyThreshold: healthCheck.unhealthyThreshold,
    healthyThreshold: healthCheck.healthyThreshold,
  };
}
