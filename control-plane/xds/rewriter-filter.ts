/** The filters of a cluster that writes each attempt for the target it goes to, and reads the answers. */
import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import {
  DEFAULT_COMPARE_HELD_BYTES,
  DEFAULT_RESPONSE_HOLD_BYTES,
} from '../../filters/contract/limits.ts';
import {
  encodeRewriterConfig,
  RewriterConfig,
  RewriterTarget,
} from '../../filters/contract/rewriter-config.ts';
import type * as ir from '../ir/mesh.ts';
import { pack } from './any.ts';
import type { Member } from './attempts.ts';
import { UpstreamCodecSchema } from './gen/envoy/extensions/filters/http/upstream_codec/v3/upstream_codec_pb.js';
import type { HttpFilter } from './gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { HttpFilterSchema } from './gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { stripFromRequests } from './header-mutation.ts';
import type { TranslateOptions } from './options.ts';
import { wasmFilter } from './wasm.ts';

const NAME = 'modelweir.rewriter';

/** In the order in which an attempt meets them. */
export function upstreamFilters(configuration: string, options: TranslateOptions): HttpFilter[] {
  return [
    // In a machine of its own, which all clusters share: there an answer meets that of its shadow.
    filter(
      NAME,
      wasmFilter({
        name: NAME,
        vmId: NAME,
        module: options.modules.rewriter,
        configuration,
        // Envoy takes no other cluster while one waits, and a bad module would take the place of a good one.
        refusesWithoutCode: true,
      }),
    ),
    // What a route would have to leave in a request for Envoy's router, and for the filter above.
    filter('modelweir.headers', stripFromRequests()),
    // Sends the attempt on. Envoy wants it last.
    filter('envoy.filters.http.upstream_codec', pack(UpstreamCodecSchema, {})),
  ];
}

/** For the requests themselves. The first member is the variant's own target. */
export function rewriterConfig(
  route: ir.Route,
  members: readonly Member[],
  options: TranslateOptions,
): string {
  const config = configOf(route, members);
  const { publicModel, countTokens, attemptsHeader } = route.responses;
  config.publicModel = publicModel;
  config.countTokens = countTokens;
  config.noteAttempts = attemptsHeader || route.retry !== null || options.accessLog !== null;
  return encodeRewriterConfig(config);
}

/** For the copies, whose answers only count where they are compared. */
export function shadowRewriterConfig(route: ir.Route, member: Member): string {
  const config = configOf(route, [member]);
  config.shadow = true;
  return encodeRewriterConfig(config);
}

function configOf(route: ir.Route, members: readonly Member[]): RewriterConfig {
  const config = new RewriterConfig();
  config.route = route.name;
  config.targets = members.map(rewriterTarget);
  config.maxHoldBytes = DEFAULT_RESPONSE_HOLD_BYTES;
  config.maxCompareHeldBytes = DEFAULT_COMPARE_HELD_BYTES;
  // Neither of the two answers comes later.
  config.compareTimeoutMs = route.timeoutMs;
  const { shadow } = route;
  if (shadow !== null && shadow.compare !== null) {
    config.compare = shadow.compare;
    config.toleranceMillionths = shadow.toleranceMillionths;
    config.maxCompareBytes = shadow.maxCompareBytes;
  }
  return config;
}

function rewriterTarget({ variant, target }: Member): RewriterTarget {
  const item = new RewriterTarget();
  item.name = target.name;
  item.variant = variant;
  item.servedModel = target.servedModel ?? '';
  item.servedVersion = target.servedVersion ?? '';
  return item;
}

function filter(name: string, typedConfig: Any): HttpFilter {
  return create(HttpFilterSchema, {
    name,
    configType: { case: 'typedConfig', value: typedConfig },
  });
}
