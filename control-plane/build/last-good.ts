/**
 * Remembers each object's last good version, so that a mistake in an edit does not take a model out of
 * service. The only state between the store and the build; it ends with the object or the process.
 */
import { parse } from '../api/parse.ts';
import type { Candidate, Written } from './candidate.ts';

interface Memory {
  readonly raw: unknown;
  readonly candidate: Candidate;
}

export class LastGood {
  private memories = new Map<string, Memory>();

  /** All objects as they count now; what is not among `written` is forgotten. */
  take(written: readonly Written[]): Candidate[] {
    const memories = new Map<string, Memory>();
    for (const object of written) {
      const key = `${object.kind}\0${object.namespace}\0${object.name}`;
      const before = this.memories.get(key);
      const known = before !== undefined && before.raw === object.raw;
      const candidate = known ? before.candidate : judge(object, before?.candidate);
      memories.set(key, { raw: object.raw, candidate });
    }
    this.memories = memories;
    return [...memories.values()].map(({ candidate }) => candidate);
  }
}

function judge({ kind, namespace, name, raw }: Written, before: Candidate | undefined): Candidate {
  const object = { kind, namespace, name };
  const generation = generationOf(raw);
  const parsed = parse(raw);
  if (parsed.ok) return { object, generation, resource: parsed.value, problems: [] };
  return { object, generation, resource: before?.resource ?? null, problems: parsed.problems };
}

function generationOf(raw: unknown): number {
  const generation = (raw as { metadata?: { generation?: unknown } } | null)?.metadata?.generation;
  return typeof generation === 'number' ? generation : 0;
}
