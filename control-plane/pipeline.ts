/**
 * From a source's event to what the mesh must do, with every problem at its file and line. Owns the
 * order of the stages; must not know what becomes of the result.
 */
import type { FieldPath } from './api/problem.ts';
import { build } from './build/build.ts';
import { LastGood } from './build/last-good.ts';
import type { Listener, Mesh } from './ir/mesh.ts';
import type { ObjectRef, Status } from './ir/status.ts';
import type { SourceEvent } from './store/object.ts';
import { keyText } from './store/object-store.ts';

/** A problem as a user can find it. */
export interface LocatedProblem {
  readonly file: string;
  /** From 1; 0: the whole file. */
  readonly line: number;
  /** Null: no object could be read there. */
  readonly object: ObjectRef | null;
  /** `spec.variants[1].weight`; empty: the object or the file as a whole. */
  readonly path: string;
  readonly reason: string;
}

export interface LocatedStatus extends Status {
  readonly file: string;
  readonly line: number;
}

export interface PipelineResult {
  readonly mesh: Mesh;
  readonly statuses: readonly LocatedStatus[];
  /** Sorted by file and line. */
  readonly problems: readonly LocatedProblem[];
}

/** Remembers only the last good version of each object. */
export class Pipeline {
  private readonly lastGood = new LastGood();
  private readonly listeners: readonly Listener[];

  constructor(listeners: readonly Listener[]) {
    this.listeners = listeners;
  }

  run({ objects, problems }: SourceEvent): PipelineResult {
    const result = build(this.lastGood.take(objects), this.listeners);
    const origins = new Map(objects.map((object) => [keyText(object), object.origin]));
    const locate = (object: ObjectRef, keys: FieldPath) => {
      const origin = origins.get(keyText(object));
      return { file: origin?.file ?? '', line: origin?.lineOf(keys) ?? 0 };
    };
    const located: LocatedProblem[] = [
      ...problems.map((one) => ({ ...one, object: null, path: '' })),
      ...result.problems.map(({ object, path, keys, reason }) => {
        return { ...locate(object, keys), object, path, reason };
      }),
    ];
    return {
      mesh: result.mesh,
      statuses: result.statuses.map((status) => ({ ...status, ...locate(status.object, []) })),
      problems: located.toSorted(byPlace),
    };
  }
}

function byPlace(a: LocatedProblem, b: LocatedProblem): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.line - b.line;
}
