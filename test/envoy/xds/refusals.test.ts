import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { filterModules } from '../../../control-plane/cli/filter-modules.ts';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { repositoryRoot } from '../../../control-plane/cli/quickstart/places.ts';
import type * as ir from '../../../control-plane/ir/mesh.ts';
import {
  Cluster_DiscoveryType,
  ClusterSchema,
} from '../../../control-plane/xds/gen/envoy/config/cluster/v3/cluster_pb.js';
import { ClusterLoadAssignmentSchema } from '../../../control-plane/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { ListenerSchema } from '../../../control-plane/xds/gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '../../../control-plane/xds/gen/envoy/config/route/v3/route_pb.js';
import type { TYPE_URLS } from '../../../control-plane/xds/snapshot.ts';
import type { ResourceSet } from '../../../control-plane/xds/translate.ts';
import { wasmFilter } from '../../../control-plane/xds/wasm.ts';
import { startBackend } from '../../harness/backend.ts';
import { MODES, oneRouteMesh, serveMesh, typeStatus } from './served-mesh.ts';

interface Case {
  readonly name: string;
  readonly type: keyof typeof TYPE_URLS;
  readonly resource: string;
  readonly message: RegExp;
  readonly break: (set: ResourceSet) => ResourceSet;
}

const modules = await filterModules(join(repositoryRoot, 'dist/filters'));

const CASES: readonly Case[] = [
  {
    name: 'a listener without filters',
    type: 'listener',
    resource: 'broken',
    message: /broken.*no filter chains specified/s,
    break: (set) => ({
      ...set,
      listeners: [
        create(ListenerSchema, { name: 'broken', address: socket('127.0.0.1') }),
        ...set.listeners,
      ],
    }),
  },
  {
    name: 'a cluster without a source of endpoints',
    type: 'cluster',
    resource: 'broken',
    message: /broken.*EDS config/s,
    break: (set) => ({
      ...set,
      clusters: [
        create(ClusterSchema, {
          name: 'broken',
          clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
        }),
        ...set.clusters,
      ],
    }),
  },
  {
    name: 'endpoints with a name for an address',
    type: 'endpoint',
    resource: 'default/a',
    message: /malformed IP address: not-an-address/,
    break: (set) => ({
      ...set,
      endpoints: set.endpoints.map((item) =>
        item.clusterName === 'default/a' ? endpointsAt('default/a', 'not-an-address') : item,
      ),
    }),
  },
  {
    name: 'routes with two hosts for everything',
    type: 'route',
    resource: 'default',
    message: /Only a single wildcard domain/,
    break: (set) => ({
      ...set,
      routes: set.routes.map((item) =>
        create(RouteConfigurationSchema, {
          name: item.name,
          virtualHosts: [
            { name: 'one', domains: ['*'] },
            { name: 'two', domains: ['*'] },
          ],
        }),
      ),
    }),
  },
  ...(['router', 'splitter', 'batcher'] as const).map((filter): Case => {
    const name = `modelweir.${filter}`;
    return {
      name: `a ${filter} that does not understand its configuration`,
      type: 'extension',
      resource: name,
      message: new RegExp(`Unable to create Wasm plugin modelweir\\.${filter}`),
      break: (set) => ({
        ...set,
        extensions: set.extensions.map((item) =>
          item.name === name ? { ...item, typedConfig: fromTheFuture(name) } : item,
        ),
      }),
    };
  }),
];

/** As the built filter `name` is configured, but in a version that it does not know. */
function fromTheFuture(name: string): Any {
  const module = name === 'modelweir.batcher' ? 'batcher' : 'chain';
  const vmId = `modelweir.${module}`;
  return wasmFilter({ name, vmId, module: modules[module], configuration: '{"version":1000}' });
}

function socket(address: string) {
  const portSpecifier = { case: 'portValue', value: 1 } as const;
  return { address: { case: 'socketAddress', value: { address, portSpecifier } } } as const;
}

function endpointsAt(clusterName: string, address: string) {
  const endpoint = { address: socket(address) };
  const hostIdentifier = { case: 'endpoint', value: endpoint } as const;
  const lbEndpoints = [{ hostIdentifier }];
  return create(ClusterLoadAssignmentSchema, { clusterName, endpoints: [{ lbEndpoints }] });
}

/** All traffic to `m`, and one more target that a case may break; sorted before `m`. */
async function meshTo(port: number): Promise<ir.Mesh> {
  const mesh = await oneRouteMesh([
    { name: 'a', port: 9 },
    { name: 'm', port },
  ]);
  const weigh = (variant: ir.Variant) => ({ ...variant, weight: variant.name === 'm' ? 1 : 0 });
  const routes = mesh.routes.map((route) => ({ ...route, variants: route.variants.map(weigh) }));
  return { ...mesh, routes };
}

for (const mode of MODES) {
  for (const { name, type, resource, message, break: breakSet } of CASES) {
    test(`${mode}: ${name}: the refusal is shown, the rest of the update is served`, async (t) => {
      const before = await startBackend((_, response) => {
        response.end('before');
      });
      t.after(() => before.stop());
      const after = await startBackend((_, response) => {
        response.end('after');
      });
      t.after(() => after.stop());
      const mesh = await meshTo(before.port);
      const served = await serveMesh({ mode, mesh });
      t.after(() => served.stop());
      const ask = async () => {
        const request = { url: `${served.url}/v2/models/m/infer`, method: 'POST', body: '{}' };
        return (await exchange(request)).body.toString();
      };
      await served.proxyWhen((proxy) => proxy.inSync);
      assert.equal(await ask(), 'before');

      const moved = { ...(await meshTo(after.port)), listeners: mesh.listeners };
      served.publish(moved, breakSet);
      const refused = await served.proxyWhen(
        (proxy) =>
          typeStatus(proxy, type).nacks.length > 0 &&
          proxy.types.every(
            (item) => item.inSync || item.typeUrl === typeStatus(proxy, type).typeUrl,
          ),
      );
      const [nack] = typeStatus(refused, type).nacks;
      assert.match(nack?.message ?? '', message);
      assert.ok(nack?.resources.includes(resource), `${nack?.resources} includes ${resource}`);
      assert.equal(refused.inSync, false);
      // What was refused together with the broken one is on its way.
      while ((await ask()) !== 'after') await served.proxyWhen(() => true);

      served.publish(moved);
      const mended = await served.proxyWhen((proxy) => proxy.inSync);
      assert.deepEqual(typeStatus(mended, type).nacks, []);
      assert.equal(await ask(), 'after');
    });
  }
}
