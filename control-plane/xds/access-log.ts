/**
 * One JSON object per request. The field names are part of what users script against.
 *
 * What the filters know is in request headers, and by the time of the log these are gone: an attempt
 * takes them from the one header map there is. So two native filters note them while they are there.
 */
import type { JsonObject } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { MODEL_HEADER, ROUTE_HEADER, VARIANT_HEADER } from '../../filters/contract/headers.ts';
import { pack } from './any.ts';
import type { AccessLog } from './gen/envoy/config/accesslog/v3/accesslog_pb.js';
import { AccessLogSchema } from './gen/envoy/config/accesslog/v3/accesslog_pb.js';
import { FileAccessLogSchema } from './gen/envoy/extensions/access_loggers/file/v3/file_pb.js';
import { StdoutAccessLogSchema } from './gen/envoy/extensions/access_loggers/stream/v3/stream_pb.js';
import { FilterStateValueSchema } from './gen/envoy/extensions/filters/common/set_filter_state/v3/value_pb.js';
import { ConfigSchema as SetFilterStateSchema } from './gen/envoy/extensions/filters/http/set_filter_state/v3/set_filter_state_pb.js';
import type { AccessLogTarget } from './options.ts';

/** Fact to where it is found, at the beginning of the request and when it has its variant. */
const EARLY_FACTS = { path: '%REQ(:PATH)%' };
const LATE_FACTS = {
  route: `%REQ(${ROUTE_HEADER})%`,
  model: `%REQ(${MODEL_HEADER})%`,
  variant: `%REQ(${VARIANT_HEADER})%`,
};

const FIELDS: JsonObject = {
  time: '%START_TIME%',
  method: '%REQ(:METHOD)%',
  path: noted('path'),
  authority: '%REQ(:AUTHORITY)%',
  route: noted('route'),
  model: noted('model'),
  variant: noted('variant'),
  cluster: '%UPSTREAM_CLUSTER_RAW%',
  upstream: '%UPSTREAM_HOST%',
  status: '%RESPONSE_CODE%',
  details: '%RESPONSE_CODE_DETAILS%',
  flags: '%RESPONSE_FLAGS%',
  durationMs: '%DURATION%',
  bytesReceived: '%BYTES_RECEIVED%',
  bytesSent: '%BYTES_SENT%',
};

function noted(fact: string): string {
  return `%FILTER_STATE(modelweir.${fact}:PLAIN)%`;
}

/** For the filter before all others. */
export function noteEarlyFacts(): Any {
  return note(EARLY_FACTS);
}

/** For a filter after the router and the splitter. */
export function noteLateFacts(): Any {
  return note(LATE_FACTS);
}

function note(facts: Readonly<Record<string, string>>): Any {
  return pack(SetFilterStateSchema, {
    onRequestHeaders: Object.entries(facts).map(([fact, text]) => {
      const specifier = { case: 'inlineString', value: text } as const;
      const format = { case: 'textFormatSource', value: { specifier } } as const;
      return create(FilterStateValueSchema, {
        key: { case: 'objectKey', value: `modelweir.${fact}` },
        factoryKey: 'envoy.string',
        value: { case: 'formatString', value: { format, omitEmptyValues: true } },
        skipIfEmpty: true,
      });
    }),
  });
}

export function accessLogs(target: AccessLogTarget | null): AccessLog[] {
  if (target === null) return [];
  const logFormat = { format: { case: 'jsonFormat', value: FIELDS } } as const;
  const accessLogFormat = { case: 'logFormat', value: logFormat } as const;
  const typedConfig =
    target === 'stdout'
      ? pack(StdoutAccessLogSchema, { accessLogFormat })
      : pack(FileAccessLogSchema, { path: target.path, accessLogFormat });
  return [
    create(AccessLogSchema, {
      name: target === 'stdout' ? 'envoy.access_loggers.stdout' : 'envoy.access_loggers.file',
      configType: { case: 'typedConfig', value: typedConfig },
    }),
  ];
}
