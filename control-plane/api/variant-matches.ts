/** Requests of a ModelRoute that go to one variant, whatever the weights are. */
import type { z } from 'zod';
import {
  MAX_MATCH_SOURCES,
  MAX_MATCH_VALUE_LENGTH,
  MAX_MATCH_VALUES,
  MAX_VARIANT_MATCHES,
} from '../../filters/contract/limits.ts';
import { mapOf, withRules } from './cel.ts';
import { list, object } from './fields.ts';
import {
  cookieName,
  cookieValue,
  dnsLabel,
  fieldPath,
  fieldValue,
  headerName,
  headerValue,
} from './names.ts';
import { sourceAddress } from './source-address.ts';
import { NO_HOST_MATCH, SOME_VARIANT_CONDITION } from './variant-match-rules.ts';

const header = object({
  name: headerName().describe('Name of a request header, in lower case.'),
  value: headerValue(MAX_MATCH_VALUE_LENGTH).describe('Its whole value.'),
});
const cookie = object({
  name: cookieName().describe('Name of a cookie.'),
  value: cookieValue(MAX_MATCH_VALUE_LENGTH).describe('Its whole value.'),
});
const bodyField = object({
  path: fieldPath().describe('A field of a JSON body, such as user or metadata.tenant.'),
  value: fieldValue(MAX_MATCH_VALUE_LENGTH).describe('Its whole value.'),
});

/** All that is said must be true, and of the addresses one. */
const variantMatch = withRules(
  object({
    variant: dnsLabel().describe('The variant that such requests go to.'),
    headers: mapOf(list(header, 1, MAX_MATCH_VALUES), 'name')
      .describe('All of them must be there.')
      .optional(),
    cookies: mapOf(list(cookie, 1, MAX_MATCH_VALUES), 'name')
      .describe('All of them must be there.')
      .optional(),
    bodyFields: mapOf(list(bodyField, 1, MAX_MATCH_VALUES), 'path')
      .describe('All of them must be there.')
      .optional(),
    sourceAddresses: list(sourceAddress(), 1, MAX_MATCH_SOURCES)
      .describe('IP addresses and networks, of which the client must be in one.')
      .optional(),
  }),
  {
    rule: 'has(self.headers) || has(self.cookies) || has(self.bodyFields) || has(self.sourceAddresses)',
    message: SOME_VARIANT_CONDITION,
  },
  {
    rule: "!has(self.headers) || self.headers.all(header, header.name != 'host')",
    message: NO_HOST_MATCH,
  },
);

/** The first that is true decides. */
export const variantMatches = list(variantMatch, 1, MAX_VARIANT_MATCHES);

export type VariantMatch = z.output<typeof variantMatch>;
