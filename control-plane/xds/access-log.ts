/** One JSON object per request. The field names are part of what users script against. */

import type { JsonObject } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import { MODEL_HEADER, ROUTE_HEADER, VARIANT_HEADER } from '../../filters/contract/headers.ts';
import { pack } from './any.ts';
import type { AccessLog } from './gen/envoy/config/accesslog/v3/accesslog_pb.js';
import { AccessLogSchema } from './gen/envoy/config/accesslog/v3/accesslog_pb.js';
import { FileAccessLogSchema } from './gen/envoy/extensions/access_loggers/file/v3/file_pb.js';
import { StdoutAccessLogSchema } from './gen/envoy/extensions/access_loggers/stream/v3/stream_pb.js';
import type { AccessLogTarget } from './options.ts';

const FIELDS: JsonObject = {
  time: '%START_TIME%',
  method: '%REQ(:METHOD)%',
  path: '%REQ(:PATH)%',
  authority: '%REQ(:AUTHORITY)%',
  route: `%REQ(${ROUTE_HEADER})%`,
  model: `%REQ(${MODEL_HEADER})%`,
  variant: `%REQ(${VARIANT_HEADER})%`,
  cluster: '%UPSTREAM_CLUSTER_RAW%',
  upstream: '%UPSTREAM_HOST%',
  status: '%RESPONSE_CODE%',
  details: '%RESPONSE_CODE_DETAILS%',
  flags: '%RESPONSE_FLAGS%',
  durationMs: '%DURATION%',
  bytesReceived: '%BYTES_RECEIVED%',
  bytesSent: '%BYTES_SENT%',
};

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
