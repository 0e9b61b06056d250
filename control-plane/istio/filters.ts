/** Our filters as an istiod's proxy has them: their configurations come by its own way, or by ours. */
import { create, type DescMessage } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { duration } from '../xds/any.ts';
import { adsSource } from '../xds/config-source.ts';
import { discoveredFilter } from '../xds/discovered-filter.ts';
import type { ConfigSource } from '../xds/gen/envoy/config/core/v3/config_source_pb.js';
import {
  ApiConfigSource_ApiType,
  ApiVersion,
  ConfigSourceSchema,
} from '../xds/gen/envoy/config/core/v3/config_source_pb.js';
import { WasmSchema } from '../xds/gen/envoy/extensions/filters/http/wasm/v3/wasm_pb.js';
import type { HttpFilter } from '../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { HttpFilterSchema } from '../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { FETCH_TIMEOUT_MS } from '../xds/http-filters.ts';
import type { ModuleName } from '../xds/options.ts';
import { vmIdOf, wasmFilter } from '../xds/wasm.ts';
import type { DirectSource, IstioOptions } from './options.ts';

export const ROUTER = 'modelweir.router';
export const SPLITTER = 'modelweir.splitter';
export const TRAILERS = 'modelweir.trailers';
export const BATCHER = 'modelweir.batcher';

export interface IstioFilter {
  readonly name: string;
  /** Default: a Wasm filter. */
  readonly schema?: DescMessage;
  /** In the way of a request only where its virtual host says so. */
  readonly disabled: boolean;
}

/**
 * What has not come, or was refused, is a filter that does nothing: requests go where they went without us.
 * Only Wasm may take its place. Istio's agent would put a filter there that refuses everything where it
 * cannot fetch a module, and that Envoy refuses in turn.
 */
export function filter(
  { name, schema = WasmSchema, disabled }: IstioFilter,
  { direct }: IstioOptions,
): HttpFilter {
  const source = direct === null ? adsSource(FETCH_TIMEOUT_MS) : directSource(direct);
  return discoveredFilter({ name, schema, source, disabled, optional: true });
}

export function nativeFilter(name: string, typedConfig: Any, disabled: boolean): HttpFilter {
  return create(HttpFilterSchema, {
    name,
    disabled,
    configType: { case: 'typedConfig', value: typedConfig },
  });
}

/** `part`: of the module, where the filter is not named after it. */
export function wasm(
  name: string,
  module: ModuleName,
  configuration: string,
  { translation }: IstioOptions,
  part = name,
): Any {
  return wasmFilter({
    name,
    rootId: part,
    vmId: vmIdOf(module),
    module: translation.modules[module],
    configuration,
  });
}

function directSource(direct: DirectSource): ConfigSource {
  const targetSpecifier =
    direct.kind === 'cluster'
      ? ({ case: 'envoyGrpc', value: { clusterName: direct.name } } as const)
      : ({
          case: 'googleGrpc',
          value: { targetUri: direct.targetUri, statPrefix: 'modelweir' },
        } as const);
  return create(ConfigSourceSchema, {
    configSourceSpecifier: {
      case: 'apiConfigSource',
      value: {
        apiType: ApiConfigSource_ApiType.GRPC,
        transportApiVersion: ApiVersion.V3,
        grpcServices: [{ targetSpecifier }],
        setNodeOnFirstMessageOnly: true,
      },
    },
    resourceApiVersion: ApiVersion.V3,
    initialFetchTimeout: duration(FETCH_TIMEOUT_MS),
  });
}
