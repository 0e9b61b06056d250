/** What the build starts from: each object, and which version of it counts. */
import type { Resource } from '../api/kinds.ts';
import type { Problem } from '../api/problem.ts';
import type { ObjectRef } from '../ir/status.ts';

/** An object as a user wrote it. */
export interface Written extends ObjectRef {
  readonly raw: unknown;
}

export interface Candidate {
  readonly object: ObjectRef;
  /** Of the newest version. */
  readonly generation: number;
  /** The version that counts: the newest, or the last good one; null: there was never a good one. */
  readonly resource: Resource | null;
  /** What is wrong with the newest version. */
  readonly problems: readonly Problem[];
}
