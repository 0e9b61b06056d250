/** What a report says where sidecars of Istio's ask us for what their filters are told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PipelineResult } from '../../../control-plane/pipeline.ts';
import { type ReportedProxy, report } from '../../../control-plane/status/report.ts';
import { TYPE_URLS } from '../../../control-plane/xds/snapshot.ts';

const ROUTE = { kind: 'ModelRoute', namespace: 'shop', name: 'a' };
const RESULT = {
  mesh: {
    ...{ listeners: [], targets: [], services: [], secrets: [] },
    routes: [{ name: 'shop/a', variants: [] }],
  },
  statuses: [{ object: ROUTE, conditions: [], observedGeneration: 1, file: 'a.yaml', line: 1 }],
  problems: [],
} as unknown as PipelineResult;

function proxy(view: string, typeUrls: readonly string[], isInSync: boolean): ReportedProxy {
  const types = typeUrls.map((typeUrl) => ({
    ...{ typeUrl, inSync: isInSync, nacks: [], subscribed: 1 },
    ...{ sentVersion: '1', ackedVersion: '1' },
  }));
  return {
    ...{ nodeId: view, view, types, inSync: isInSync, cluster: '', userAgent: '' },
    ...{ connectedAt: '', mode: 'delta', unsentBytes: 0 },
  };
}

function programmed(...proxies: ReportedProxy[]): string {
  const version = '0';
  const { objects } = report({
    ...{ version, published: null, unpublished: null, proxies, result: RESULT },
  });
  const condition = objects[0]?.conditions.find(({ type }) => type === 'Programmed');
  return `${condition?.status} ${condition?.reason}`;
}

const sidecar = (isInSync: boolean) => proxy('istio/web', [TYPE_URLS.extension], isInSync);
const gateway = (isInSync: boolean) => {
  const { cluster, endpoint, listener, route, extension } = TYPE_URLS;
  return proxy('*', [cluster, endpoint, listener, route, extension], isInSync);
};

test('a sidecar has a route once it has what its filters are told, whatever namespace it is of', () => {
  assert.equal(programmed(), 'Unknown NoProxyConnected');
  assert.equal(programmed(sidecar(true)), 'True Programmed');
  assert.equal(programmed(sidecar(true), sidecar(false)), 'False Pending');
});

test('beside proxies of ours both must have it', () => {
  assert.equal(programmed(gateway(true), sidecar(true)), 'True Programmed');
  assert.equal(programmed(gateway(true), sidecar(false)), 'False Pending');
  assert.equal(programmed(gateway(false), sidecar(true)), 'False Pending');
});
