/** An HTTP filter whose configuration is a resource of its own: it changes without a change of the listener. */
import { create, type DescMessage } from '@bufbuild/protobuf';
import { typeUrl } from './any.ts';
import type { ConfigSource } from './gen/envoy/config/core/v3/config_source_pb.js';
import { HeaderMutationSchema } from './gen/envoy/extensions/filters/http/header_mutation/v3/header_mutation_pb.js';
import type { HttpFilter } from './gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { HttpFilterSchema } from './gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { noMutation } from './header-mutation.ts';

export interface DiscoveredFilter {
  /** Also the name of its configuration as a resource. */
  readonly name: string;
  /** What its configuration is. */
  readonly schema: DescMessage;
  readonly source: ConfigSource;
  /** Loaded and kept up to date, and in the way of a request only where its route says so. */
  readonly disabled: boolean;
  /** Whether requests pass where it has no configuration; else Envoy answers 500. */
  readonly optional: boolean;
}

export function discoveredFilter(filter: DiscoveredFilter): HttpFilter {
  const { name, schema, source: configSource, disabled, optional } = filter;
  const typeUrls = [typeUrl(schema)];
  const value = optional
    ? {
        configSource,
        // Only what is listed here is taken in the place of the filter.
        typeUrls: [...typeUrls, typeUrl(HeaderMutationSchema)],
        defaultConfig: noMutation(),
      }
    : { configSource, typeUrls };
  return create(HttpFilterSchema, {
    name,
    disabled,
    configType: { case: 'configDiscovery', value },
  });
}
