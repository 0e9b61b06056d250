/**
 * Adds to a pod, and takes away exactly what was added: `uninject(inject(pod))` is the pod. Pure; must not
 * know what is added, nor why.
 */
import { RECORD } from './names.ts';
import type { Container, Pod, StringMap, Volume } from './pod.ts';
import { type Additions, type Former, type InjectionRecord, recordOf } from './record.ts';

export function isEmpty({ annotations, initContainers, volumes }: Additions): boolean {
  return Object.keys(annotations).length + initContainers.length + volumes.length === 0;
}

/** Of a pod that has not been injected. Nothing to add leaves it as it is. */
export function inject(pod: Pod, additions: Additions): Pod {
  if (isEmpty(additions)) return pod;
  const former: Record<string, Former> = {};
  const before = <T>(field: string, value: T | null | undefined): T | null => {
    if (value === undefined) former[field] = 'absent';
    if (value === null) former[field] = 'null';
    return value ?? null;
  };
  const metadata = before('metadata', pod.metadata);
  const annotations = before<StringMap>('metadata.annotations', metadata?.annotations);
  const spec = { ...pod.spec };
  if (additions.initContainers.length > 0) {
    const own = before('spec.initContainers', pod.spec?.initContainers);
    spec.initContainers = [...(additions.initContainers as Container[]), ...(own ?? [])];
  }
  if (additions.volumes.length > 0) {
    const own = before('spec.volumes', pod.spec?.volumes);
    spec.volumes = [...(own ?? []), ...(additions.volumes as Volume[])];
  }
  const record: InjectionRecord = {
    annotations: Object.keys(additions.annotations),
    initContainers: additions.initContainers.map(({ name }) => name),
    volumes: additions.volumes.map(({ name }) => name),
    former,
  };
  return {
    ...pod,
    metadata: {
      ...metadata,
      annotations: { ...annotations, ...additions.annotations, [RECORD]: JSON.stringify(record) },
    },
    spec,
  };
}

/** A pod that has not been injected comes back as it is. @throws {Error} where the record cannot be read. */
export function uninject(pod: Pod): Pod {
  const record = recordOf(pod);
  if (record === null) return pod;
  const { former } = record;
  const gone = new Set([...record.annotations, RECORD]);
  const annotations = Object.fromEntries(
    Object.entries(pod.metadata?.annotations ?? {}).filter(([name]) => !gone.has(name)),
  );
  const metadata = restored(
    { ...pod.metadata, annotations },
    'annotations',
    former['metadata.annotations'],
  );
  let spec: Readonly<Record<string, unknown>> = pod.spec ?? {};
  for (const field of ['initContainers', 'volumes'] as const) {
    if (record[field].length === 0) continue;
    const added = new Set(record[field]);
    const kept = (pod.spec?.[field] ?? []).filter(({ name }) => !added.has(name));
    spec = restored({ ...spec, [field]: kept }, field, former[`spec.${field}`]);
  }
  return restored({ ...pod, metadata, spec }, 'metadata', former['metadata']);
}

/** A field that was made for the additions goes with them, unless others have put something into it. */
function restored(
  object: Readonly<Record<string, unknown>>,
  field: string,
  former: Former | undefined,
): Readonly<Record<string, unknown>> {
  const { [field]: value, ...rest } = object;
  const isFree = typeof value === 'object' && Object.keys(value ?? {}).length === 0;
  if (former === undefined || !isFree) return object;
  return former === 'absent' ? rest : { ...rest, [field]: null };
}
