import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DebugSource, debugAnswer } from '../../../control-plane/status/debug.ts';
import type { ReportedProxy } from '../../../control-plane/status/report.ts';
import type { RawObject } from '../../../control-plane/store/object.ts';
import { encodeSnapshot } from '../../../control-plane/xds/encode.ts';
import { DEFAULT_LIMITS, translate } from '../../../control-plane/xds/translate.ts';

const ORIGIN = { file: 'a.yaml', line: 1, lineOf: () => 1 };

function object(kind: string, name: string, rest: object = {}): RawObject {
  const metadata = { name, namespace: 'default', labels: { team: 'a' } };
  return { kind, namespace: 'default', name, raw: { kind, metadata, ...rest }, origin: ORIGIN };
}

const mesh = {
  listeners: [{ name: 'default', address: '127.0.0.1', port: 8080 }],
  routes: [],
  targets: [],
  services: [],
  secrets: [],
};
const module = { path: '/chain.wasm', sha256: 'ab'.repeat(32) };
const snapshot = encodeSnapshot(
  translate(mesh, {
    modules: { chain: module, batcher: module, rewriter: module },
    limits: DEFAULT_LIMITS,
    modelHeader: null,
    accessLog: null,
    outcomeMetrics: false,
  }),
);
const proxy: ReportedProxy = {
  nodeId: 'p',
  cluster: 'c',
  userAgent: 'envoy',
  view: '*',
  unsentBytes: 0,
  connectedAt: '2026-01-01T00:00:00Z',
  mode: 'delta',
  inSync: true,
  types: [],
};

function source(objects: readonly RawObject[]): DebugSource {
  return {
    event: () => ({ objects, problems: [] }),
    mesh: () => mesh,
    proxies: () => [proxy],
    snapshotOf: () => snapshot,
  };
}

function ask(path: string, objects: readonly RawObject[] = []) {
  const answer = debugAnswer(source(objects), new URL(path, 'http://localhost'));
  assert.ok(answer !== null, path);
  return { status: answer.status, json: JSON.parse(String(answer.body)) };
}

test('the store shows who an object is and what it asks for, and nothing beside', () => {
  const raw = object('ModelRoute', 'r', {
    spec: { models: ['m'] },
    status: { conditions: [] },
    data: { key: 'c2VjcmV0' },
  });
  const metadata = { ...(raw.raw as { metadata: object }).metadata, annotations: { a: 'secret' } };
  const { json } = ask('/debug/store', [{ ...raw, raw: { ...(raw.raw as object), metadata } }]);
  assert.deepEqual(json.items, [
    {
      kind: 'ModelRoute',
      file: 'a.yaml',
      line: 1,
      spec: { models: ['m'] },
      metadata: { name: 'r', namespace: 'default', labels: { team: 'a' } },
    },
  ]);
});

test('a Secret shows its name alone', () => {
  const secret = object('Secret', 's', { spec: { token: 'secret' }, data: { token: 'c2VjcmV0' } });
  const { json } = ask('/debug/store', [secret]);
  assert.doesNotMatch(JSON.stringify(json), /token|c2VjcmV0/);
});

test('a page holds a hundred, and says where the next one starts', () => {
  const objects = Array.from({ length: 250 }, (_, i) => object('ModelRoute', `r${i}`));
  const first = ask('/debug/store', objects).json;
  assert.deepEqual([first.total, first.items.length, first.nextOffset], [250, 100, 100]);
  const last = ask('/debug/store?offset=200', objects).json;
  assert.deepEqual([last.items.length, last.nextOffset], [50, null]);
  assert.equal(last.items[0].metadata.name, 'r200');
  const odd = ask('/debug/store?offset=-1e9', objects).json;
  assert.equal(odd.offset, 0);
  const named = ask('/debug/store?kind=ModelRoute&name=r7', objects).json;
  assert.deepEqual([named.total, named.items[0].metadata.name], [1, 'r7']);
});

test('what is published to a proxy is listed, and one resource is shown whole', () => {
  const { json } = ask('/debug/proxy?id=p');
  assert.equal(json.proxies[0].nodeId, 'p');
  const listed = json.published.items.map(({ type, name }: { type: string; name: string }) => {
    return `${type} ${name}`;
  });
  assert.ok(listed.includes('TypedExtensionConfig modelweir.router'), listed.join());
  assert.equal(json.published.items[0].resource, undefined);
  const one = ask('/debug/proxy?id=p&type=TypedExtensionConfig&name=modelweir.router').json;
  const [{ resource }] = one.published.items;
  assert.equal(resource.typed_config.config.name, 'modelweir.router');
});

test('a proxy that is not connected, and a page that there is not, are not found', () => {
  assert.equal(ask('/debug/proxy?id=q').status, 404);
  assert.equal(debugAnswer(source([]), new URL('http://localhost/debug/other')), null);
});
