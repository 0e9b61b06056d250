import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metrics } from '../../../control-plane/status/metrics.ts';
import type { ReportedProxy } from '../../../control-plane/status/report.ts';
import { TYPE_URLS } from '../../../control-plane/xds/snapshot.ts';

function proxy(nodeId: string, view: string): ReportedProxy {
  return {
    nodeId,
    cluster: 'c',
    userAgent: 'envoy',
    view,
    connectedAt: '2026-01-01T00:00:00Z',
    mode: 'sotw',
    inSync: true,
    unsentBytes: 10,
    types: [],
  };
}

async function sampleOf(metrics: Metrics, line: string): Promise<number> {
  const text = await metrics.registry.metrics();
  const found = text.split('\n').find((one) => one.startsWith(`modelweir_control_plane_${line} `));
  return Number(found?.split(' ')[1]);
}

test('responses, their bytes and refusals are counted by type, from 0', async () => {
  const metrics = new Metrics();
  assert.equal(await sampleOf(metrics, 'nacks_total{type="Cluster"}'), 0);
  metrics.sent(TYPE_URLS.cluster, 100);
  metrics.sent(TYPE_URLS.cluster, 50);
  metrics.refused(TYPE_URLS.cluster);
  assert.equal(await sampleOf(metrics, 'pushes_total{type="Cluster"}'), 2);
  assert.equal(await sampleOf(metrics, 'pushed_bytes_total{type="Cluster"}'), 150);
  assert.equal(await sampleOf(metrics, 'nacks_total{type="Cluster"}'), 1);
  assert.equal(await sampleOf(metrics, 'pushes_total{type="Listener"}'), 0);
});

test('proxies are counted by view, and a view that nobody has any longer is gone', async () => {
  const metrics = new Metrics();
  metrics.observe([proxy('p', '*'), proxy('q', '*'), proxy('r', 'team-a')]);
  assert.equal(await sampleOf(metrics, 'connected_proxies'), 3);
  assert.equal(await sampleOf(metrics, 'view_proxies{view="*"}'), 2);
  assert.equal(await sampleOf(metrics, 'unsent_bytes'), 30);
  metrics.observe([proxy('p', '*')]);
  assert.equal(await sampleOf(metrics, 'view_proxies{view="team-a"}'), Number.NaN);
  assert.equal(await sampleOf(metrics, 'connected_proxies'), 1);
});

test('a thousand views have a hundred labels, and no proxy is lost', async () => {
  const metrics = new Metrics();
  metrics.observe(Array.from({ length: 1000 }, (_, i) => proxy(`p${i}`, `view-${i}`)));
  const lines = (await metrics.registry.metrics()).split('\n');
  const views = lines.filter((line) => line.startsWith('modelweir_control_plane_view_proxies{'));
  assert.ok(views.length <= 101);
  const counts = views.map((line) => Number(line.split(' ').at(-1)));
  assert.equal(
    counts.reduce((sum, one) => sum + one, 0),
    1000,
  );
});

test('the process itself is measured, too', async () => {
  const text = await new Metrics().registry.metrics();
  const names = ['process_cpu_seconds_total', 'nodejs_eventloop_lag_seconds'];
  for (const name of names) assert.match(text, new RegExp(`^${name} `, 'm'));
});
