/** The Wasm filter around one of our modules: one virtual machine per id and worker. */
import type { Any } from '@bufbuild/protobuf/wkt';
import { StringValueSchema } from '@bufbuild/protobuf/wkt';
import { duration, pack } from './any.ts';
import { WasmSchema } from './gen/envoy/extensions/filters/http/wasm/v3/wasm_pb.js';
import { FailurePolicy } from './gen/envoy/extensions/wasm/v3/wasm_pb.js';
import { fetchedCode, readCode } from './module-code.ts';
import type { Module, ModuleName } from './options.ts';

/** After a trap a new machine starts no sooner than this; until then everybody gets 503. */
const RELOAD_BACKOFF_MS = 50;

export interface WasmFilter {
  readonly name: string;
  /** The part of the module that it is. Default: that of its name. */
  readonly rootId?: string;
  /** Filters with the same id and module share a machine. */
  readonly vmId: string;
  readonly module: Module;
  /** The filter's own JSON text; bad text is refused by the filter itself. */
  readonly configuration: string;
  /** Refused where its code has to be fetched and is not there yet. Else the proxy waits for it. */
  readonly refusesWithoutCode?: true;
  /** After a trap. Default: a new machine. */
  readonly failurePolicy?: FailurePolicy;
}

/** One machine for each module and worker, whatever the number of filters in it. */
export function vmIdOf(module: ModuleName): string {
  return `modelweir.${module}`;
}

export function wasmFilter(filter: WasmFilter): Any {
  const { name, vmId, module, configuration } = filter;
  return pack(WasmSchema, {
    config: {
      name,
      rootId: filter.rootId ?? name,
      vm: {
        case: 'vmConfig',
        value: {
          // No version in the id: each new id would leave the old machine's memory behind. What tells
          // two builds apart is the hash; an unchanged build keeps its machine over all updates.
          vmId,
          runtime: 'envoy.wasm.runtime.v8',
          code:
            module.url === undefined
              ? readCode(module.path)
              : fetchedCode(module.url, module.sha256),
          configuration: pack(StringValueSchema, { value: `sha256:${module.sha256}` }),
          nackOnCodeCacheMiss: module.url !== undefined && filter.refusesWithoutCode === true,
        },
      },
      configuration: pack(StringValueSchema, { value: configuration }),
      // The request that traps is lost, the proxy is not.
      failurePolicy: filter.failurePolicy ?? FailurePolicy.FAIL_RELOAD,
      reloadConfig: { backoff: { baseInterval: duration(RELOAD_BACKOFF_MS) } },
      // Without it a filter that holds the headers never sees the body.
      allowOnHeadersStopIteration: true,
    },
  });
}
