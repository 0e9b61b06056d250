/** An object of a source as a page may show it: who it is and what it asks for, and nothing beside. */
import type { RawObject } from '../store/object.ts';

/** Annotations are not among them: people and tools keep all sorts of things there. */
const METADATA = [
  'name',
  'namespace',
  'uid',
  'generation',
  'resourceVersion',
  'creationTimestamp',
  'deletionTimestamp',
  'labels',
];
/** Where an object of ours, a Service, an EndpointSlice or a ReferenceGrant says what it asks for. */
const CONTENT = ['spec', 'addressType', 'endpoints', 'ports'];

export interface ShownObject {
  readonly kind: string;
  readonly file: string;
  readonly line: number;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly [content: string]: unknown;
}

export function shownObject({ kind, raw, origin }: RawObject): ShownObject {
  const object = recordOf(raw);
  const metadata = only(recordOf(object['metadata']), METADATA);
  // Its name is enough.
  const content = kind === 'Secret' ? {} : only(object, CONTENT);
  return { kind, file: origin.file, line: origin.line, ...content, metadata };
}

function only(record: Readonly<Record<string, unknown>>, keys: readonly string[]) {
  return Object.fromEntries(keys.filter((key) => key in record).map((key) => [key, record[key]]));
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return {};
  return value as Readonly<Record<string, unknown>>;
}
