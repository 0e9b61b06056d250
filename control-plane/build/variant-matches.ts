/** Conditions of a ModelRoute as the mesh knows them: in the user's order, and sorted within. */
import { networkOf } from '../api/source-address.ts';
import type { VariantMatch } from '../api/variant-matches.ts';
import type * as ir from '../ir/mesh.ts';

export function variantMatchOf(match: VariantMatch): ir.VariantMatch {
  const { variant, headers = [], cookies = [], bodyFields = [], sourceAddresses = [] } = match;
  const networks = sourceAddresses.map((text) => networkOf(text) ?? text);
  return {
    variant,
    headers: sorted(headers),
    cookies: sorted(cookies),
    bodyFields: sorted(bodyFields.map(({ path, value }) => ({ name: path, value }))),
    sources: networks.toSorted(),
  };
}

/** No name stands twice in one condition. */
function sorted(values: readonly ir.NamedValue[]): ir.NamedValue[] {
  return values
    .map(({ name, value }) => ({ name, value }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
