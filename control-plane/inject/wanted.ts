/** Whether a pod is to be injected, by the labels of its namespace and by what it says itself. */
import { INJECT, REVISION } from './names.ts';
import { annotationOf, labelOf, type Pod, type StringMap } from './pod.ts';

export interface Namespace {
  readonly name: string;
  readonly labels: StringMap;
}

export interface Choice {
  /** Null: the one whose namespaces and pods name none. */
  readonly revision: string | null;
  /** Namespaces where nothing is ever injected. */
  readonly excluded: ReadonlySet<string>;
}

/** The system's own, and those of whoever might need a pod in order to get the webhook back. */
export const NEVER_INJECTED: readonly string[] = [
  'kube-system',
  'kube-public',
  'kube-node-lease',
  'istio-system',
];

/** Null: it is wanted. Else why not, for people. */
export function unwanted(pod: Pod, namespace: Namespace, choice: Choice): string | null {
  const { name, labels } = namespace;
  if (choice.excluded.has(name)) return `nothing is injected into the namespace ${name}`;
  const refusal = refused(pod);
  if (refusal !== null) return refusal;
  const asked = labels[INJECT] ?? labelOf(pod, INJECT);
  if (asked !== 'true') return `neither it nor its namespace has the label ${INJECT}: "true"`;
  const revision = labels[REVISION] ?? labelOf(pod, REVISION) ?? null;
  if (revision === choice.revision) return null;
  return `it is for the revision ${revision ?? 'without a name'}`;
}

/** What no label of a namespace changes; null: nothing speaks against it. */
export function refused(pod: Pod): string | null {
  if (labelOf(pod, INJECT) === 'false' || annotationOf(pod, INJECT) === 'false') {
    return `it has ${INJECT}: "false"`;
  }
  // A redirection would be that of the node, and ports are those of the node.
  if (pod.spec?.hostNetwork === true) return 'it uses the network of its node';
  if (pod.spec?.os?.name === 'windows') return 'there is no proxy for Windows';
  return null;
}
