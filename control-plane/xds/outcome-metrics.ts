/**
 * What became of requests, by route and variant: counted by Envoy itself, from what the chain notes, so that a
 * request costs no call of a filter for it.
 */
import { create } from '@bufbuild/protobuf';
import { NOTED_ROUTE, NOTED_VARIANT } from '../../filters/contract/headers.ts';
import { noted } from './access-log.ts';
import { pack } from './any.ts';
import type { AccessLog } from './gen/envoy/config/accesslog/v3/accesslog_pb.js';
import { AccessLogSchema } from './gen/envoy/config/accesslog/v3/accesslog_pb.js';
import {
  Config_Histogram_Unit,
  ConfigSchema,
} from './gen/envoy/extensions/access_loggers/stats/v3/stats_pb.js';

/** Where the metrics of filters are: with this prefix Envoy's Prometheus page leaves names as they are. */
const PREFIX = 'wasmcustom';

/** Both empty for a request that no route took; the variant for one that was refused before it was chosen. */
const OWNER = [
  { name: 'route', valueFormat: noted(NOTED_ROUTE) },
  { name: 'variant', valueFormat: noted(NOTED_VARIANT) },
];
/** `2xx`; `xx` where the client went away before an answer. */
const CODE_CLASS = { name: 'code_class', valueFormat: '%RESP(:STATUS):1%xx' };
/** 0 where the client went away before an answer. */
const CODE = { name: 'code', valueFormat: '%RESPONSE_CODE%' };
/** Whose answer it was. Only where it is needed: each look at it takes a microsecond. */
const SOURCE = {
  name: 'source',
  valueFormat:
    "%CEL(response.code_details == 'via_upstream' ? 'backend' : " +
    "response.code_details.startsWith('modelweir_') ? 'filter' : 'proxy')%",
};

export function outcomeMetrics(isOn: boolean): AccessLog[] {
  if (!isOn) return [];
  const typedConfig = pack(ConfigSchema, {
    statPrefix: PREFIX,
    counters: [
      {
        stat: { name: 'modelweir_requests_total', tags: [...OWNER, CODE, SOURCE] },
        valueFixed: 1n,
      },
    ],
    histograms: [
      milliseconds('modelweir_request_duration_ms', '%DURATION%'),
      milliseconds('modelweir_time_to_first_byte_ms', '%COMMON_DURATION(DS_RX_BEG:DS_TX_BEG:ms)%'),
    ],
  });
  return [
    create(AccessLogSchema, {
      name: 'envoy.access_loggers.stats',
      configType: { case: 'typedConfig', value: typedConfig },
    }),
  ];
}

function milliseconds(name: string, valueFormat: string) {
  return {
    stat: { name, tags: [...OWNER, CODE_CLASS] },
    unit: Config_Histogram_Unit.Milliseconds,
    valueFormat,
  };
}
