import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { build } from '../../../control-plane/build/build.ts';
import type { Target } from '../../../control-plane/ir/mesh.ts';
import { backend, route } from './candidates.ts';

function targetOf(spec: Record<string, unknown>): Target {
  const [target] = build([backend('b', spec), route('r', ['m'])], []).mesh.targets;
  assert.ok(target !== undefined);
  return target;
}

test('an endpoint stays, and the least busy one is chosen, where nothing is said', () => {
  const { healthCheck, outlierDetection, loadBalancing } = targetOf({});
  assert.equal(healthCheck, null);
  assert.equal(outlierDetection, null);
  assert.deepEqual(loadBalancing, { policy: 'LeastRequest', hashHeader: null });
});

describe('where a health check asks', () => {
  const cases: [protocol: string, path: string | null][] = [
    ['OpenInference', '/v2/health/ready'],
    ['KServeV1', '/'],
    ['OpenAI', '/health'],
    ['OpenInferenceGRPC', null],
  ];
  for (const [protocol, path] of cases) {
    test(`${protocol} backends: ${path ?? "gRPC's own service"}`, () => {
      assert.deepEqual(targetOf({ protocol, healthCheck: {} }).healthCheck, {
        path,
        intervalMs: 5000,
        timeoutMs: 1000,
        unhealthyThreshold: 3,
        healthyThreshold: 2,
      });
    });
  }

  test('the path that is said', () => {
    assert.equal(targetOf({ healthCheck: { path: '/up' } }).healthCheck?.path, '/up');
  });
});

test('outlier detection and the ring are what the backend says', () => {
  const { outlierDetection, loadBalancing } = targetOf({
    outlierDetection: { consecutiveErrors: 2, maxEjectionPercent: 50 },
    loadBalancing: { policy: 'RingHash', hashHeader: 'x-session' },
  });
  assert.deepEqual(outlierDetection, {
    consecutiveErrors: 2,
    intervalMs: 10_000,
    baseEjectionMs: 30_000,
    maxEjectionPercent: 50,
  });
  assert.deepEqual(loadBalancing, { policy: 'RingHash', hashHeader: 'x-session' });
});
