/**
 * What was added to a pod, and what was there before, as text in an annotation of the pod itself: so
 * everything can be taken away again, by any version and without knowing how it was made.
 */
import { RECORD } from './names.ts';
import { annotationOf, type Pod } from './pod.ts';

/** A field that additions went into and that was not there: taken away with them. */
export type Former = 'absent' | 'null';

export interface Additions {
  readonly annotations: Readonly<Record<string, string>>;
  /** Come before those of the pod. */
  readonly initContainers: readonly { readonly name: string; readonly [field: string]: unknown }[];
  readonly volumes: readonly { readonly name: string; readonly [field: string]: unknown }[];
}

export interface InjectionRecord {
  readonly annotations: readonly string[];
  readonly initContainers: readonly string[];
  readonly volumes: readonly string[];
  /** By field: `metadata`, `metadata.annotations`, `spec.initContainers`, `spec.volumes`. */
  readonly former: Readonly<Record<string, Former>>;
}

export function isInjected(pod: Pod): boolean {
  return annotationOf(pod, RECORD) !== undefined;
}

/** Null: there is none. @throws {Error} where the annotation is not what we write. */
export function recordOf(pod: Pod): InjectionRecord | null {
  const text = annotationOf(pod, RECORD);
  if (text === undefined) return null;
  const record = parsed(text);
  if (record !== null) return record;
  throw new Error(`the annotation ${RECORD} cannot be read: take away by hand what was added`);
}

function parsed(text: string): InjectionRecord | null {
  try {
    const { annotations, initContainers, volumes, former } = JSON.parse(text);
    const lists = [annotations, initContainers, volumes];
    const areNames = lists.every(
      (list) => Array.isArray(list) && list.every((one) => typeof one === 'string'),
    );
    const isFormer = (value: unknown) => value === 'absent' || value === 'null';
    if (!areNames || !Object.values(former).every(isFormer)) return null;
    return { annotations, initContainers, volumes, former };
  } catch {
    return null;
  }
}
