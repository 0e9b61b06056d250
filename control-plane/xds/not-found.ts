/** What a client reads whose request no model route takes. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  AccessLogFilterSchema,
  ComparisonFilter_Op,
} from './gen/envoy/config/accesslog/v3/accesslog_pb.js';
import { SubstitutionFormatStringSchema } from './gen/envoy/config/core/v3/substitution_format_string_pb.js';
import type { LocalReplyConfigSchema } from './gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';

const BODY = JSON.stringify({
  error:
    'no model route takes this path; requests for models have a path like ' +
    '/v2/models/NAME/infer or /v1/chat/completions',
});
/** Envoy's flag of a request whose route has no cluster. */
const NO_CLUSTER = 'NC';

/** A 404 without a cluster is the route `not-found`: a route whose cluster has gone answers 503. */
export function notFoundReply(): MessageInitShape<typeof LocalReplyConfigSchema> {
  const isNotFound = {
    op: ComparisonFilter_Op.EQ,
    value: { defaultValue: 404, runtimeKey: 'modelweir.not_found' },
  };
  const filters = [
    create(AccessLogFilterSchema, {
      filterSpecifier: { case: 'statusCodeFilter', value: { comparison: isNotFound } },
    }),
    create(AccessLogFilterSchema, {
      filterSpecifier: { case: 'responseFlagFilter', value: { flags: [NO_CLUSTER] } },
    }),
  ];
  const body = { specifier: { case: 'inlineString', value: `${BODY}\n` } } as const;
  return {
    mappers: [
      {
        filter: { filterSpecifier: { case: 'andFilter', value: { filters } } },
        bodyFormatOverride: create(SubstitutionFormatStringSchema, {
          format: { case: 'textFormatSource', value: body },
          contentType: 'application/json',
        }),
      },
    ],
  };
}
