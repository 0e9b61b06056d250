import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LoadBalancing, Mesh, Route, Target } from '../../../control-plane/ir/mesh.ts';
import { Cluster_LbPolicy } from '../../../control-plane/xds/gen/envoy/config/cluster/v3/cluster_pb.js';
import { translate } from '../../../control-plane/xds/translate.ts';
import { HEALTH_CHECK, MESH, OPTIONS, OUTLIER_DETECTION, RETRY, SHADOW } from './mesh.ts';

const [ROUTE] = MESH.routes as [Route];
const [TARGET] = MESH.targets as [Target];

function clustersOf(mesh: Mesh) {
  return new Map(translate(mesh, OPTIONS).clusters.map((cluster) => [cluster.name, cluster]));
}

function withTarget(change: Partial<Target>): Mesh {
  return { ...MESH, targets: [{ ...TARGET, ...change }] };
}

describe('a target', () => {
  test('is asked as often where no requests go, and with a new connection each time', () => {
    const cluster = clustersOf(withTarget({ healthCheck: HEALTH_CHECK })).get('default/a');
    const [check] = cluster?.healthChecks ?? [];
    assert.deepEqual(check?.noTrafficInterval, check?.interval);
    assert.equal(check?.reuseConnection, false);
    assert.ok(check?.healthChecker.case === 'httpHealthCheck');
    assert.equal(check.healthChecker.value.path, '/v2/health/ready');
    assert.equal(cluster?.ignoreHealthOnHostRemoval, true);
  });

  test('without a path is asked by the health service of gRPC', () => {
    const healthCheck = { ...HEALTH_CHECK, path: null };
    const mesh = withTarget({ protocol: 'OpenInferenceGRPC', healthCheck });
    const [check] = clustersOf(mesh).get('default/a')?.healthChecks ?? [];
    assert.equal(check?.healthChecker.case, 'grpcHealthCheck');
  });

  test('loses an endpoint for errors in a row, and for nothing else', () => {
    const mesh = withTarget({ outlierDetection: OUTLIER_DETECTION });
    const detection = clustersOf(mesh).get('default/a')?.outlierDetection;
    assert.equal(detection?.consecutive5xx, 5);
    assert.equal(detection?.splitExternalLocalOriginErrors, false);
    assert.equal(detection?.enforcingSuccessRate, 0);
  });

  test('that may be unwell counts as well while one endpoint is', () => {
    const factors = [
      {},
      { healthCheck: HEALTH_CHECK },
      { outlierDetection: OUTLIER_DETECTION },
    ].map(
      (change) =>
        translate(withTarget(change), OPTIONS).endpoints[0]?.policy?.overprovisioningFactor,
    );
    assert.deepEqual(factors, [undefined, 100_000, 100_000]);
  });

  const POLICIES: readonly [LoadBalancing['policy'], string | null][] = [
    ['LeastRequest', null],
    ['RoundRobin', 'envoy.load_balancing_policies.round_robin'],
    ['Random', 'envoy.load_balancing_policies.random'],
    ['RingHash', 'envoy.load_balancing_policies.ring_hash'],
    ['WeightedByLoad', 'envoy.load_balancing_policies.client_side_weighted_round_robin'],
  ];
  for (const [policy, name] of POLICIES) {
    test(`balances by ${policy}`, () => {
      const cluster = clustersOf(withTarget({ loadBalancing: { policy, hashHeader: null } })).get(
        'default/a',
      );
      const [chosen] = cluster?.loadBalancingPolicy?.policies ?? [];
      assert.equal(chosen?.typedExtensionConfig?.name, name ?? undefined);
      if (name === null) assert.equal(cluster?.lbPolicy, Cluster_LbPolicy.LEAST_REQUEST);
    });
  }
});

describe('the cluster of a variant', () => {
  const cluster = clustersOf({ ...MESH, routes: [{ ...ROUTE, retry: RETRY }] }).get(
    'default/r#only',
  );
  const [thresholds] = cluster?.circuitBreakers?.thresholds ?? [];

  test('bounds retries by their budget, and leaves the rest to the targets', () => {
    assert.equal(thresholds?.retryBudget?.budgetPercent?.value, 20);
    assert.equal(thresholds?.retryBudget?.minRetryConcurrency, 3);
    assert.equal(thresholds?.maxRequests, 2 ** 32 - 1);
    assert.equal(thresholds?.maxConnections, 2 ** 32 - 1);
    assert.equal(thresholds?.maxPendingRequests, 2 ** 32 - 1);
  });

  test('sends requests to its own target where all are unwell', () => {
    assert.equal(cluster?.commonLbConfig?.healthyPanicThreshold?.value, 0);
  });
});

test('copies have endpoints and limits of their own', () => {
  const shadow = { ...SHADOW, variant: 'only', maxConcurrent: 4 };
  const mesh = { ...MESH, routes: [{ ...ROUTE, shadow }] };
  const [thresholds] = clustersOf(mesh).get('default/r##shadow')?.circuitBreakers?.thresholds ?? [];
  assert.deepEqual(
    [thresholds?.maxRequests, thresholds?.maxConnections, thresholds?.maxPendingRequests],
    [4, 4, 4],
  );
  const { endpoints } = translate(mesh, OPTIONS);
  const places = endpoints.map(({ clusterName, endpoints: [locality] }) => [
    clusterName,
    locality?.lbEndpoints[0]?.metadata?.filterMetadata['modelweir'],
  ]);
  assert.deepEqual(places, [
    ['default/a', { target: 'default/a' }],
    ['default/r##shadow', { target: 'default/a' }],
  ]);
});
