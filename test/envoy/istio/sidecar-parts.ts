/**
 * What is the same in both directions of a sidecar: Envoy's configuration as istiod makes it, without an
 * istiod, and our filters in it as an EnvoyFilter puts them there.
 */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RESERVED_PREFIX } from '../../../filters/contract/headers.ts';

export const TYPE = 'type.googleapis.com/envoy.extensions';
const FILTERS = `${TYPE}.filters.http`;

/** Removes the reserved prefix, as one change of a header mutation. */
export const STRIP = { remove_on_match: { key_matcher: { prefix: RESERVED_PREFIX } } };

export interface WasmModule {
  /** Of the filter, of the part of the module that it is, and of its configuration as a resource. */
  readonly name: string;
  /** Path under `dist/`, without `.wasm`. */
  readonly module: string;
  readonly configuration: string;
  /** Default `FAIL_RELOAD`. */
  readonly failurePolicy?: 'FAIL_RELOAD' | 'FAIL_OPEN' | 'FAIL_CLOSED';
}

export function wasmFilter({ name, module, configuration, failurePolicy }: WasmModule): object {
  const filename = fileURLToPath(new URL(`../../../dist/${module}.wasm`, import.meta.url));
  return {
    '@type': `${FILTERS}.wasm.v3.Wasm`,
    config: {
      name,
      root_id: name,
      vm_config: { vm_id: module, runtime: 'envoy.wasm.runtime.v8', code: { local: { filename } } },
      configuration: {
        '@type': 'type.googleapis.com/google.protobuf.StringValue',
        value: configuration,
      },
      failure_policy: failurePolicy ?? 'FAIL_RELOAD',
      reload_config: { backoff: { base_interval: '0.05s' } },
      allow_on_headers_stop_iteration: true,
    },
  };
}

export interface DiscoveredFilter {
  readonly name: string;
  readonly configSource: object;
  /** Off unless a virtual host turns it on. */
  readonly disabled?: boolean;
}

/** A filter whose configuration comes later or never: until then requests pass it. */
export function discoveredFilter({ name, configSource, disabled }: DiscoveredFilter): object {
  return {
    name,
    ...(disabled && { disabled }),
    config_discovery: {
      config_source: { ...configSource, resource_api_version: 'V3', initial_fetch_timeout: '0s' },
      // Not RBAC: pilot-agent sends one that denies everything where it has no module.
      type_urls: [
        'envoy.extensions.filters.http.wasm.v3.Wasm',
        'envoy.extensions.filters.http.header_mutation.v3.HeaderMutation',
      ],
      default_config: headerMutation({}),
      apply_default_config_without_warming: true,
    },
  };
}

export function headerMutation(mutations: object): object {
  return { '@type': `${FILTERS}.header_mutation.v3.HeaderMutation`, mutations };
}

/** For the connection manager: before any filter and before the route is looked up. */
export function earlyMutations(mutations: readonly object[]): object[] {
  const type = `${TYPE}.http.early_header_mutation.header_mutation.v3.HeaderMutation`;
  const name = 'envoy.http.early_header_mutation.header_mutation';
  return [{ name, typed_config: { '@type': type, mutations } }];
}

export function routerFilter(): object {
  const typed = { '@type': `${FILTERS}.router.v3.Router` };
  return { name: 'envoy.filters.http.router', typed_config: typed };
}

export function connectionManager(more: object): object {
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': `${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
      normalize_path: true,
      upgrade_configs: [{ upgrade_type: 'websocket' }],
      // Istio's: whoever holds requests cannot rely on it.
      stream_idle_timeout: '0s',
      ...more,
    },
  };
}

export function staticCluster(name: string, port: number, more: object = {}): object {
  const address = { socket_address: { address: '127.0.0.1', port_value: port } };
  const endpoints = [{ lb_endpoints: [{ endpoint: { address } }] }];
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: { cluster_name: name, endpoints },
    ...more,
  };
}

/** A cluster speaks to the application what its caller speaks, as all of Istio's inbound ones do. */
export const SAME_PROTOCOL = protocol({
  use_downstream_protocol_config: { http_protocol_options: {}, http2_protocol_options: {} },
});

export const HTTP2 = protocol({ explicit_http_config: { http2_protocol_options: {} } });

function protocol(options: object): object {
  const name = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  const typed = { '@type': `${TYPE}.upstreams.http.v3.HttpProtocolOptions`, ...options };
  return { typed_extension_protocol_options: { [name]: typed } };
}

export interface ExtensionFile {
  readonly configSource: object;
  /** Null: the resource is not there. */
  write(typedConfig: object | null): void;
  remove(): void;
}

/** A filter's configuration as a resource in a file, which Envoy watches. */
export function extensionFile(name: string): ExtensionFile {
  const folder = mkdtempSync(join(tmpdir(), 'modelweir-ecds-'));
  const path = join(folder, 'extension.json');
  const type = 'type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig';
  let version = 0;
  const write = (typedConfig: object | null): void => {
    const resource = { '@type': type, name, typed_config: typedConfig };
    const resources = typedConfig === null ? [] : [resource];
    // Envoy looks at a file when another one is moved over it.
    writeFileSync(`${path}.new`, JSON.stringify({ version_info: String(++version), resources }));
    renameSync(`${path}.new`, path);
  };
  write(null);
  return {
    configSource: { path_config_source: { path } },
    write,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
