/**
 * One cluster per target. It has no filters of its own: these would run for each attempt again. Where that is
 * wanted, a route's variants have clusters over these: `attempt-clusters.ts`.
 */
import { create } from '@bufbuild/protobuf';
import type * as ir from '../ir/mesh.ts';
import { duration } from './any.ts';
import { bufferLimitBytes } from './buffers.ts';
import { adsSource } from './config-source.ts';
import type { Cluster } from './gen/envoy/config/cluster/v3/cluster_pb.js';
import { Cluster_DiscoveryType, ClusterSchema } from './gen/envoy/config/cluster/v3/cluster_pb.js';
import { healthChecks, outlierDetection } from './health.ts';
import { balancing } from './load-balancing.ts';
import type { TranslateOptions } from './options.ts';
import { protocolOptions } from './protocol-options.ts';
import { Remembered } from './remembered.ts';
import { canFail } from './targets.ts';
import { transportSocket } from './tls.ts';

/** Envoy gathers changes of health for a second: so long workers would go on asking who is unwell. */
const AT_ONCE = { updateMergeWindow: duration(0) };

/** Where Debian, and the images of Envoy and Istio that are built on it, have it. */
const SYSTEM_CA_FILE = '/etc/ssl/certs/ca-certificates.crt';

const remembered = new Remembered<Cluster>();

export function targetClusters(mesh: ir.Mesh, options: TranslateOptions): Cluster[] {
  const bufferBytes = bufferLimitBytes(mesh, options.limits);
  const { limits, systemCaFile = SYSTEM_CA_FILE } = options;
  return mesh.targets.map(({ endpoints, ...target }) => {
    // Views differ in it, and take turns.
    const name = `${bufferBytes} ${target.name}`;
    return remembered.get(name, [target, bufferBytes, limits, systemCaFile], () => {
      return targetCluster(target, bufferBytes, systemCaFile, options);
    });
  });
}

function targetCluster(
  target: Omit<ir.Target, 'endpoints'>,
  bufferBytes: number,
  systemCaFile: string,
  options: TranslateOptions,
): Cluster {
  const detection = outlierDetection(target.outlierDetection);
  const socket = transportSocket(target, systemCaFile);
  return create(ClusterSchema, {
    name: target.name,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: adsSource() },
    ...balancing(target.loadBalancing),
    connectTimeout: duration(target.connectTimeoutMs),
    perConnectionBufferLimitBytes: bufferBytes,
    circuitBreakers: {
      thresholds: [
        {
          maxConnections: target.maxConnections,
          maxPendingRequests: target.maxRequests,
          maxRequests: target.maxRequests,
        },
      ],
    },
    ...(canFail(target) ? { commonLbConfig: AT_ONCE } : {}),
    healthChecks: healthChecks(target.healthCheck),
    // Else an endpoint that is no longer in the mesh stays until it fails.
    ignoreHealthOnHostRemoval: target.healthCheck !== null,
    ...(detection === undefined ? {} : { outlierDetection: detection }),
    ...(socket === undefined ? {} : { transportSocket: socket }),
    typedExtensionProtocolOptions: protocolOptions(target.protocol, bufferBytes, options),
  });
}
