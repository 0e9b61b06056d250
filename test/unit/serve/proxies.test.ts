import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { ProxyStatus } from '../../../control-plane/serve/ads-server.ts';
import { ProxyRegistry } from '../../../control-plane/serve/ads-server.ts';

function status(nodeId: string): ProxyStatus {
  const connectedAt = '2026-01-01T00:00:00.000Z';
  const rest = { cluster: '', userAgent: '', view: '', inSync: true, unsentBytes: 0, types: [] };
  return { nodeId, connectedAt, mode: 'delta', ...rest };
}

test('a status is asked for again only when it may have changed', () => {
  const registry = new ProxyRegistry();
  const asked: string[] = [];
  for (const [id, name] of ['a', 'b'].entries()) {
    registry.add(id, null, () => {
      asked.push(name);
      return status(name);
    });
  }
  registry.list();
  registry.changed(1);
  registry.changed(7);
  assert.deepEqual(
    registry.list().map(({ nodeId }) => nodeId),
    ['a', 'b'],
  );
  assert.deepEqual(asked, ['a', 'b', 'b']);
});

test('many changes are few events, and the last change is in one of them', async () => {
  const registry = new ProxyRegistry();
  let version = 0;
  registry.add(0, null, () => status(`v${version}`));
  let events = 0;
  let seen = '';
  registry.on('change', () => {
    events += 1;
    seen = registry.list()[0]?.nodeId ?? '';
  });
  for (version = 1; version < 1000; version++) registry.changed(0);
  registry.changed(0);
  while (seen !== 'v1000') await once(registry, 'change');
  assert.equal(events, 1);
});
