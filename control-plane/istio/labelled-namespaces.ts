/** Which namespaces want their proxies extended, from Namespace objects as they are. */
import { INJECT_LABEL } from '../api/cluster-kinds.ts';

interface NamespaceObject {
  readonly kind: string;
  readonly name: string;
  /** JSON values only. */
  readonly raw: unknown;
}

/** Sorted names. */
export function labelledNamespaces(objects: readonly NamespaceObject[]): string[] {
  return objects
    .filter(({ kind, raw }) => kind === 'Namespace' && isLabelled(raw))
    .map(({ name }) => name)
    .toSorted();
}

function isLabelled(raw: unknown): boolean {
  const { metadata } = raw as { readonly metadata?: { readonly labels?: unknown } };
  const labels = (metadata?.labels ?? {}) as Readonly<Record<string, unknown>>;
  return labels[INJECT_LABEL] === 'true';
}
