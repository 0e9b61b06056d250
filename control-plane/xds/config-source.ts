/** Everything dynamic comes over the one aggregated stream. */
import { create } from '@bufbuild/protobuf';
import { duration } from './any.ts';
import type { ConfigSource } from './gen/envoy/config/core/v3/config_source_pb.js';
import { ApiVersion, ConfigSourceSchema } from './gen/envoy/config/core/v3/config_source_pb.js';

/** `fetchTimeoutMs`: how long whoever waits for the resource is held up by its absence. */
export function adsSource(fetchTimeoutMs?: number): ConfigSource {
  return create(ConfigSourceSchema, {
    configSourceSpecifier: { case: 'ads', value: {} },
    resourceApiVersion: ApiVersion.V3,
    ...(fetchTimeoutMs === undefined ? {} : { initialFetchTimeout: duration(fetchTimeoutMs) }),
  });
}
