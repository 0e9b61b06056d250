/**
 * Direct mode: a bootstrap as Istio's agent writes it, with ours merged into it as the agent does it, in a
 * real Envoy. A listener that came later then gets a filter's configuration from our control plane, over the
 * mesh's mTLS.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { findEnvoy } from '../../../control-plane/cli/quickstart/envoy-binary.ts';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { freePort } from '../../../control-plane/cli/quickstart/ports.ts';
import { Supervisor } from '../../../control-plane/cli/quickstart/supervisor.ts';
import {
  bootstrapConfigMap,
  DIRECT_XDS_CLUSTER,
} from '../../../control-plane/inject/bootstrap-override.ts';
import { makeAuthority } from '../../harness/certificates.ts';
import { startServe, type TestControlPlane } from '../../harness/serve.ts';
import { until } from '../../harness/until.ts';
import { modelBackend, modelRoute } from '../protocols/resources.ts';
import { type ActingBackend, answer, startActingBackend } from '../splitting/acting-backend.ts';
import { type MeshAgent, startMeshAgent } from './mesh-agent.ts';

const WEB = 'spiffe://cluster.local/ns/shop/sa/web';
const CONTROL_PLANE = 'spiffe://cluster.local/ns/modelweir-system/sa/modelweir';
const EXTENSIONS = 'type.googleapis.com/envoy.extensions';

let supervisor: Supervisor;
let folder: string;
let model: ActingBackend;
let unrouted: ActingBackend;
let agent: MeshAgent;
let controlPlane: TestControlPlane;
let adminUrl: string;
let listenPort: number;

before(async () => {
  supervisor = new Supervisor();
  folder = mkdtempSync(join(tmpdir(), 'modelweir-'));
  const authority = await makeAuthority('mesh');
  model = await startActingBackend(answer(200, 'by model'));
  unrouted = await startActingBackend(answer(200, 'as before'));
  const socket = join(folder, 'agent.sock');
  agent = await startMeshAgent(socket, await authority.issue([WEB]), authority.certificate);
  const server = await authority.issue([CONTROL_PLANE, 'localhost']);
  controlPlane = await startControlPlane(server.certificate, server.key, authority.certificate);
  [adminUrl, listenPort] = [`http://127.0.0.1:${await freePort()}`, await freePort()];
  await startSidecar(socket);
});

after(async () => {
  await supervisor?.stop();
  await controlPlane?.stop();
  agent?.stop();
  await model?.stop();
  await unrouted?.stop();
  rmSync(folder, { recursive: true });
});

async function startControlPlane(certificate: string, key: string, authority: string) {
  mkdirSync(join(folder, 'config'));
  for (const namespace of ['shop', 'other']) writeRoute(namespace, `model-${namespace}`);
  writeFileSync(join(folder, 'server.pem'), certificate);
  writeFileSync(join(folder, 'server.key'), key);
  writeFileSync(join(folder, 'ca.pem'), authority);
  writeFileSync(
    join(folder, 'access.yaml'),
    JSON.stringify([{ identity: 'spiffe://cluster.local/ns/{namespace}/sa/*' }]),
  );
  return await startServe([
    ...['--config', join(folder, 'config'), '--proxy-access', join(folder, 'access.yaml')],
    ...['--tls-cert', join(folder, 'server.pem'), '--tls-key', join(folder, 'server.key')],
    ...['--tls-client-ca', join(folder, 'ca.pem')],
  ]);
}

function writeRoute(namespace: string, name: string): void {
  const objects = [
    modelBackend('a', model.port, { protocol: 'OpenInference' }),
    modelRoute('r', [name], ['a']),
  ].map((object) => {
    const { metadata } = object as { metadata: object };
    return JSON.stringify({ ...object, metadata: { ...metadata, namespace } });
  });
  const file = join(folder, 'config', `${namespace}.yaml`);
  writeFileSync(`${file}.partial`, objects.join('\n---\n'));
  renameSync(`${file}.partial`, file);
}

/** With its own bootstrap in a file, and ours as an argument: so does the agent. */
async function startSidecar(socket: string): Promise<void> {
  const base = join(folder, 'envoy-rev.json');
  writeFileSync(join(folder, 'listeners.json'), JSON.stringify(dynamicListener()));
  writeFileSync(base, JSON.stringify(istioBootstrap(socket)));
  const { data } = bootstrapConfigMap('shop', {
    xds: { host: 'localhost', port: controlPlane.xdsPort },
    tls: { serverName: 'localhost', subjects: [CONTROL_PLANE], authority: 'mesh' },
    modules: { cluster: 'modelweir.modules', address: { host: '127.0.0.1', port: 1 } },
    namespaces: ['shop'],
  });
  supervisor.start({
    name: 'sidecar',
    command: (await findEnvoy()).path,
    args: [
      ...['-c', base, '--config-yaml', data['custom_bootstrap.json']],
      ...['--disable-hot-restart', '--allow-unknown-static-fields', '--concurrency', '1'],
      ...['--log-level', 'warning'],
    ],
  });
  await until('the sidecar is ready', async () => {
    const ready = await exchange({ url: `${adminUrl}/ready` }).catch(() => null);
    return ready?.status === 200;
  });
}

/** What matters of Istio's own: same fields, and lists that ours is added to. */
function istioBootstrap(socket: string): object {
  const http2 = {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': `${EXTENSIONS}.upstreams.http.v3.HttpProtocolOptions`,
      explicit_http_config: { http2_protocol_options: {} },
    },
  };
  const cluster = (name: string, address: object, more: object = {}) => ({
    ...{ name, type: 'STATIC', connect_timeout: '1s', ...more },
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }],
    },
  });
  const at = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });
  return {
    node: {
      id: 'sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local',
      cluster: 'web.shop',
      metadata: { NAMESPACE: 'shop', LABELS: { app: 'web' } },
    },
    stats_config: {
      use_all_default_tags: false,
      stats_tags: [{ tag_name: 'cluster_name', regex: '^cluster(\\.(.+);)' }],
    },
    admin: { address: at(Number(new URL(adminUrl).port)) },
    dynamic_resources: {
      lds_config: { path_config_source: { path: join(folder, 'listeners.json') } },
    },
    static_resources: {
      clusters: [
        cluster(
          'sds-grpc',
          { pipe: { path: socket } },
          { typed_extension_protocol_options: http2 },
        ),
        cluster('shop/a', at(model.port)),
        cluster('as-before', at(unrouted.port)),
      ],
    },
  };
}

/** As an EnvoyFilter makes it of a listener that istiod sends. */
function dynamicListener(): object {
  const noOp = {
    '@type': `${EXTENSIONS}.filters.http.header_mutation.v3.HeaderMutation`,
  };
  const discovered = (name: string) => ({
    name,
    config_discovery: {
      config_source: {
        api_config_source: {
          api_type: 'GRPC',
          transport_api_version: 'V3',
          grpc_services: [{ envoy_grpc: { cluster_name: DIRECT_XDS_CLUSTER } }],
        },
        resource_api_version: 'V3',
        initial_fetch_timeout: '2s',
      },
      type_urls: [
        `${EXTENSIONS}.filters.http.wasm.v3.Wasm`,
        `${EXTENSIONS}.filters.http.header_mutation.v3.HeaderMutation`,
      ].map((url) => url.replace('type.googleapis.com/', '')),
      default_config: noOp,
      apply_default_config_without_warming: true,
    },
  });
  const routes = [
    {
      match: {
        prefix: '/',
        headers: [{ name: 'x-modelweir-cluster', present_match: true }],
      },
      route: { cluster_header: 'x-modelweir-cluster' },
    },
    { match: { prefix: '/' }, route: { cluster: 'as-before' } },
  ];
  const manager = {
    '@type': `${EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'outbound',
    route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes }] },
    http_filters: [
      discovered('modelweir.router'),
      { ...discovered('modelweir.splitter'), disabled: true },
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': `${EXTENSIONS}.filters.http.router.v3.Router` },
      },
    ],
  };
  return {
    resources: [
      {
        '@type': 'type.googleapis.com/envoy.config.listener.v3.Listener',
        name: 'outbound',
        address: { socket_address: { address: '127.0.0.1', port_value: listenPort } },
        filter_chains: [
          {
            filters: [
              { name: 'envoy.filters.network.http_connection_manager', typed_config: manager },
            ],
          },
        ],
      },
    ],
  };
}

async function ask(name: string): Promise<string> {
  const url = `http://127.0.0.1:${listenPort}/v2/models/${name}/infer`;
  const { status, body } = await exchange({ url, method: 'POST', body: '{}' });
  return `${status} ${body}`;
}

test('what Istio wrote stays, and ours is added', async () => {
  const dump = await exchange({ url: `${adminUrl}/config_dump` });
  const { configs } = JSON.parse(dump.body.toString()) as {
    configs: { bootstrap?: Bootstrap }[];
  };
  const bootstrap = configs.find((config) => config.bootstrap !== undefined)?.bootstrap;
  assert.deepEqual(
    bootstrap?.static_resources.clusters.map(({ name }) => name),
    ['sds-grpc', 'shop/a', 'as-before', 'modelweir-xds', 'modelweir.modules'],
  );
  assert.deepEqual(bootstrap?.node.metadata, {
    NAMESPACE: 'shop',
    LABELS: { app: 'web' },
    MODELWEIR_DIRECT: 'true',
    'modelweir.namespaces': ['shop'],
  });
  const tags = bootstrap?.stats_config.stats_tags.map(({ tag_name }) => tag_name);
  assert.deepEqual(tags?.slice(0, 2), ['cluster_name', 'route']);
});

interface Bootstrap {
  readonly node: { readonly metadata: unknown };
  readonly static_resources: { readonly clusters: readonly { readonly name: string }[] };
  readonly stats_config: { readonly stats_tags: readonly { readonly tag_name: string }[] };
}

test('a listener that came later routes by model, for its namespace alone', async () => {
  await until('it routes', async () => (await ask('model-shop')) === '200 by model');
  const { proxies } = await controlPlane.report();
  assert.ok(proxies.every(({ nodeId }) => nodeId.includes('~web-1.shop~')));
  assert.match(await ask('model-other'), /^404/);
});

test('a change of routes is served without a new listener', async () => {
  writeRoute('shop', 'model-new');
  await until('it routes', async () => (await ask('model-new')) === '200 by model');
  const { body } = await exchange({ url: `${adminUrl}/stats?filter=listener_manager.listener_` });
  assert.match(body.toString(), /listener_manager.listener_added: 1\n/);
  assert.match(body.toString(), /listener_manager.listener_modified: 0\n/);
});

test('with the control plane gone it serves on', async () => {
  await controlPlane.stop();
  assert.equal(await ask('model-new'), '200 by model');
});
