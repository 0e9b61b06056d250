/**
 * Where a module's code comes from: a file on the proxy's machine, or the module server. What is fetched
 * comes later than the configuration that names it, and what that means for a proxy is decided here.
 */

import { isIP } from 'node:net';
import { clone, create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Any, anyUnpack } from '@bufbuild/protobuf/wkt';
import { duration, pack } from './any.ts';
import type { Cluster } from './gen/envoy/config/cluster/v3/cluster_pb.js';
import { Cluster_DiscoveryType, ClusterSchema } from './gen/envoy/config/cluster/v3/cluster_pb.js';
import type { AsyncDataSourceSchema } from './gen/envoy/config/core/v3/base_pb.js';
import type { TypedExtensionConfig } from './gen/envoy/config/core/v3/extension_pb.js';
import type { Wasm } from './gen/envoy/extensions/filters/http/wasm/v3/wasm_pb.js';
import { WasmSchema } from './gen/envoy/extensions/filters/http/wasm/v3/wasm_pb.js';
import { HttpProtocolOptionsSchema } from './gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import type { ModuleServer, TranslateOptions } from './options.ts';

export const MODULES_CLUSTER = 'modelweir.modules';

const CONNECT_TIMEOUT_MS = 1000;
const FETCH_TIMEOUT_MS = 10_000;
/** Whoever waits for code waits on: a replica that has it may be on its way. */
const FETCH_RETRIES = 1_000_000;
const FETCH_BACKOFF_MS = { baseInterval: 200, maxInterval: 30_000 };

type Code = MessageInitShape<typeof AsyncDataSourceSchema>;

export function readCode(path: string): Code {
  const value = { specifier: { case: 'filename', value: path } } as const;
  return { specifier: { case: 'local', value } };
}

const OCI_DIGEST = /^oci:\/\/.*@sha256:(?<digest>[0-9a-f]{64})$/;

/** Of what the URL leads to: an image has a digest of its own. Istio's agent takes `nil` for "not known". */
function hashAt(url: string, sha256: string): string {
  if (!url.startsWith('oci://')) return sha256;
  return OCI_DIGEST.exec(url)?.groups?.['digest'] ?? 'nil';
}

export function fetchedCode(url: string, sha256: string): Code {
  const httpUpstreamType = { case: 'cluster', value: MODULES_CLUSTER } as const;
  const retryBackOff = {
    baseInterval: duration(FETCH_BACKOFF_MS.baseInterval),
    maxInterval: duration(FETCH_BACKOFF_MS.maxInterval),
  };
  return {
    specifier: {
      case: 'remote',
      value: {
        httpUri: { uri: url, httpUpstreamType, timeout: duration(FETCH_TIMEOUT_MS) },
        sha256: hashAt(url, sha256),
        retryPolicy: { numRetries: FETCH_RETRIES, retryBackOff },
      },
    },
  };
}

/** The way to the module server; none where no module has to be fetched. */
export function moduleClusters({ moduleServer }: TranslateOptions): Cluster[] {
  if (moduleServer === undefined || moduleServer === null) return [];
  return [
    create(ClusterSchema, {
      name: MODULES_CLUSTER,
      connectTimeout: duration(CONNECT_TIMEOUT_MS),
      clusterDiscoveryType: {
        case: 'type',
        value:
          isIP(moduleServer.host) === 0
            ? Cluster_DiscoveryType.STRICT_DNS
            : Cluster_DiscoveryType.STATIC,
      },
      loadAssignment: {
        clusterName: MODULES_CLUSTER,
        endpoints: [{ lbEndpoints: [endpoint(moduleServer)] }],
      },
    }),
  ];
}

function endpoint({ host, port }: ModuleServer) {
  const portSpecifier = { case: 'portValue', value: port } as const;
  const address = { case: 'socketAddress', value: { address: host, portSpecifier } } as const;
  return { hostIdentifier: { case: 'endpoint', value: { address: { address } } } } as const;
}

/** Whether a filter of the cluster has code that has to be fetched. */
export function fetchesCode(cluster: Cluster): boolean {
  return Object.values(cluster.typedExtensionProtocolOptions)
    .flatMap((value) => anyUnpack(value, HttpProtocolOptionsSchema)?.httpFilters ?? [])
    .some(({ configType }) => {
      return configType.case === 'typedConfig' && fetchedFilter(configType.value) !== null;
    });
}

function fetchedFilter(config: Any | undefined): Wasm | null {
  const wasm = config && anyUnpack(config, WasmSchema);
  return wasm?.config?.vm.value?.code?.specifier.case === 'remote' ? wasm : null;
}

/**
 * The same filter for a proxy that has one of that name already. A new listener waits for code that has to
 * be fetched; a filter that serves does not: Envoy would take the new one, never fetch its code, and let
 * requests pass without it. Told to refuse what it does not have the code of yet, it keeps the old one, and
 * fetches the code so that it has it when the filter comes again. Then the bytes must be others: those of
 * a filter that it has refused are, to Envoy, those that it has.
 *
 * @returns null: nothing is to be fetched, and the filter can be told in one way only. Else what makes it
 *   with other bytes for each tag.
 */
export function refusableFilter(
  filter: TypedExtensionConfig,
): ((tag: string) => TypedExtensionConfig) | null {
  const wasm = fetchedFilter(filter.typedConfig);
  if (wasm === null) return null;
  return (tag) => {
    const copy = clone(WasmSchema, wasm);
    const vm = copy.config?.vm.value;
    if (vm?.code?.specifier.case !== 'remote') throw new Error('a clone is as what it was made of');
    const { httpUri } = vm.code.specifier.value;
    vm.nackOnCodeCacheMiss = true;
    if (httpUri !== undefined && tag !== '') httpUri.uri += `?attempt=${tag}`;
    return { ...filter, typedConfig: pack(WasmSchema, copy) };
  };
}
