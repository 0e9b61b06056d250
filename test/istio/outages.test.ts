/** What ends while requests flow: istiod, our control plane, the API server. And that we leave without a trace. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { repositoryRoot } from '../../control-plane/cli/quickstart/places.ts';
import type { ObjectName } from '../harness/kubernetes/cluster.ts';
import type { TestControlPlane } from '../harness/kubernetes/control-plane.ts';
import { until } from '../harness/until.ts';
import { EMBEDDING, embedRoute, ourBackends, type Shop, startShop } from './shop.ts';

const execute = promisify(execFile);
const OUTAGE_MS = 30_000;
const WRITTEN_KINDS = ['envoyfilters', 'virtualservices', 'destinationrules', 'serviceentries'];

let shop: Shop;
let controlPlane: TestControlPlane;

before(async () => {
  shop = await startShop();
  for (const object of [...ourBackends(), ...others()]) await shop.mesh.cluster.create(object);
  await shop.mesh.cluster.create(embedRoute(100, 0));
  controlPlane = await shop.control();
  await untilServedBy('stable');
});

after(async () => {
  await controlPlane?.stop();
  await shop?.stop();
});

/** What somebody else has put into the same sidecars. */
function others(): (ObjectName & object)[] {
  const filter = {
    name: 'others.lua',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua',
      default_source_code: {
        inline_string:
          'function envoy_on_response(handle) handle:headers():add("x-others", "here") end',
      },
    },
  };
  const place = {
    context: 'SIDECAR_OUTBOUND',
    listener: {
      filterChain: {
        filter: {
          name: 'envoy.filters.network.http_connection_manager',
          subFilter: { name: 'envoy.filters.http.router' },
        },
      },
    },
  };
  return [
    {
      apiVersion: 'networking.istio.io/v1alpha3',
      kind: 'EnvoyFilter',
      metadata: { namespace: 'shop', name: 'others' },
      spec: {
        configPatches: [
          {
            applyTo: 'HTTP_FILTER',
            match: place,
            patch: { operation: 'INSERT_BEFORE', value: filter },
          },
        ],
      },
    } as ObjectName,
    {
      apiVersion: 'extensions.istio.io/v1alpha1',
      kind: 'WasmPlugin',
      metadata: { namespace: 'shop', name: 'others' },
      spec: {
        url: `file://${join(repositoryRoot, 'dist/test-modules/empty-filter.wasm')}`,
      },
    } as ObjectName,
  ];
}

async function variant(): Promise<string> {
  return String((await shop.ask(EMBEDDING)).headers['x-modelweir-variant']);
}

async function untilServedBy(name: 'stable' | 'canary'): Promise<void> {
  await until(`${name} serves`, async () => (await variant()) === name, 60_000);
}

test('istiod starts again under traffic, and changes are served again', async () => {
  await shop.underTraffic(async () => {
    await shop.mesh.istiod.stopServing();
    await shop.mesh.cluster.put(embedRoute(0, 100));
    await shop.mesh.istiod.serveAgain();
    await untilServedBy('canary');
  });
});

test('our control plane is killed under traffic, and what changed meanwhile is served by the next', async () => {
  await shop.underTraffic(async () => {
    await controlPlane.kill();
    await shop.mesh.cluster.put(embedRoute(100, 0));
    assert.equal(await variant(), 'canary');
    controlPlane = await shop.control();
    await untilServedBy('stable');
  });
});

test('the API server is away for half a minute under traffic', async () => {
  await shop.underTraffic(async () => {
    await shop.mesh.cluster.crash();
    await sleep(OUTAGE_MS);
    assert.equal(await variant(), 'stable');
    await shop.mesh.cluster.serveAgain();
    await shop.mesh.cluster.put(embedRoute(0, 100));
    await untilServedBy('canary');
  });
});

test("somebody else's filters are in the same sidecar as ours", async () => {
  const answer = await shop.ask(EMBEDDING);
  assert.equal(answer.headers['x-others'], 'here');
  const names = await filterNames();
  const ours = names.filter((name) => name.startsWith('modelweir.'));
  assert.deepEqual(ours, ['modelweir.router', 'modelweir.splitter', 'modelweir.trailers']);
  assert.equal(names.filter(isOfOthers).length, 2, names.join());
});

test('switched off under traffic, nothing of ours stays, and all of the others', async () => {
  await leaveUnderTraffic(async () => {
    controlPlane = await shop.control(['--istio', 'off']);
  });
  await controlPlane.stop();
});

test('uninstalled under traffic, nothing of ours stays, and all of the others', async () => {
  controlPlane = await shop.control();
  await shop.mesh.cluster.put(embedRoute(0, 100));
  await untilServedBy('canary');
  await leaveUnderTraffic(async () => {
    const args = ['uninstall', '--istio', '--kubeconfig', shop.mesh.cluster.kubeconfig('admin')];
    const main = join(repositoryRoot, 'control-plane/main.ts');
    const { stdout } = await execute(process.execPath, [main, ...args]);
    assert.match(stdout, /nothing of ours is left/);
  });
});

async function leaveUnderTraffic(leave: () => Promise<void>): Promise<void> {
  await shop.underTraffic(async () => {
    await controlPlane.stop();
    await leave();
    await until('nothing of ours is there', async () => (await written()).length === 0);
    await until('the sidecars have let go of it', async () => {
      return (await filterNames()).every((name) => !name.startsWith('modelweir.'));
    });
    await until('the application serves as before us', async () => {
      const answer = await shop.ask(EMBEDDING);
      return answer.status === 200 && JSON.parse(answer.body.toString()).name === 'models';
    });
  });
  for (const object of others()) await shop.mesh.cluster.get(object);
  assert.equal((await filterNames()).filter(isOfOthers).length, 2);
  assert.equal((await shop.ask(EMBEDDING)).headers['x-others'], 'here');
}

async function written(): Promise<string[]> {
  const found: string[] = [];
  for (const kind of WRITTEN_KINDS) {
    const { items } = await shop.mesh.cluster.api.send<{ items: ObjectName[] }>({
      path: `/apis/networking.istio.io/v1alpha3/${kind}`,
      query: { labelSelector: 'app.kubernetes.io/managed-by=modelweir' },
    });
    found.push(...items.map(({ metadata }) => `${kind}/${metadata.name}`));
  }
  return found;
}

/** Istio names a plugin by its own way. */
function isOfOthers(filter: string): boolean {
  return filter === 'others.lua' || filter.includes('/shop.others');
}

/** Of the client's sidecar, on the port of `models.shop`, in order. */
async function filterNames(): Promise<string[]> {
  interface Listener {
    readonly name: string;
    readonly active_state: { readonly listener: { readonly filter_chains: readonly Chain[] } };
  }
  interface Chain {
    readonly filters: readonly {
      readonly typed_config: { readonly http_filters?: { name: string }[] };
    }[];
  }
  const text = await shop.client.admin('/config_dump?resource=dynamic_listeners');
  const { configs } = JSON.parse(text) as { configs: Listener[] };
  const listener = configs.find(({ name }) => name === '0.0.0.0_80');
  const chains = listener?.active_state.listener.filter_chains ?? [];
  return chains.flatMap(({ filters }) =>
    filters.flatMap(({ typed_config: config }) =>
      (config.http_filters ?? []).map(({ name }) => name),
    ),
  );
}
