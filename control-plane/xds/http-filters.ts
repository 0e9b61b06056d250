/** The listener's HTTP filters: their order, and what each is given. */
import { create, type DescMessage } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import type * as ir from '../ir/mesh.ts';
import { pack } from './any.ts';
import { adsSource } from './config-source.ts';
import { discoveredFilter } from './discovered-filter.ts';
import { batcherConfig, routerConfig } from './filter-configs.ts';
import type { TypedExtensionConfig } from './gen/envoy/config/core/v3/extension_pb.js';
import { TypedExtensionConfigSchema } from './gen/envoy/config/core/v3/extension_pb.js';
import { LuaSchema } from './gen/envoy/extensions/filters/http/lua/v3/lua_pb.js';
import { RouterSchema } from './gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import { WasmSchema } from './gen/envoy/extensions/filters/http/wasm/v3/wasm_pb.js';
import type { HttpFilter } from './gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { HttpFilterSchema } from './gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { grpcAnswers, joinsGrpc } from './grpc-answers.ts';
import { noMutation, stripFromTrailers } from './header-mutation.ts';
import type { ModuleName, TranslateOptions } from './options.ts';
import { SPLITTER, type SplitterShard, splitterShards } from './splitter-shards.ts';
import { vmIdOf, wasmFilter } from './wasm.ts';

/** A listener waits this long for a filter's configuration that the control plane does not have. */
export const FETCH_TIMEOUT_MS = 2_000;

interface ModelFilter {
  readonly kind: 'wasm';
  /** Also the name of its configuration as a resource. */
  readonly name: string;
  readonly module: ModuleName;
  readonly configuration: (mesh: ir.Mesh, options: TranslateOptions) => string;
  /** Whether requests pass where it has no configuration; else Envoy answers 500. */
  readonly optional: boolean;
  /** Where this mesh gives it nothing to do, an optional filter is a native no-op, which costs nothing. */
  readonly isNeeded?: (mesh: ir.Mesh) => boolean;
}

/** Envoy's own, where this mesh needs it; else a no-op. */
interface OptionalFilter {
  readonly kind: 'optional';
  /** Also the name of its configuration as a resource. */
  readonly name: string;
  readonly schema: DescMessage;
  readonly typedConfig: () => Any;
  readonly isNeeded: (mesh: ir.Mesh) => boolean;
}

interface NativeFilter {
  readonly kind: 'native';
  readonly name: string;
  readonly typedConfig: () => Any;
}

/** In the order in which a request meets them. */
const FILTERS: readonly (ModelFilter | OptionalFilter | NativeFilter)[] = [
  // Finds the model and its route, chooses the variant, and writes what the backend calls the model:
  // one filter, because each filter that a request passes costs it several crossings into Wasm. It finds the
  // variants in the machine that it shares with the shards of the splitter's configuration.
  {
    kind: 'wasm',
    name: 'modelweir.router',
    module: 'chain',
    configuration: routerConfig,
    optional: false,
  },
  // Takes the reserved prefix out of trailers, which no filter of ours looks at. And it makes Envoy look up
  // the route that the router has had it forget, so that the route's idle timeout counts while the
  // batcher holds the request.
  { kind: 'native', name: 'modelweir.trailers', typedConfig: stripFromTrailers },
  // Last of ours, because what it joins must differ in nothing that a filter before it decides.
  {
    kind: 'wasm',
    name: 'modelweir.batcher',
    module: 'batcher',
    configuration: batcherConfig,
    optional: true,
    isNeeded: (mesh) => mesh.routes.some((route) => route.batching !== null),
  },
  // Behind the batcher, as an answer meets it first: it makes the body that the batcher fills. By its name
  // Envoy has its configuration before the batcher has the one that counts on it.
  {
    kind: 'optional',
    name: 'modelweir.answers',
    schema: LuaSchema,
    typedConfig: grpcAnswers,
    isNeeded: joinsGrpc,
  },
  // Sends the request on. Envoy wants it last.
  { kind: 'native', name: 'envoy.filters.http.router', typedConfig: () => pack(RouterSchema, {}) },
];

export function httpFilters(): HttpFilter[] {
  return FILTERS.map((filter) =>
    filter.kind === 'native'
      ? create(HttpFilterSchema, {
          name: filter.name,
          configType: { case: 'typedConfig', value: filter.typedConfig() },
        })
      : discoveredFilter({
          name: filter.name,
          schema: filter.kind === 'wasm' ? WasmSchema : filter.schema,
          source: adsSource(FETCH_TIMEOUT_MS),
          disabled: false,
          optional: filter.kind !== 'wasm' || filter.optional,
        }),
  );
}

/** The configuration of each filter that is ours, and of each shard of the splitter, as a resource of its own. */
export function filterExtensions(mesh: ir.Mesh, options: TranslateOptions): TypedExtensionConfig[] {
  const filters = FILTERS.filter((filter) => filter.kind !== 'native').map((filter) =>
    create(TypedExtensionConfigSchema, {
      name: filter.name,
      typedConfig: extension(filter, mesh, options),
    }),
  );
  const shards = splitterShards(mesh, options.splitterRevisions).map((shard) =>
    create(TypedExtensionConfigSchema, {
      name: shard.name,
      typedConfig: shardFilter(shard, options),
    }),
  );
  return [...filters, ...shards];
}

function shardFilter({ name, configuration }: SplitterShard, options: TranslateOptions): Any {
  const module = options.modules.chain;
  return wasmFilter({ name, rootId: SPLITTER, vmId: vmIdOf('chain'), module, configuration });
}

function extension(
  filter: ModelFilter | OptionalFilter,
  mesh: ir.Mesh,
  options: TranslateOptions,
): Any {
  if (filter.isNeeded?.(mesh) === false) return noMutation();
  return filter.kind === 'wasm' ? modelFilter(filter, mesh, options) : filter.typedConfig();
}

function modelFilter(filter: ModelFilter, mesh: ir.Mesh, options: TranslateOptions): Any {
  return wasmFilter({
    name: filter.name,
    vmId: vmIdOf(filter.module),
    module: options.modules[filter.module],
    configuration: filter.configuration(mesh, options),
  });
}
