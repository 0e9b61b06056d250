import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Mesh, Route, Target, TargetTls } from '../../../control-plane/ir/mesh.ts';
import { directExtensions } from '../../../control-plane/istio/direct-extensions.ts';
import { MAX_OBJECT_BYTES } from '../../../control-plane/istio/object-size.ts';
import { HASH_ANNOTATION, nameFrom } from '../../../control-plane/istio/objects.ts';
import {
  type IstioObject,
  type IstioOptions,
  istioObjects,
} from '../../../control-plane/istio/translate.ts';
import { TypedExtensionConfigSchema } from '../../../control-plane/xds/gen/envoy/config/core/v3/extension_pb.js';
import { messageJson } from '../../../control-plane/xds/json.ts';
import { claim, MESH } from '../xds/mesh.ts';
import { ISTIO_OPTIONS } from './options.ts';

const [ROUTE] = MESH.routes as [Route];
const [TARGET] = MESH.targets as [Target];

const DIGITS: Mesh = {
  listeners: [],
  routes: [
    {
      ...ROUTE,
      name: 'ml/digits',
      claims: [claim('digits', { hostname: 'digits.ml' })],
      variants: [
        { name: 'stable', target: 'ml/digits', weight: 90 },
        { name: 'canary', target: 'ml/canary', weight: 10 },
      ],
      batching: {
        maxRows: 32,
        maxBytes: 1_048_576,
        maxDelayMs: 5,
        maxInFlight: 1,
        timeoutMs: 15_000,
        identityHeaders: ['authorization'],
        peerIdentity: false,
        deadlineHeader: null,
        retryFailed: true,
        sizeHeaders: true,
        grpc: false,
      },
    },
  ],
  targets: ['digits', 'canary'].map((name) => ({
    ...TARGET,
    name: `ml/${name}`,
    tls: null,
    service: { name: `ml/${name}`, port: 80 },
  })),
  secrets: [],
  services: ['canary', 'digits'].map((name) => ({
    name: `ml/${name}`,
    ports: [{ name: 'http', port: 80, appProtocol: null, targetPorts: [8080] }],
    selector: [{ name: 'app', value: name }],
  })),
};

/** Hash by kind and name. */
function hashes(mesh: Mesh, options: IstioOptions = ISTIO_OPTIONS): Map<string, string> {
  return new Map(
    istioObjects(mesh, options).objects.map(({ kind, metadata }) => {
      const name = `${kind} ${metadata.namespace}/${metadata.name}`;
      return [name, metadata.annotations[HASH_ANNOTATION] ?? ''];
    }),
  );
}

function changed(mesh: Mesh): string[] {
  const before = hashes(DIGITS);
  return [...hashes(mesh)]
    .filter(([name, hash]) => before.get(name) !== hash)
    .map(([name]) => name);
}

function withRoute(change: Partial<Route>): Mesh {
  return { ...DIGITS, routes: DIGITS.routes.map((route) => ({ ...route, ...change })) };
}

test('a change of weights changes one small object, and no listener', () => {
  const variants = (DIGITS.routes[0]?.variants ?? []).map((one) => ({ ...one, weight: 50 }));
  assert.deepEqual(changed(withRoute({ variants })), ['EnvoyFilter ml/modelweir-splitter']);
});

test('endpoints that come and go change nothing', () => {
  const targets = DIGITS.targets.map((target) => ({ ...target, endpoints: [] }));
  assert.deepEqual(changed({ ...DIGITS, targets }), []);
});

test('where no namespace wants it, and where no route is left, there are no objects', () => {
  assert.deepEqual(istioObjects(DIGITS, { ...ISTIO_OPTIONS, namespaces: [] }).objects, []);
  assert.deepEqual(istioObjects({ ...DIGITS, routes: [] }, ISTIO_OPTIONS).objects, []);
});

test('a variant without a backend answers 503, and the others serve', () => {
  const targets = DIGITS.targets.map((target) =>
    target.name === 'ml/canary' ? { ...target, service: null, endpoints: [] } : target,
  );
  const { objects } = istioObjects({ ...DIGITS, targets }, ISTIO_OPTIONS);
  assert.deepEqual(
    entriesOf(objects).map(({ name, directResponse }) => [name, directResponse]),
    [
      ['ml/digits/stable', undefined],
      ['ml/digits/canary', { status: 503 }],
      ['modelweir/own/80', undefined],
    ],
  );
});

test('nothing goes in plain text to a target that is to be reached over TLS', () => {
  const serverName = 'models.example';
  const CASES: readonly [tls: TargetTls, options: Partial<IstioOptions>, isReached: boolean][] = [
    [{ serverName, authorities: null, certificate: null }, {}, true],
    [{ serverName, authorities: 'ml/ca', certificate: null }, {}, false],
    [{ serverName, authorities: null, certificate: 'ml/client' }, {}, false],
    [
      { serverName, authorities: null, certificate: null },
      { foreignDestinationHosts: ['canary.ml.svc.cluster.local'] },
      false,
    ],
  ];
  for (const [tls, options, isReached] of CASES) {
    const targets = DIGITS.targets.map((target) =>
      target.name === 'ml/canary' ? { ...target, tls } : target,
    );
    const found = istioObjects({ ...DIGITS, targets }, { ...ISTIO_OPTIONS, ...options });
    const entry = entriesOf(found.objects).find(({ name }) => name === 'ml/digits/canary');
    assert.deepEqual(entry?.directResponse, isReached ? undefined : { status: 503 });
    assert.equal(entry?.route?.[0]?.destination.subset, isReached ? 'canary' : undefined);
    const reasons = found.problems.map(({ reason }) => reason);
    assert.equal(reasons.includes('TlsNotSupported'), !isReached);
    assert.ok(reasons.includes('BatchingNotSupported'));
  }
});

test('an object that is larger than an API server takes is not written, and each route hears of it', () => {
  const claims = Array.from({ length: 30_000 }, (_, index) =>
    claim(`model-${index}`, { hostname: 'digits.ml' }),
  );
  const { objects, tooLarge, problems } = istioObjects(withRoute({ claims }), ISTIO_OPTIONS);
  assert.deepEqual(
    tooLarge.map(({ metadata }) => metadata.name),
    ['modelweir-router'],
  );
  assert.ok(!objects.some(({ metadata }) => metadata.name === 'modelweir-router'));
  const [problem] = problems;
  assert.equal(problem?.reason, 'ObjectTooLarge');
  assert.match(problem?.message ?? '', new RegExp(`may have ${MAX_OBJECT_BYTES}: .* direct mode`));
});

describe('the direct mode', () => {
  const direct = { kind: 'cluster', name: 'modelweir-xds' } as const;

  test('writes no configuration of a filter into an object', () => {
    const { objects } = istioObjects(DIGITS, { ...ISTIO_OPTIONS, direct });
    assert.ok(!JSON.stringify(objects).includes('EXTENSION_CONFIG'));
    assert.ok(!objects.some(({ metadata }) => metadata.name === 'modelweir-splitter'));
  });

  test('has the same configurations, as resources', () => {
    const written = istioObjects(DIGITS, ISTIO_OPTIONS).objects.flatMap(({ spec }) => {
      const { configPatches = [] } = spec as { configPatches?: Patch[] };
      return configPatches.filter(({ applyTo }) => applyTo === 'EXTENSION_CONFIG');
    });
    const extensions = directExtensions('ml', DIGITS, ISTIO_OPTIONS);
    assert.deepEqual(
      extensions.map(({ name }) => name),
      ['modelweir.batcher.8080', 'modelweir.router', 'modelweir.splitter'],
    );
    for (const extension of extensions) {
      const json = messageJson(TypedExtensionConfigSchema, extension);
      const same = written.find(({ patch }) => patch.value.name === extension.name);
      assert.deepEqual(same?.patch.value, json);
    }
  });
});

interface Entry {
  readonly name: string;
  readonly directResponse?: object;
  readonly route?: readonly { readonly destination: { readonly subset?: string } }[];
}

function entriesOf(objects: readonly IstioObject[]): readonly Entry[] {
  const { http = [] } = (objects.find(({ kind }) => kind === 'VirtualService')?.spec ?? {}) as {
    http?: Entry[];
  };
  return http;
}

interface Patch {
  readonly applyTo: string;
  readonly patch: { readonly value: { readonly name: string } };
}

test('names of objects are DNS labels, short, and never alike', () => {
  const names = [
    nameFrom('modelweir', 'a-b'),
    nameFrom('modelweir', 'a.b'),
    nameFrom('modelweir', 'A_b'),
    nameFrom('modelweir', 'x'.repeat(200)),
    nameFrom('modelweir', `${'x'.repeat(200)}y`),
  ];
  assert.equal(new Set(names).size, names.length);
  for (const name of names) assert.match(name, /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
});
