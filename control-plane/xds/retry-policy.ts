/** What Envoy's route table says of retries: when, how often, and at which of a cluster's targets. */
import { create } from '@bufbuild/protobuf';
import type * as ir from '../ir/mesh.ts';
import { duration, pack } from './any.ts';
import { membersOf } from './attempts.ts';
import type { RetryPolicy } from './gen/envoy/config/route/v3/route_components_pb.js';
import { RetryPolicySchema } from './gen/envoy/config/route/v3/route_components_pb.js';
import { PreviousHostsPredicateSchema } from './gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js';
import { PreviousPrioritiesConfigSchema } from './gen/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb.js';
import { type Targets, targetsOf } from './targets.ts';

/** Where the pause between tries no longer grows, in times of the first. */
const MAX_BACKOFF = 10;
/**
 * How often Envoy chooses an endpoint again for a retry, before it takes one that was tried. Each is a draw that
 * may bring the same one again, and one that fails at once looks less busy than the others.
 */
const MAX_HOST_SELECTIONS = 16;

/** In the words of Envoy's `retry_on`, sorted; `statuses`: those that `retriable-status-codes` means. */
export interface RetryRules {
  readonly on: readonly string[];
  readonly statuses: readonly number[];
  /** After the first try. */
  readonly retries: number;
  readonly firstByteTimeoutMs: number | null;
  readonly backoffMs: number;
  /** After so many tries comes the next target; null: never. */
  readonly nextTargetAfter: number | null;
}

const HTTP: Readonly<Record<ir.RetryCondition, string>> = {
  ConnectFailure: 'connect-failure',
  Reset: 'reset',
  TooManyRequests: 'retriable-status-codes',
  ServerError: 'retriable-status-codes',
};
/** Of gRPC a failure is a status in the trailers, and the HTTP status is 200. */
const GRPC: Readonly<Record<ir.RetryCondition, readonly string[]>> = {
  ConnectFailure: [],
  Reset: [],
  TooManyRequests: ['resource-exhausted'],
  ServerError: ['internal', 'unavailable'],
};
const STATUSES: Readonly<Record<ir.RetryCondition, readonly number[]>> = {
  ConnectFailure: [],
  Reset: [],
  TooManyRequests: [429],
  ServerError: [500, 502, 503, 504],
};

export function retryRules(route: ir.Route, targets: Targets): RetryRules | null {
  const { retry, fallback, variants } = route;
  if (retry === null) return null;
  const isGrpc = targetsOf(route, targets).some((one) => one.protocol === 'OpenInferenceGRPC');
  const words = retry.on.flatMap((one) => [HTTP[one], ...(isGrpc ? GRPC[one] : [])]);
  // Of the variant that has the most: which one is chosen, Envoy's route does not know.
  const stages =
    fallback.length === 0
      ? 1
      : Math.max(1, ...variants.map((one) => membersOf(route, one, targets).length));
  return {
    on: [...new Set(words)].toSorted(),
    statuses: retry.on.flatMap((one) => STATUSES[one]).toSorted((a, b) => a - b),
    retries: retry.attempts * stages - 1,
    firstByteTimeoutMs: retry.firstByteTimeoutMs,
    backoffMs: retry.backoffMs,
    nextTargetAfter: stages === 1 ? null : retry.attempts,
  };
}

export function retryPolicy(rules: RetryRules): RetryPolicy {
  const { on, statuses, retries, firstByteTimeoutMs, backoffMs, nextTargetAfter } = rules;
  return create(RetryPolicySchema, {
    retryOn: on.join(','),
    retriableStatusCodes: [...statuses],
    numRetries: retries,
    ...(firstByteTimeoutMs === null ? {} : { perTryTimeout: duration(firstByteTimeoutMs) }),
    retryBackOff: {
      baseInterval: duration(backoffMs),
      maxInterval: duration(backoffMs * MAX_BACKOFF),
    },
    retryHostPredicate: [otherEndpoint()],
    hostSelectionRetryMaxAttempts: BigInt(MAX_HOST_SELECTIONS),
    ...(nextTargetAfter === null ? {} : { retryPriority: nextPriority(nextTargetAfter) }),
  });
}

/** Where a target has several endpoints, a retry asks another one. */
function otherEndpoint() {
  return {
    name: 'envoy.retry_host_predicates.previous_hosts',
    configType: { case: 'typedConfig', value: pack(PreviousHostsPredicateSchema, {}) },
  } as const;
}

/** The priorities of a cluster over others are those others. */
function nextPriority(updateFrequency: number) {
  return {
    name: 'envoy.retry_priorities.previous_priorities',
    configType: {
      case: 'typedConfig',
      value: pack(PreviousPrioritiesConfigSchema, { updateFrequency }),
    },
  } as const;
}
