/** How Envoy finds out that an endpoint is unwell: by asking it, and by what its answers are. */
import { create } from '@bufbuild/protobuf';
import type * as ir from '../ir/mesh.ts';
import { duration } from './any.ts';
import type { OutlierDetection } from './gen/envoy/config/cluster/v3/outlier_detection_pb.js';
import { OutlierDetectionSchema } from './gen/envoy/config/cluster/v3/outlier_detection_pb.js';
import type { HealthCheck } from './gen/envoy/config/core/v3/health_check_pb.js';
import { HealthCheckSchema } from './gen/envoy/config/core/v3/health_check_pb.js';

const OK = 200;

export function healthChecks(check: ir.HealthCheck | null): HealthCheck[] {
  if (check === null) return [];
  const interval = duration(check.intervalMs);
  return [
    create(HealthCheckSchema, {
      interval,
      // Envoy would ask once a minute where no requests go, as to a variant that others fall back to.
      noTrafficInterval: interval,
      timeout: duration(check.timeoutMs),
      unhealthyThreshold: check.unhealthyThreshold,
      healthyThreshold: check.healthyThreshold,
      // A server that closes idle connections after just one interval would now and then seem to fail.
      reuseConnection: false,
      healthChecker: check.path === null ? grpcService() : httpGet(check.path),
    }),
  ];
}

function httpGet(path: string): HealthCheck['healthChecker'] {
  const { healthChecker } = create(HealthCheckSchema, {
    healthChecker: {
      case: 'httpHealthCheck',
      value: {
        path,
        expectedStatuses: [statuses(OK, OK + 1)],
        // Count towards the threshold; with any other status Envoy would not wait for that.
        retriableStatuses: [statuses(100, OK), statuses(OK + 1, 600)],
      },
    },
  });
  return healthChecker;
}

function grpcService(): HealthCheck['healthChecker'] {
  return create(HealthCheckSchema, { healthChecker: { case: 'grpcHealthCheck', value: {} } })
    .healthChecker;
}

function statuses(from: number, end: number) {
  return { start: BigInt(from), end: BigInt(end) };
}

/** Answers of 500 and above count, and that no answer came: no connection, a reset, a timeout. */
export function outlierDetection(
  detection: ir.OutlierDetection | null,
): OutlierDetection | undefined {
  if (detection === null) return undefined;
  return create(OutlierDetectionSchema, {
    consecutive5xx: detection.consecutiveErrors,
    interval: duration(detection.intervalMs),
    baseEjectionTime: duration(detection.baseEjectionMs),
    maxEjectionPercent: detection.maxEjectionPercent,
    // Envoy would also eject an endpoint that fails a little more often than the others.
    enforcingSuccessRate: 0,
  });
}
