/** Which objects of other people's kinds are ours: those that carry our label, and that we have applied. */

export const FIELD_MANAGER = 'modelweir-istio';
export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';
export const MANAGED_BY = 'modelweir';

type Metadata = Readonly<Record<string, unknown>>;
type Entries = readonly { readonly manager?: string; readonly operation?: string }[];

/** A label alone can be copied by whoever starts from an object of ours. */
export function isOwned(metadata: Metadata): boolean {
  const labels = (metadata['labels'] ?? {}) as Readonly<Record<string, string>>;
  const entries = (metadata['managedFields'] ?? []) as Entries;
  return (
    labels[MANAGED_BY_LABEL] === MANAGED_BY &&
    entries.some(({ manager, operation }) => manager === FIELD_MANAGER && operation === 'Apply')
  );
}
