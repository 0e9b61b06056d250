/**
 * Chain and batcher in a real Envoy without a control plane. The batcher's configuration comes by ECDS
 * from a file, so that a test can replace it under traffic.
 */
import 'assemblyscript/std/portable/index.js';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  BatcherConfig,
  BatcherRoute,
  encodeBatcherConfig,
} from '../../../filters/contract/batcher-config.ts';
import {
  BATCH_ROWS_HEADER,
  BATCH_SIZE_HEADER,
  BATCH_WAIT_HEADER,
  CLUSTER_HEADER,
  REQUEST_HEADERS_OF_FILTERS,
  SHOWN_VARIANT,
  VARIANT_HEADER,
} from '../../../filters/contract/headers.ts';
import {
  encodeRouterConfig,
  RouterConfig,
  RouterHost,
  RouterModel,
  RouterRoute,
} from '../../../filters/contract/router-config.ts';
import {
  encodeSplitterConfig,
  SplitterConfig,
  SplitterRoute,
  SplitterVariant,
} from '../../../filters/contract/splitter-config.ts';
import { adminAt, startEnvoy, type TestEnvoy } from '../../harness/envoy.ts';

const TYPE = 'type.googleapis.com/envoy.extensions';
const ROUTE = 'default/digits';

/** Public path of the model; the backend knows it as `served`. */
export const INFER = '/v2/models/digits/infer';
export const SERVED_INFER = '/v2/models/served/infer';

/** Request header with the milliseconds that its client waits. */
export const DEADLINE = 'x-wait-ms';

export type Batching = Partial<Omit<BatcherRoute, 'name'>>;

export interface MeshOptions {
  readonly backendPort: number;
  readonly batching?: Batching;
  readonly maxHeldBytes?: number;
  /** Of the module in `dist/`; default the batcher that ships. */
  readonly module?: string;
  /** Default 5,000. */
  readonly idleTimeoutMs?: number;
}

export interface BatchingMesh {
  readonly envoy: TestEnvoy;
  /** Of the listener: `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly port: number;
  /** Replaces the batcher's configuration; settles when Envoy has taken it up. */
  update(batching: Batching, maxHeldBytes?: number): Promise<void>;
  /** Value of `modelweir_batcher_NAME;route=...;outcome=OUTCOME`. */
  count(name: string, outcome: string): Promise<number>;
  stop(): Promise<void>;
}

export async function startMesh(options: MeshOptions): Promise<BatchingMesh> {
  const folder = mkdtempSync(join(tmpdir(), 'modelweir-ecds-'));
  const file = join(folder, 'batcher.json');
  let version = 0;
  const write = (batching: Batching, maxHeldBytes = 67_108_864): void => {
    version++;
    const text = discovery(String(version), batcherConfig(batching, maxHeldBytes), options.module);
    // Envoy looks at a file when another one is moved over it.
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  };
  write(options.batching ?? {}, options.maxHeldBytes);
  try {
    const envoy = await startEnvoy({ bootstrap: bootstrap(options, file) });
    await takenUp(envoy, 1);
    const address = (await envoy.listeners()).get('test') ?? '';
    return {
      envoy,
      url: `http://${address}`,
      port: Number(address.slice(address.lastIndexOf(':') + 1)),
      update: async (batching, maxHeldBytes) => {
        write(batching, maxHeldBytes);
        await takenUp(envoy, version);
      },
      count: async (name, outcome) => {
        const metric = `wasmcustom.modelweir_batcher_${name};route=${ROUTE};outcome=${outcome}`;
        return (await envoy.stats()).get(metric) ?? 0;
      },
      stop: async () => {
        await envoy.stop();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Settles when Envoy has taken up that many versions. */
async function takenUp(envoy: TestEnvoy, version: number): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline) {
    if (envoy.hasExited) throw new Error(`Envoy has gone\n${envoy.logs()}`);
    const stats = await envoy.stats(/extension_config_discovery\..*\.config_reload$/);
    if ([...stats.values()].some((reloads) => reloads >= version)) return;
  }
  throw new Error(`Envoy did not take up version ${version} within 10 s\n${envoy.logs()}`);
}

function batcherConfig(batching: Batching, maxHeldBytes: number): string {
  const route = Object.assign(new BatcherRoute(), {
    name: ROUTE,
    maxRows: 32,
    maxBytes: 1_048_576,
    maxDelayMs: 20,
    maxInFlight: 1,
    timeoutMs: 5_000,
    identityHeaders: ['authorization'],
    deadlineHeader: DEADLINE,
    ...batching,
  });
  const config = new BatcherConfig();
  config.maxHeldBytes = maxHeldBytes;
  config.routes = [route];
  return encodeBatcherConfig(config);
}

function routerConfig(): string {
  const route = Object.assign(new RouterRoute(), { name: ROUTE, batched: true });
  const model = Object.assign(new RouterModel(), { model: 'digits' });
  const host = Object.assign(new RouterHost(), { hostname: '*', models: [model] });
  const config = new RouterConfig();
  config.maxHoldBytes = 1_048_576;
  config.maxHeldBytes = 67_108_864;
  config.routes = [route];
  config.hosts = [host];
  return encodeRouterConfig(config);
}

function splitterConfig(): string {
  const variant = Object.assign(new SplitterVariant(), {
    name: 'stable',
    cluster: 'backend',
    weight: 1,
    servedModel: 'served',
    protocol: 'OpenInference',
  });
  const route = Object.assign(new SplitterRoute(), { name: ROUTE, variants: [variant] });
  const config = new SplitterConfig();
  config.routes = [route];
  return encodeSplitterConfig(config);
}

function discovery(version: string, configuration: string, module = 'filters/batcher'): string {
  const name = 'modelweir.batcher';
  return JSON.stringify({
    version_info: version,
    resources: [
      {
        '@type': 'type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig',
        name,
        typed_config: wasmConfig(name, module, configuration),
      },
    ],
  });
}

/** The part `name` of a built module as a filter's configuration; `module` is its path under `dist/`. */
function wasmConfig(name: string, module: string, configuration: string): object {
  const filename = fileURLToPath(new URL(`../../../dist/${module}.wasm`, import.meta.url));
  return {
    '@type': `${TYPE}.filters.http.wasm.v3.Wasm`,
    config: {
      name,
      root_id: name,
      vm_config: {
        vm_id: module,
        runtime: 'envoy.wasm.runtime.v8',
        code: { local: { filename } },
      },
      configuration: {
        '@type': 'type.googleapis.com/google.protobuf.StringValue',
        value: configuration,
      },
      failure_policy: 'FAIL_RELOAD',
      reload_config: { backoff: { base_interval: '0.05s' } },
      allow_on_headers_stop_iteration: true,
    },
  };
}

function bootstrap(options: MeshOptions, file: string): object {
  return {
    node: { id: 'test-envoy', cluster: 'modelweir-test' },
    admin: adminAt(0),
    static_resources: { listeners: [listener(options, file)], clusters: [cluster(options)] },
  };
}

function listener(options: MeshOptions, file: string): object {
  const manager = {
    '@type': `${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'test',
    route_config: { virtual_hosts: [virtualHost(options)] },
    http_filters: [
      chainFilter('modelweir.router', routerConfig()),
      { ...chainFilter('modelweir.splitter', splitterConfig()), disabled: true },
      lookUpRoute(),
      {
        name: 'modelweir.batcher',
        config_discovery: {
          config_source: { path_config_source: { path: file }, resource_api_version: 'V3' },
          type_urls: ['envoy.extensions.filters.http.wasm.v3.Wasm'],
        },
      },
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': `${TYPE}.filters.http.router.v3.Router` },
      },
    ],
  };
  return {
    name: 'test',
    address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
    per_connection_buffer_limit_bytes: 4_194_304,
    filter_chains: [
      {
        filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }],
      },
    ],
  };
}

function chainFilter(name: string, configuration: string): object {
  return { name, typed_config: wasmConfig(name, 'filters/chain', configuration) };
}

/** So that the route's idle timeout counts while the batcher holds a request. */
function lookUpRoute(): object {
  const type = `${TYPE}.filters.http.header_mutation.v3.HeaderMutation`;
  return { name: 'modelweir.trailers', typed_config: { '@type': type } };
}

function virtualHost(options: MeshOptions): object {
  const variant = { key: VARIANT_HEADER, value: `%FILTER_STATE(wasm.${SHOWN_VARIANT}:PLAIN)%` };
  return {
    name: 'all',
    domains: ['*'],
    routes: [route(options)],
    request_headers_to_remove: REQUEST_HEADERS_OF_FILTERS,
    response_headers_to_remove: [
      VARIANT_HEADER,
      BATCH_SIZE_HEADER,
      BATCH_ROWS_HEADER,
      BATCH_WAIT_HEADER,
    ],
    response_headers_to_add: [{ header: variant, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }],
  };
}

function route(options: MeshOptions): object {
  return {
    match: { prefix: '/' },
    route: {
      cluster_header: CLUSTER_HEADER,
      timeout: '5s',
      idle_timeout: `${(options.idleTimeoutMs ?? 5_000) / 1000}s`,
    },
  };
}

function cluster(options: MeshOptions): object {
  return {
    name: 'backend',
    type: 'STATIC',
    connect_timeout: '1s',
    per_connection_buffer_limit_bytes: 4_194_304,
    load_assignment: {
      cluster_name: 'backend',
      endpoints: [
        {
          lb_endpoints: [
            {
              endpoint: {
                address: {
                  socket_address: { address: '127.0.0.1', port_value: options.backendPort },
                },
              },
            },
          ],
        },
      ],
    },
  };
}
