/** Which view a sidecar of Istio's has, and that it cannot have another one's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Call } from '../../../control-plane/serve/connection.ts';
import { AccessError } from '../../../control-plane/serve/discovery.ts';
import { namespaceOfSidecars, sidecarView } from '../../../control-plane/serve/sidecar-view.ts';

const RULES = [{ identity: 'spiffe://cluster.local/ns/{namespace}/sa/*' }];

const node = (id: string) => ({ id, cluster: '', userAgent: '', metadata: {} });
const sidecar = (namespace: string) =>
  node(`sidecar~10.0.0.7~web-1.${namespace}~${namespace}.svc.cluster.local`);

/** A stream whose client has shown this certificate. */
function from(identity: string | null): Call {
  const sslPeerCertificate = identity === null ? undefined : { subjectaltname: `URI:${identity}` };
  return { getAuthContext: () => ({ sslPeerCertificate }) } as unknown as Call;
}

const of = (namespace: string) => from(`spiffe://cluster.local/ns/${namespace}/sa/web`);

test('each namespace has a view of its own, whatever a pod is called', () => {
  const view = sidecarView(sidecar('shop'), from(null), null);
  assert.equal(namespaceOfSidecars(view ?? ''), 'shop');
  assert.equal(sidecarView(sidecar('shop'), of('shop'), RULES), view);
});

test('a sidecar gets nothing of a namespace that its certificate is not of', () => {
  assert.throws(() => sidecarView(sidecar('ml'), of('shop'), RULES), AccessError);
  assert.throws(() => sidecarView(sidecar('ml'), from(null), RULES), AccessError);
});

test('other proxies, and what only looks like a sidecar, have the views of their namespaces', () => {
  for (const id of ['web-1.shop', 'router~10.0.0.7~gw.shop~shop.svc.cluster.local', 'sidecar~~~']) {
    assert.equal(sidecarView(node(id), from(null), null), null, id);
  }
  assert.equal(namespaceOfSidecars('shop,ml'), null);
  assert.equal(namespaceOfSidecars('*'), null);
});
