/** The Wasm filter around one of our modules: one virtual machine per module and worker. */
import type { Any } from '@bufbuild/protobuf/wkt';
import { StringValueSchema } from '@bufbuild/protobuf/wkt';
import { duration, pack } from './any.ts';
import { WasmSchema } from './gen/envoy/extensions/filters/http/wasm/v3/wasm_pb.js';
import { FailurePolicy } from './gen/envoy/extensions/wasm/v3/wasm_pb.js';
import type { Module } from './options.ts';

/** After a trap a new machine starts no sooner than this; until then everybody gets 503. */
const RELOAD_BACKOFF_MS = 50;

/** `configuration` is the filter's own JSON text; bad text is refused by the filter itself. */
export function wasmFilter(name: string, module: Module, configuration: string): Any {
  return pack(WasmSchema, {
    config: {
      name,
      rootId: name,
      vm: {
        case: 'vmConfig',
        value: {
          // No version in the id: each new id would leave the old machine's memory behind. What tells
          // two builds apart is the hash; an unchanged build keeps its machine over all updates.
          vmId: name,
          runtime: 'envoy.wasm.runtime.v8',
          code: {
            specifier: {
              case: 'local',
              value: { specifier: { case: 'filename', value: module.path } },
            },
          },
          configuration: pack(StringValueSchema, { value: `sha256:${module.sha256}` }),
        },
      },
      configuration: pack(StringValueSchema, { value: configuration }),
      // The request that traps is lost, the proxy is not.
      failurePolicy: FailurePolicy.FAIL_RELOAD,
      reloadConfig: { backoff: { baseInterval: duration(RELOAD_BACKOFF_MS) } },
      // Without it a filter that holds the headers never sees the body.
      allowOnHeadersStopIteration: true,
    },
  });
}
