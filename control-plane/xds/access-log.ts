/**
 * One JSON object per request. The field names are part of what users script against.
 *
 * What the chain knows of a request it notes as properties, which neither clients nor backends can set.
 */
import type { JsonObject } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import {
  NOTED_ATTEMPTS,
  NOTED_BATCH,
  NOTED_CONFIGURATION,
  NOTED_MODEL,
  NOTED_REASON,
  NOTED_ROUTE,
  NOTED_VARIANT,
} from '../../filters/contract/headers.ts';
import { pack } from './any.ts';
import type { AccessLog } from './gen/envoy/config/accesslog/v3/accesslog_pb.js';
import { AccessLogSchema } from './gen/envoy/config/accesslog/v3/accesslog_pb.js';
import { FileAccessLogSchema } from './gen/envoy/extensions/access_loggers/file/v3/file_pb.js';
import { StdoutAccessLogSchema } from './gen/envoy/extensions/access_loggers/stream/v3/stream_pb.js';
import type { AccessLogTarget } from './options.ts';

/** Where the path is as the client sent it, once the chain has written it anew for a backend. */
export const ORIGINAL_PATH_HEADER = 'x-envoy-original-path';

const FIELDS: JsonObject = {
  time: '%START_TIME%',
  method: '%REQ(:METHOD)%',
  path: `%REQ(${ORIGINAL_PATH_HEADER}?:PATH)%`,
  authority: '%REQ(:AUTHORITY)%',
  route: noted(NOTED_ROUTE),
  model: noted(NOTED_MODEL),
  variant: noted(NOTED_VARIANT),
  reason: noted(NOTED_REASON),
  configuration: noted(NOTED_CONFIGURATION),
  attempts: noted(NOTED_ATTEMPTS),
  batch: noted(NOTED_BATCH),
  attemptCount: '%UPSTREAM_REQUEST_ATTEMPT_COUNT%',
  cluster: '%UPSTREAM_CLUSTER_RAW%',
  upstream: '%UPSTREAM_HOST%',
  status: '%RESPONSE_CODE%',
  details: '%RESPONSE_CODE_DETAILS%',
  flags: '%RESPONSE_FLAGS%',
  durationMs: '%DURATION%',
  bytesReceived: '%BYTES_RECEIVED%',
  bytesSent: '%BYTES_SENT%',
};

/** Envoy keeps a Wasm filter's properties in the request's filter state, behind this prefix. */
export function noted(property: string): string {
  return `%FILTER_STATE(wasm.${property}:PLAIN)%`;
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
