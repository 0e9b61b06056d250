import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { Batching, Mesh, Route } from '../../../control-plane/ir/mesh.ts';
import { encodeSnapshot } from '../../../control-plane/xds/encode.ts';
import { ClusterSchema } from '../../../control-plane/xds/gen/envoy/config/cluster/v3/cluster_pb.js';
import { ListenerSchema } from '../../../control-plane/xds/gen/envoy/config/listener/v3/listener_pb.js';
import { WasmSchema } from '../../../control-plane/xds/gen/envoy/extensions/filters/http/wasm/v3/wasm_pb.js';
import { HttpConnectionManagerSchema } from '../../../control-plane/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { routeClass } from '../../../control-plane/xds/route-classes.ts';
import type { Snapshot } from '../../../control-plane/xds/snapshot.ts';
import { TYPE_URLS } from '../../../control-plane/xds/snapshot.ts';
import { targetsByName } from '../../../control-plane/xds/targets.ts';
import { translate } from '../../../control-plane/xds/translate.ts';
import { MESH, OPTIONS, RESPONSES, RETRY } from './mesh.ts';

const [ROUTE] = MESH.routes as [Route];
const TARGETS = targetsByName(MESH);
const BATCHING: Batching = {
  maxRows: 32,
  maxBytes: 1_048_576,
  maxDelayMs: 5,
  maxInFlight: 1,
  timeoutMs: 1000,
  identityHeaders: [],
  peerIdentity: false,
  deadlineHeader: null,
  retryFailed: true,
  sizeHeaders: true,
  grpc: false,
};

function encode(mesh: Mesh): Snapshot {
  return encodeSnapshot(translate(mesh, OPTIONS));
}

/** Names of the types whose version differs. */
function changedTypes(before: Snapshot, after: Snapshot): string[] {
  return Object.entries(TYPE_URLS)
    .filter(([, url]) => before.versions.get(url) !== after.versions.get(url))
    .map(([type]) => type);
}

function withRoute(change: Partial<Route>): Mesh {
  return { ...MESH, routes: [{ ...ROUTE, ...change }] };
}

const EDITS: readonly { readonly name: string; readonly mesh: Mesh; readonly types: string[] }[] = [
  { name: 'nothing', mesh: structuredClone(MESH), types: [] },
  {
    name: 'a weight',
    mesh: withRoute({ variants: [{ name: 'only', target: 'default/a', weight: 2 }] }),
    types: ['extension'],
  },
  { name: 'a timeout', mesh: withRoute({ timeoutMs: 500 }), types: ['route', 'extension'] },
  {
    name: 'joining gRPC',
    mesh: withRoute({ batching: { ...BATCHING, grpc: true } }),
    types: ['route', 'extension'],
  },
  { name: 'a retry', mesh: withRoute({ retry: RETRY }), types: ['cluster', 'route', 'extension'] },
  {
    name: 'what a header says of decisions',
    mesh: withRoute({ responses: { ...RESPONSES, decisionHeader: 'always' } }),
    types: ['extension'],
  },
  { name: 'batching', mesh: withRoute({ batching: BATCHING }), types: ['extension'] },
  {
    name: 'an endpoint',
    mesh: {
      ...MESH,
      targets: MESH.targets.map((target) => ({
        ...target,
        endpoints: [{ address: '127.0.0.1', port: 9001, zone: null }],
      })),
    },
    types: ['endpoint'],
  },
  {
    name: 'a served name',
    mesh: {
      ...MESH,
      targets: MESH.targets.map((target) => ({ ...target, servedModel: 'served' })),
    },
    types: ['extension'],
  },
];

for (const { name, mesh, types } of EDITS) {
  test(`editing ${name} changes ${types.join(' and ') || 'no resource'}`, () => {
    assert.deepEqual(changedTypes(encode(MESH), encode(mesh)), types);
  });
}

test('editing a weight changes the configuration of the splitter only', () => {
  const type = TYPE_URLS.extension;
  const before = encode(MESH).resources.get(type);
  const mesh = withRoute({ variants: [{ name: 'only', target: 'default/a', weight: 2 }] });
  const changed = [...(encode(mesh).resources.get(type)?.values() ?? [])].filter(
    (item) => before?.get(item.name)?.version !== item.version,
  );
  assert.deepEqual(
    changed.map((item) => item.name),
    ['modelweir.splitter'],
  );
});

test('routes with the same timeout share a class, others do not', () => {
  const other = { ...ROUTE, name: 'default/other', batching: BATCHING };
  assert.deepEqual(routeClass(other, TARGETS), routeClass(ROUTE, TARGETS));
  assert.notDeepEqual(
    routeClass({ ...ROUTE, timeoutMs: 14_999 }, TARGETS),
    routeClass(ROUTE, TARGETS),
  );
});

const HELD: readonly { readonly maxBytes: number; readonly limit: number }[] = [
  { maxBytes: 1, limit: 2 ** 21 },
  { maxBytes: 1_048_576, limit: 2 ** 21 },
  { maxBytes: 1_900_000, limit: 2 ** 22 },
  { maxBytes: 67_108_864, limit: 2 ** 27 },
];

for (const { maxBytes, limit } of HELD) {
  test(`where ${maxBytes} bytes may be held, Envoy buffers ${limit}, more than any filter counts to`, () => {
    const { resources } = encode(withRoute({ batching: { ...BATCHING, maxBytes } }));
    const bytes = (type: string, name: string) =>
      resources.get(type)?.get(name)?.bytes ?? assert.fail(`${name} is missing`);
    const listener = fromBinary(ListenerSchema, bytes(TYPE_URLS.listener, 'default'));
    const cluster = fromBinary(ClusterSchema, bytes(TYPE_URLS.cluster, 'default/a'));
    assert.equal(listener.perConnectionBufferLimitBytes, limit);
    assert.equal(cluster.perConnectionBufferLimitBytes, limit);
    assert.ok(limit > Math.max(maxBytes, OPTIONS.limits.maxHoldBytes));
  });
}

test('router and splitter share a machine, and only the router is in the way of requests', () => {
  const { extensions, listeners } = translate(MESH, OPTIONS);
  const machines = ['modelweir.router', 'modelweir.splitter'].map((name) => {
    const found = extensions.find((item) => item.name === name)?.typedConfig;
    const wasm = found && anyUnpack(found, WasmSchema);
    assert.equal(wasm?.config?.rootId, name);
    return wasm?.config?.vm;
  });
  assert.deepEqual(machines[0], machines[1]);
  assert.equal(machines[0]?.value?.vmId, 'modelweir.chain');
  const filters = listeners.map(({ filterChains, bindToPort }) => {
    const filter = filterChains[0]?.filters[0]?.configType;
    assert.ok(filter?.case === 'typedConfig');
    const manager = anyUnpack(filter.value, HttpConnectionManagerSchema);
    const names = manager?.httpFilters.map(({ name, disabled }) => (disabled ? `(${name})` : name));
    return [bindToPort, ...(names ?? [])];
  });
  assert.deepEqual(filters, [
    [
      undefined,
      'modelweir.router',
      'modelweir.trailers',
      'modelweir.batcher',
      'modelweir.answers',
      'envoy.filters.http.router',
    ],
    [false, '(modelweir.splitter)', 'envoy.filters.http.router'],
  ]);
});

test('a new build of a filter is a new configuration, though its path is the same', () => {
  const chain = { ...OPTIONS.modules.chain, sha256: '1'.repeat(64) };
  const options = { ...OPTIONS, modules: { ...OPTIONS.modules, chain } };
  const after = encodeSnapshot(translate(MESH, options));
  assert.deepEqual(changedTypes(encode(MESH), after), ['extension']);
});
