/** Requests of a ModelRoute that go to one variant, whatever the weights are. */
import type { z } from 'zod';
import {
  MAX_MATCH_SOURCES,
  MAX_MATCH_VALUE_LENGTH,
  MAX_MATCH_VALUES,
  MAX_VARIANT_MATCHES,
} from '../../filters/contract/limits.ts';
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

const header = object({ name: headerName(), value: headerValue(MAX_MATCH_VALUE_LENGTH) });
const cookie = object({ name: cookieName(), value: cookieValue(MAX_MATCH_VALUE_LENGTH) });
const bodyField = object({ path: fieldPath(), value: fieldValue(MAX_MATCH_VALUE_LENGTH) });

/** All that is said must be true, and of the addresses one. */
const variantMatch = object({
  variant: dnsLabel(),
  headers: list(header, 1, MAX_MATCH_VALUES).optional(),
  cookies: list(cookie, 1, MAX_MATCH_VALUES).optional(),
  bodyFields: list(bodyField, 1, MAX_MATCH_VALUES).optional(),
  sourceAddresses: list(sourceAddress(), 1, MAX_MATCH_SOURCES).optional(),
});

/** The first that is true decides. */
export const variantMatches = list(variantMatch, 1, MAX_VARIANT_MATCHES);

export type VariantMatch = z.output<typeof variantMatch>;
