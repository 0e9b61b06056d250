/** What has not changed is made and encoded once; what has changed is never what was made before. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Mesh, Target } from '../../../control-plane/ir/mesh.ts';
import { encodeSnapshot } from '../../../control-plane/xds/encode.ts';
import { Remembered } from '../../../control-plane/xds/remembered.ts';
import { type Snapshot, TYPE_URLS } from '../../../control-plane/xds/snapshot.ts';
import { type TranslateOptions, translate } from '../../../control-plane/xds/translate.ts';
import { HEALTH_CHECK, MESH, OPTIONS, OUTLIER_DETECTION } from './mesh.ts';

const [TARGET] = MESH.targets as [Target];

function snapshotOf(mesh: Mesh, change: Partial<TranslateOptions> = {}): Snapshot {
  return encodeSnapshot(translate(mesh, { ...OPTIONS, ...change }));
}

function withTarget(change: Partial<Target>): Mesh {
  return structuredClone({ ...MESH, targets: [{ ...TARGET, ...change }] });
}

function itemOf(snapshot: Snapshot, type: 'cluster' | 'endpoint') {
  return snapshot.resources.get(TYPE_URLS[type])?.get(TARGET.name) ?? assert.fail();
}

test('an equal target has the very resources that it had', () => {
  const [first, second] = [snapshotOf(withTarget({})), snapshotOf(withTarget({}))];
  for (const type of ['cluster', 'endpoint'] as const) {
    assert.equal(itemOf(second, type), itemOf(first, type));
  }
});

const EDITS: readonly { name: string; change: Partial<Target>; endpoint?: true }[] = [
  { name: 'another timeout', change: { connectTimeoutMs: TARGET.connectTimeoutMs + 1 } },
  { name: 'another limit of requests', change: { maxRequests: TARGET.maxRequests + 1 } },
  { name: 'another protocol', change: { protocol: 'OpenInferenceGRPC' } },
  { name: 'another policy', change: { loadBalancing: { policy: 'Random', hashHeader: null } } },
  { name: 'a health check', change: { healthCheck: HEALTH_CHECK }, endpoint: true },
  { name: 'outlier detection', change: { outlierDetection: OUTLIER_DETECTION }, endpoint: true },
];

for (const { name, change, endpoint = false } of EDITS) {
  test(`${name} is a changed cluster${endpoint ? ', and changed endpoints' : ''}`, () => {
    const [before, after] = [snapshotOf(MESH), snapshotOf(withTarget(change))];
    assert.notEqual(itemOf(after, 'cluster').version, itemOf(before, 'cluster').version);
    const isSame = itemOf(after, 'endpoint').version === itemOf(before, 'endpoint').version;
    assert.equal(isSame, !endpoint);
  });
}

test('another address changes endpoints only, another limit clusters only', () => {
  const before = snapshotOf(MESH);
  const limits = { ...OPTIONS.limits, upstreamIdleTimeoutMs: 1234 };
  const limited = snapshotOf(MESH, { limits });
  assert.equal(itemOf(limited, 'endpoint'), itemOf(before, 'endpoint'));
  assert.notEqual(itemOf(limited, 'cluster').version, itemOf(before, 'cluster').version);
  const unmoved = snapshotOf(MESH);
  const endpoints = [{ address: '192.0.2.7', port: 1, zone: null }];
  const moved = snapshotOf(withTarget({ endpoints }));
  assert.equal(itemOf(moved, 'cluster'), itemOf(unmoved, 'cluster'));
  assert.notEqual(itemOf(moved, 'endpoint').version, itemOf(unmoved, 'endpoint').version);
});

test('names that are remembered have a bound, and what was used last stays', () => {
  const remembered = new Remembered<{ readonly of: number }>();
  const get = (of: number) => remembered.get(String(of), [of], () => ({ of }));
  const kept = get(-1);
  const first = get(0);
  for (let of = 1; of < 16_383; of++) get(of);
  assert.equal(get(-1), kept);
  get(16_383);
  assert.notEqual(get(0), first);
  assert.equal(get(-1), kept);
});

test('of a name only the last is kept', () => {
  const remembered = new Remembered<{ readonly of: number }>();
  const get = (of: number) => remembered.get('name', [of], () => ({ of }));
  const first = get(1);
  assert.equal(get(1), first);
  assert.deepEqual(get(2), { of: 2 });
  assert.notEqual(get(1), first);
});
