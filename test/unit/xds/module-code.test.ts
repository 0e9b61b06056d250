import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkConsistency } from '../../../control-plane/xds/consistency.ts';
import { encodeSnapshot } from '../../../control-plane/xds/encode.ts';
import { resourceJson } from '../../../control-plane/xds/json.ts';
import { MODULES_CLUSTER } from '../../../control-plane/xds/module-code.ts';
import type { Resource } from '../../../control-plane/xds/snapshot.ts';
import { TYPE_URLS } from '../../../control-plane/xds/snapshot.ts';
import {
  DEFAULT_LIMITS,
  type ModuleServer,
  translate,
} from '../../../control-plane/xds/translate.ts';

const SHA256 = 'ab'.repeat(32);
const mesh = {
  listeners: [{ name: 'default', address: '127.0.0.1', port: 8080 }],
  routes: [],
  targets: [],
  services: [],
  secrets: [],
};

function setWith(moduleServer: ModuleServer | null) {
  const place = { path: '/filter.wasm', sha256: SHA256 };
  const url = `http://control-plane.example:18002/modules/${SHA256}.wasm`;
  const module = moduleServer === null ? place : { ...place, url };
  return translate(mesh, {
    modules: { chain: module, batcher: module, rewriter: module },
    moduleServer,
    limits: DEFAULT_LIMITS,
    modelHeader: null,
    accessLog: null,
    outcomeMetrics: false,
  });
}

function router(moduleServer: ModuleServer | null): Resource {
  const extensions = encodeSnapshot(setWith(moduleServer)).resources.get(TYPE_URLS.extension);
  const found = extensions?.get('modelweir.router');
  assert.ok(found !== undefined);
  return found;
}

function vmOf({ bytes }: Resource) {
  const json = resourceJson(TYPE_URLS.extension, bytes) as {
    typed_config: { config: { vm_config: Record<string, unknown> } };
  };
  return json.typed_config.config.vm_config;
}

test('a module of a file is one resource in one form', () => {
  assert.deepEqual(vmOf(router(null))['code'], { local: { filename: '/filter.wasm' } });
  assert.equal(router(null).retry, undefined);
  assert.deepEqual(setWith(null).clusters, []);
});

test('a module by HTTP has a hash, and the way to its server is a cluster', () => {
  const byName = setWith({ host: 'control-plane.example', port: 18002 });
  assert.deepEqual(checkConsistency(byName), []);
  const [cluster] = byName.clusters;
  assert.equal(cluster?.name, MODULES_CLUSTER);
  assert.deepEqual(cluster?.clusterDiscoveryType, { case: 'type', value: 1 });
  const byAddress = setWith({ host: '192.0.2.1', port: 1 }).clusters[0];
  assert.deepEqual(byAddress?.clusterDiscoveryType, { case: 'type', value: 0 });
});

test('only a proxy that has nothing is told to wait for the code; the others are to refuse first', () => {
  const resource = router({ host: '192.0.2.1', port: 1 });
  const { retry } = resource;
  assert.ok(retry?.first !== undefined);
  assert.equal(vmOf(retry.first)['nack_on_code_cache_miss'], undefined);
  assert.notEqual(retry.first.version, resource.version);
  // Whoever does not know of forms sends this one, and it loses no request.
  assert.equal(vmOf(resource)['nack_on_code_cache_miss'], true);
  assert.equal(vmOf(retry.again('1'))['nack_on_code_cache_miss'], true);
});

test('each attempt has other bytes, the same version, and is made once', () => {
  const { version, bytes, retry } = router({ host: '192.0.2.1', port: 1 });
  assert.ok(retry !== undefined);
  const one = retry.again('1');
  const two = retry.again('2');
  assert.deepEqual([one.version, two.version], [version, version]);
  assert.ok(!Buffer.from(one.bytes).equals(two.bytes));
  assert.ok(!Buffer.from(one.bytes).equals(bytes));
  assert.equal(retry.again('1'), one);
});
