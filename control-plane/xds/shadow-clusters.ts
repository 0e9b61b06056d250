/**
 * A cluster per route with a shadow, for the copies alone: their limit takes nothing from the requests that
 * the same endpoints get otherwise.
 */
import { create } from '@bufbuild/protobuf';
import type * as ir from '../ir/mesh.ts';
import { duration } from './any.ts';
import { type Member, shadowClusterOf, takesRequests } from './attempts.ts';
import { bufferLimitBytes, ROOM_BYTES } from './buffers.ts';
import { adsSource } from './config-source.ts';
import { loadAssignment } from './endpoints.ts';
import type { Cluster } from './gen/envoy/config/cluster/v3/cluster_pb.js';
import { Cluster_DiscoveryType, ClusterSchema } from './gen/envoy/config/cluster/v3/cluster_pb.js';
import type { ClusterLoadAssignment } from './gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { balancing } from './load-balancing.ts';
import type { TranslateOptions } from './options.ts';
import { protocolOptions } from './protocol-options.ts';
import { shadowRewriterConfig, upstreamFilters } from './rewriter-filter.ts';
import { targetsByName } from './targets.ts';

export function shadowClusters(mesh: ir.Mesh, options: TranslateOptions): Cluster[] {
  const bufferBytes = bufferLimitBytes(mesh, options.limits);
  return shadowsOf(mesh).map(({ route, shadow, member }) => {
    const { target } = member;
    return create(ClusterSchema, {
      name: shadowClusterOf(route),
      clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
      edsClusterConfig: { edsConfig: adsSource() },
      ...balancing(target.loadBalancing),
      connectTimeout: duration(target.connectTimeoutMs),
      // A whole copy fits: one that its backend does not read would stop the request that it is of.
      perConnectionBufferLimitBytes: Math.max(bufferBytes, shadow.maxBodyBytes + ROOM_BYTES),
      circuitBreakers: {
        thresholds: [
          {
            maxConnections: shadow.maxConcurrent,
            maxPendingRequests: shadow.maxConcurrent,
            maxRequests: shadow.maxConcurrent,
          },
        ],
      },
      typedExtensionProtocolOptions: protocolOptions(
        target.protocol,
        bufferBytes,
        options,
        upstreamFilters(shadowRewriterConfig(route, member), options),
      ),
    });
  });
}

export function shadowEndpoints(mesh: ir.Mesh): ClusterLoadAssignment[] {
  return shadowsOf(mesh).map(({ route, member }) =>
    loadAssignment(shadowClusterOf(route), member.target),
  );
}

interface RouteShadow {
  readonly route: ir.Route;
  readonly shadow: ir.Shadow;
  /** The variant that gets the copies. */
  readonly member: Member;
}

function shadowsOf(mesh: ir.Mesh): RouteShadow[] {
  const targets = targetsByName(mesh);
  return mesh.routes.filter(takesRequests).flatMap((route) => {
    const { shadow } = route;
    const variant = route.variants.find(({ name }) => name === shadow?.variant);
    const target = targets.get(variant?.target ?? '');
    if (shadow === null || variant === undefined || target === undefined) return [];
    return [{ route, shadow, member: { variant: variant.name, target } }];
  });
}
