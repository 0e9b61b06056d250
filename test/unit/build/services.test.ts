import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { build } from '../../../control-plane/build/build.ts';
import { LastGood } from '../../../control-plane/build/last-good.ts';
import type { Service } from '../../../control-plane/ir/mesh.ts';
import type { RawObject } from '../../../control-plane/store/object.ts';

const ORIGIN = { file: 'f', line: 1, lineOf: () => 1 };

function object(kind: string, name: string, namespace: string, rest: object): RawObject {
  const metadata = { name, namespace };
  return { kind, namespace, name, raw: { kind, metadata, ...rest }, origin: ORIGIN };
}

function ours(kind: string, name: string, spec: object): RawObject {
  return object(kind, name, 'ml', { apiVersion: 'modelweir.dev/v1alpha1', spec });
}

const ENDPOINTS = [{ address: '192.0.2.1', port: 80 }];

function servicesOf(hostnames: string[], ...objects: RawObject[]): readonly Service[] {
  const variants = [{ name: 'v', backendRef: { name: 'b' } }];
  const route = ours('ModelRoute', 'r', { hostnames, models: [{ name: 'm' }], variants });
  const backend = ours('ModelBackend', 'b', { protocol: 'OpenAI', endpoints: ENDPOINTS });
  return build(new LastGood().take([backend, route, ...objects]), []).mesh.services;
}

function service(name: string, namespace: string, spec: object = {}): RawObject {
  return object('Service', name, namespace, { spec: { ports: [{ port: 80 }], ...spec } });
}

describe('the mesh knows the Services that hostnames mean', () => {
  const objects = [service('one', 'ml'), service('two', 'shop'), service('three', 'shop')];
  const CASES: readonly [hostname: string, names: string[]][] = [
    ['one.ml', ['ml/one']],
    ['two.shop.svc', ['shop/two']],
    ['two.shop.svc.cluster.local', ['shop/two']],
    ['one', ['ml/one']],
    ['two', []],
    ['*.shop', ['shop/three', 'shop/two']],
    ['*.shop.svc.any.domain', ['shop/three', 'shop/two']],
    ['*', []],
    ['api.example.com', []],
  ];
  for (const [hostname, names] of CASES) {
    test(`as ${hostname}`, () => {
      assert.deepEqual(
        servicesOf([hostname], ...objects).map(({ name }) => name),
        names,
      );
    });
  }
});

test('a Service of another cluster is none of them', () => {
  const away = service('one', 'ml', { type: 'ExternalName', externalName: 'example.com' });
  assert.deepEqual(servicesOf(['one.ml'], away), []);
});

test('where pods listen is a number, or what they call by a name', () => {
  const ports = [
    { name: 'http', port: 80, targetPort: 'web' },
    { name: 'same', port: 81 },
    { name: 'other', port: 82, targetPort: 8082 },
    { name: 'nobody', port: 83, targetPort: 'web' },
  ];
  const slice = {
    ...object('EndpointSlice', 'one-1', 'ml', {
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 8080 }],
      endpoints: [{ addresses: ['192.0.2.7'] }],
    }),
  };
  const metadata = {
    name: 'one-1',
    namespace: 'ml',
    labels: { 'kubernetes.io/service-name': 'one' },
  };
  slice.raw = { ...(slice.raw as object), metadata };
  const [found] = servicesOf(['one.ml'], service('one', 'ml', { ports }), slice);
  assert.deepEqual(
    found?.ports.map(({ port, targetPorts }) => [port, targetPorts]),
    [
      [80, [8080]],
      [81, [81]],
      [82, [8082]],
      [83, []],
    ],
  );
});
