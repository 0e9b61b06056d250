/** A mesh of hosts, and a translation of it into Istio's objects that is small enough to read. */
import type { Mesh } from '../../control-plane/ir/mesh.ts';
import type { TranslateMesh } from '../../control-plane/istio/live/settings.ts';
import type { WantedObject } from '../../control-plane/kube/object-plan.ts';

export function namespace(name: string, isOptedIn: boolean) {
  const labels: Record<string, string> = { 'istio-injection': 'enabled' };
  if (isOptedIn) labels['modelweir.dev/inject'] = 'true';
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

export function virtualService(name: string, where: string, hosts: readonly string[]) {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name, namespace: where },
    spec: { hosts, http: [{ route: [{ destination: { host: 'somewhere.example.com' } }] }] },
  };
}

/** `models.shop`: the Service `models` of the namespace `shop`, and a route of that name. */
export function fakeMesh(hosts: readonly string[]): Mesh {
  const routes = hosts.map((host) => {
    const [name, where] = host.split('.');
    return { name: `${where}/${name}`, variants: [{ name: 'a' }] };
  });
  return { listeners: [], routes, targets: [] } as unknown as Mesh;
}

export const fakeTranslation: TranslateMesh = ({ routes }, { namespaces, takenHosts }) => {
  const used = routes.filter(({ name }) => !takenHosts.includes(hostOf(name)));
  const objects: WantedObject[] = [
    ...used.map(({ name: route }) => {
      const [where = '', name = ''] = route.split('/');
      return object('networking.istio.io/v1', 'VirtualService', `modelweir-${name}`, where, {
        hosts: [hostOf(route)],
        http: [
          {
            match: [{ headers: { 'x-modelweir-cluster': { exact: `${route}/a` } } }],
            route: [{ destination: { host: hostOf(route) } }],
          },
        ],
      });
    }),
    ...namespaces.map(({ name }) =>
      clientFilter(
        name,
        used.map((one) => one.name),
      ),
    ),
  ];
  return { objects, kept: [], problems: [] };
};

function hostOf(route: string): string {
  const [where, name] = route.split('/');
  return `${name}.${where}.svc.cluster.local`;
}

function clientFilter(where: string, routes: readonly string[]): WantedObject {
  const value = {
    name: 'modelweir.router',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm',
      config: {
        name: 'modelweir.router',
        configuration: {
          '@type': 'type.googleapis.com/google.protobuf.StringValue',
          value: JSON.stringify(routes),
        },
      },
    },
  };
  return object('networking.istio.io/v1alpha3', 'EnvoyFilter', 'modelweir-router', where, {
    configPatches: [
      {
        applyTo: 'EXTENSION_CONFIG',
        match: { context: 'SIDECAR_OUTBOUND' },
        patch: { operation: 'ADD', value },
      },
    ],
  });
}

function object(
  apiVersion: string,
  kind: string,
  name: string,
  where: string,
  spec: object,
): WantedObject {
  const labels = { 'app.kubernetes.io/managed-by': 'modelweir' };
  return { apiVersion, kind, metadata: { name, namespace: where, labels }, spec };
}
