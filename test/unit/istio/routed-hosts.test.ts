import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Claim, Mesh, Route, Service } from '../../../control-plane/ir/mesh.ts';
import { underAllNames } from '../../../control-plane/istio/all-names.ts';
import { routedHosts } from '../../../control-plane/istio/routed-hosts.ts';
import { isHttp, namesOf } from '../../../control-plane/istio/service-names.ts';
import { claim, MESH } from '../xds/mesh.ts';
import { ISTIO_OPTIONS } from './options.ts';

const [ROUTE] = MESH.routes as [Route];

function service(name: string, ports: Service['ports'] = [port('http', 80)]): Service {
  return { name, ports, selector: [{ name: 'app', value: name }] };
}

function port(name: string | null, number: number, appProtocol: string | null = null) {
  return { name, port: number, appProtocol, targetPorts: [8080] };
}

function meshWith(routes: Readonly<Record<string, Claim[]>>, services: Service[]): Mesh {
  const named = Object.entries(routes).map(([name, claims]) => ({ ...ROUTE, name, claims }));
  return { ...MESH, routes: named, services };
}

function hostnamesOf(mesh: Mesh): Record<string, string[]> {
  return Object.fromEntries(
    mesh.routes.map(({ name, claims }) => [name, claims.map((one) => one.hostname)]),
  );
}

describe('a Service is a host', () => {
  const services = [service('ml/digits'), service('shop/models')];
  const CASES: readonly [why: string, hostname: string, hosts: string[]][] = [
    ['by its namespace', 'digits.ml', ['digits.ml.svc.cluster.local']],
    ['by its full name', 'digits.ml.svc.cluster.local', ['digits.ml.svc.cluster.local']],
    ["by its short name, in the route's namespace", 'digits', ['digits.ml.svc.cluster.local']],
    ['by a suffix', '*.ml', ['digits.ml.svc.cluster.local']],
    [
      'by *, where it is known at all',
      '*',
      ['digits.ml.svc.cluster.local', 'models.shop.svc.cluster.local'],
    ],
    ['and a name of none is one too', 'api.example.com', ['api.example.com']],
    ['but a short name that means none is not', 'models', []],
  ];
  for (const [why, hostname, hosts] of CASES) {
    test(why, () => {
      const mesh = meshWith({ 'ml/r': [claim('m', { hostname })] }, services);
      assert.deepEqual(
        routedHosts(mesh, ISTIO_OPTIONS).map(({ host }) => host),
        hosts,
      );
    });
  }
});

test('a host has the ports at which Istio may find HTTP', () => {
  const ports = [
    port('http', 80),
    port(null, 81),
    port('tcp-raw', 82),
    port('tcp-but-http', 83, 'http2'),
    port('web', 84, 'https'),
    port('models', 85),
    port('x', 86, 'kubernetes.io/h2c'),
  ];
  assert.deepEqual(
    ports.filter(isHttp).map((one) => one.port),
    [80, 81, 83, 85, 86],
  );
});

describe('under all names', () => {
  test('callers of the same namespace may leave it out, and others may not', () => {
    const options = { clusterDomain: 'example' };
    assert.deepEqual(namesOf('ml/digits', 'ml', options), [
      'digits.ml.svc.example',
      'digits.ml.svc',
      'digits.ml',
      'digits',
    ]);
    assert.ok(!namesOf('ml/digits', 'shop', options).includes('digits'));
  });

  test('a route owns its models at each name of the Service, for each caller', () => {
    const mesh = meshWith({ 'ml/r': [claim('m', { hostname: 'digits.ml' })] }, [
      service('ml/digits'),
    ]);
    const full = ['digits.ml', 'digits.ml.svc', 'digits.ml.svc.cluster.local'];
    const own = hostnamesOf(underAllNames(mesh, 'ml', ISTIO_OPTIONS));
    assert.deepEqual(own, { 'ml/r': ['digits', ...full] });
    const others = hostnamesOf(underAllNames(mesh, 'shop', ISTIO_OPTIONS));
    assert.deepEqual(others, { 'ml/r': full });
  });

  test('a short name is not the same Service to others', () => {
    const mesh = meshWith({ 'ml/r': [claim('m', { hostname: 'digits' })] }, [
      service('ml/digits'),
      service('shop/digits'),
    ]);
    const others = hostnamesOf(underAllNames(mesh, 'shop', ISTIO_OPTIONS));
    assert.deepEqual(others, {
      'ml/r': ['digits.ml', 'digits.ml.svc', 'digits.ml.svc.cluster.local'],
    });
  });

  test('what another route owns at a name stays its own', () => {
    const mesh = meshWith(
      {
        'ml/one': [claim('m', { hostname: 'digits.ml' })],
        'ml/two': [claim('m', { hostname: 'digits.ml.svc' })],
      },
      [service('ml/digits')],
    );
    const names = hostnamesOf(underAllNames(mesh, 'shop', ISTIO_OPTIONS));
    assert.deepEqual(names, {
      'ml/one': ['digits.ml', 'digits.ml.svc.cluster.local'],
      'ml/two': ['digits.ml.svc'],
    });
  });

  test('a suffix means all names of the Services that it means', () => {
    const mesh = meshWith({ 'ml/r': [claim('m', { hostname: '*.ml' })] }, [
      service('ml/digits'),
      service('shop/models'),
    ]);
    const names = hostnamesOf(underAllNames(mesh, 'ml', ISTIO_OPTIONS));
    assert.deepEqual(names, {
      'ml/r': ['*.ml', 'digits', 'digits.ml.svc', 'digits.ml.svc.cluster.local'],
    });
  });

  test('and gives way to a pattern of another route that says the same of them', () => {
    const mesh = meshWith(
      {
        'ml/one': [claim('m', { hostname: 'digits.ml' })],
        'ml/two': [claim('m', { hostname: '*.svc.cluster.local' })],
      },
      [service('ml/digits')],
    );
    const names = hostnamesOf(underAllNames(mesh, 'shop', ISTIO_OPTIONS));
    assert.deepEqual(names, {
      'ml/one': ['digits.ml', 'digits.ml.svc'],
      'ml/two': ['*.svc.cluster.local'],
    });
  });
});
