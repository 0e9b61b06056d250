import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metrics } from '../../../control-plane/status/metrics.ts';
import type { ReportedProxy, ReportedType } from '../../../control-plane/status/report.ts';
import { TYPE_URLS } from '../../../control-plane/xds/snapshot.ts';

function proxy(nodeId: string, type: Partial<ReportedType>): ReportedProxy {
  const base = { subscribed: 1, sentVersion: null, ackedVersion: null, inSync: true, nacks: [] };
  return {
    nodeId,
    cluster: 'c',
    userAgent: 'envoy',
    connectedAt: '2026-01-01T00:00:00Z',
    mode: 'sotw',
    inSync: true,
    types: [{ typeUrl: TYPE_URLS.cluster, ...base, ...type }],
  };
}

async function sampleOf(metrics: Metrics, line: string): Promise<number> {
  const text = await metrics.registry.metrics();
  const found = text.split('\n').find((one) => one.startsWith(`modelweir_control_plane_${line} `));
  return Number(found?.split(' ')[1]);
}

test('a version and a refusal are counted once, however often they are seen', async () => {
  const metrics = new Metrics();
  const nack = { message: 'no', version: '1', resources: ['a'], at: '2026-01-01T00:00:01Z' };
  metrics.observe([proxy('p', { sentVersion: '1' })]);
  metrics.observe([proxy('p', { sentVersion: '1', nacks: [nack] })]);
  metrics.observe([proxy('p', { sentVersion: '1', nacks: [nack] })]);
  assert.equal(await sampleOf(metrics, 'pushes_total{type="Cluster"}'), 1);
  assert.equal(await sampleOf(metrics, 'nacks_total{type="Cluster"}'), 1);
  const again = { ...nack, version: '2', at: '2026-01-01T00:00:02Z' };
  metrics.observe([
    proxy('p', { sentVersion: '2', nacks: [again] }),
    proxy('q', { sentVersion: '2' }),
  ]);
  assert.equal(await sampleOf(metrics, 'pushes_total{type="Cluster"}'), 3);
  assert.equal(await sampleOf(metrics, 'nacks_total{type="Cluster"}'), 2);
  assert.equal(await sampleOf(metrics, 'connected_proxies'), 2);
  metrics.observe([]);
  assert.equal(await sampleOf(metrics, 'connected_proxies'), 0);
});
