/**
 * A cluster per variant of a route whose attempts are rewritten: over the clusters of the targets that the
 * variant's requests may go to, the most wanted one first. It knows no endpoint and has no limits but that
 * of retries: those of the targets count.
 */
import { create } from '@bufbuild/protobuf';
import type * as ir from '../ir/mesh.ts';
import { pack } from './any.ts';
import {
  clusterOf,
  hasAttemptClusters,
  type Member,
  membersOf,
  takesRequests,
} from './attempts.ts';
import { bufferLimitBytes } from './buffers.ts';
import type { Cluster } from './gen/envoy/config/cluster/v3/cluster_pb.js';
import { Cluster_LbPolicy, ClusterSchema } from './gen/envoy/config/cluster/v3/cluster_pb.js';
import { ClusterConfigSchema } from './gen/envoy/extensions/clusters/aggregate/v3/cluster_pb.js';
import type { TranslateOptions } from './options.ts';
import { protocolOptions } from './protocol-options.ts';
import { rewriterConfig, upstreamFilters } from './rewriter-filter.ts';
import { type Targets, targetsByName } from './targets.ts';

const UNLIMITED = 2 ** 32 - 1;

export function attemptClusters(mesh: ir.Mesh, options: TranslateOptions): Cluster[] {
  const bufferBytes = bufferLimitBytes(mesh, options.limits);
  const targets = targetsByName(mesh);
  return mesh.routes
    .filter((route) => takesRequests(route) && hasAttemptClusters(route, targets))
    .flatMap((route) =>
      route.variants.map((variant) =>
        attemptCluster({ route, variant, targets, bufferBytes, options }),
      ),
    );
}

interface Attempts {
  readonly route: ir.Route;
  readonly variant: ir.Variant;
  readonly targets: Targets;
  readonly bufferBytes: number;
  readonly options: TranslateOptions;
}

function attemptCluster({ route, variant, targets, bufferBytes, options }: Attempts): Cluster {
  const members = membersOf(route, variant, targets);
  return create(ClusterSchema, {
    name: clusterOf(route, variant, targets),
    clusterDiscoveryType: {
      case: 'clusterType',
      value: { name: 'envoy.clusters.aggregate', typedConfig: aggregate(members) },
    },
    lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
    // Where all members are unwell, Envoy would spread requests over all of them. So they go to the first.
    commonLbConfig: { healthyPanicThreshold: { value: 0 } },
    perConnectionBufferLimitBytes: bufferBytes,
    circuitBreakers: { thresholds: [thresholds(route.retry)] },
    typedExtensionProtocolOptions: protocolOptions(
      // Variants of a route speak one protocol.
      members[0]?.target.protocol ?? 'OpenInference',
      bufferBytes,
      options,
      upstreamFilters(rewriterConfig(route, members, options), options),
    ),
  });
}

function aggregate(members: readonly Member[]) {
  return pack(ClusterConfigSchema, { clusters: members.map(({ target }) => target.name) });
}

function thresholds(retry: ir.Retry | null) {
  const limits = {
    maxConnections: UNLIMITED,
    maxPendingRequests: UNLIMITED,
    maxRequests: UNLIMITED,
  };
  if (retry === null) return limits;
  return {
    ...limits,
    retryBudget: {
      budgetPercent: { value: retry.budgetPercent },
      minRetryConcurrency: retry.minConcurrent,
    },
  };
}
