/** Which endpoint of a cluster gets a request. */
import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import type * as ir from '../ir/mesh.ts';
import { pack } from './any.ts';
import type { LoadBalancingPolicy } from './gen/envoy/config/cluster/v3/cluster_pb.js';
import {
  Cluster_LbPolicy,
  LoadBalancingPolicySchema,
} from './gen/envoy/config/cluster/v3/cluster_pb.js';
import { ClientSideWeightedRoundRobinSchema } from './gen/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin_pb.js';
import { RandomSchema } from './gen/envoy/extensions/load_balancing_policies/random/v3/random_pb.js';
import { RingHashSchema } from './gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.js';
import { RoundRobinSchema } from './gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.js';

export interface Balancing {
  readonly lbPolicy: Cluster_LbPolicy;
  readonly loadBalancingPolicy?: LoadBalancingPolicy;
}

/** The two fields of a cluster that say it. */
export function balancing({ policy }: ir.LoadBalancing): Balancing {
  // Inference times differ by orders of magnitude: the least busy of two, not the next in turn.
  if (policy === 'LeastRequest') return { lbPolicy: Cluster_LbPolicy.LEAST_REQUEST };
  const [name, typedConfig] = POLICIES[policy]();
  return {
    lbPolicy: Cluster_LbPolicy.LOAD_BALANCING_POLICY_CONFIG,
    loadBalancingPolicy: create(LoadBalancingPolicySchema, {
      policies: [
        {
          typedExtensionConfig: { name: `envoy.load_balancing_policies.${name}`, typedConfig },
        },
      ],
    }),
  };
}

const POLICIES: Readonly<
  Record<Exclude<ir.LoadBalancing['policy'], 'LeastRequest'>, () => [name: string, config: Any]>
> = {
  RoundRobin: () => ['round_robin', pack(RoundRobinSchema, {})],
  Random: () => ['random', pack(RandomSchema, {})],
  // What is hashed, the route says: `route-classes.ts`.
  RingHash: () => ['ring_hash', pack(RingHashSchema, {})],
  // Load is what the answers' reports call `application_utilization`, and where they do not, the CPU's.
  WeightedByLoad: () => [
    'client_side_weighted_round_robin',
    // An endpoint that fails at once is not busy: its errors count as load.
    pack(ClientSideWeightedRoundRobinSchema, { errorUtilizationPenalty: 1 }),
  ],
};
