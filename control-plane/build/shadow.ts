/** Copies of a ModelRoute's requests, if any are made. */
import type { ModelRoute } from '../api/kinds.ts';
import type { Shadow } from '../ir/mesh.ts';

/** `known`: the variants that have a backend. */
export function shadowOf({ spec }: ModelRoute, known: ReadonlySet<string>): Shadow | null {
  const { shadow } = spec;
  if (shadow === undefined || shadow.shareBasisPoints === 0 || !known.has(shadow.variant)) {
    return null;
  }
  return {
    variant: shadow.variant,
    shareBasisPoints: shadow.shareBasisPoints,
    maxConcurrent: shadow.maxConcurrent,
    maxBodyBytes: shadow.maxBodyBytes,
    compare: shadow.compare?.by ?? null,
    toleranceMillionths: shadow.compare?.toleranceMillionths ?? 0,
    maxCompareBytes: shadow.compare?.maxBytes ?? 0,
  };
}
