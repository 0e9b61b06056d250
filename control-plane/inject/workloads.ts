/** Where the pods are in the objects that people write. */
import type { Pod } from './pod.ts';

export interface FoundPod {
  /** Fields on the way to it: `['spec', 'template']`; none for a Pod. */
  readonly path: readonly (string | number)[];
  readonly pod: Pod;
  /** `Deployment shop/web`, for people. */
  readonly owner: string;
  /** As far as the object says it. */
  readonly namespace: string | null;
}

const TEMPLATE_PATHS: Readonly<Record<string, readonly string[]>> = {
  Pod: [],
  PodTemplate: ['template'],
  Deployment: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  ReplicationController: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
};

/** None in an object of another kind. */
export function podsOf(object: unknown): FoundPod[] {
  if (!isObject(object)) return [];
  const { kind, items } = object;
  if (typeof kind !== 'string') return [];
  if (kind.endsWith('List') && Array.isArray(items)) {
    return items.flatMap((item, at) =>
      podsOf(item).map((found) => ({ ...found, path: ['items', at, ...found.path] })),
    );
  }
  const path = Object.hasOwn(TEMPLATE_PATHS, kind) ? TEMPLATE_PATHS[kind] : undefined;
  if (path === undefined) return [];
  const pod = path.reduce<unknown>((at, field) => (isObject(at) ? at[field] : undefined), object);
  if (!isObject(pod) || !isObject(pod['spec'])) return [];
  const { name, generateName, namespace } = isObject(object['metadata']) ? object['metadata'] : {};
  const place = typeof namespace === 'string' ? `${namespace}/` : '';
  return [
    {
      path,
      pod,
      owner: `${kind} ${place}${name ?? generateName ?? ''}`,
      namespace: typeof namespace === 'string' ? namespace : null,
    },
  ];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
