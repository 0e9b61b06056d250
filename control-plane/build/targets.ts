/** The places that variants send requests to. */
import type { Target } from '../ir/mesh.ts';
import { healthCheckOf } from './health.ts';
import { targetName, unresolvedTargetName } from './names.ts';
import type { ResolvedVariant } from './references.ts';

export function targetOf({ backend, servedModel, reach }: ResolvedVariant): Target {
  const { metadata, spec } = backend;
  const { endpoints, service, tls } = reach;
  return {
    name: targetName(metadata, servedModel),
    protocol: spec.protocol,
    ...{ endpoints, service, tls },
    servedModel: servedModel ?? spec.model?.name ?? null,
    servedVersion: spec.model?.version ?? null,
    connectTimeoutMs: spec.connectTimeoutMs,
    maxConnections: spec.maxConnections,
    maxRequests: spec.maxRequests,
    healthCheck: healthCheckOf(backend),
    outlierDetection: spec.outlierDetection ?? null,
    loadBalancing: {
      policy: spec.loadBalancing.policy,
      hashHeader: spec.loadBalancing.hashHeader ?? null,
    },
  };
}

/** A target without endpoints: requests to it are answered 503, and the model is still known. */
export function unresolvedTarget(route: { namespace: string; name: string }): Target {
  return {
    name: unresolvedTargetName(route),
    protocol: 'OpenInference',
    endpoints: [],
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
  };
}
