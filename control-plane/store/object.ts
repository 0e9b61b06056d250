/** One object as a user wrote it, before anything is known about it but its name. */

import type { Status } from '../ir/status.ts';

/** From the object's root to a field: keys of mappings and indexes of lists. */
export type FieldKeys = readonly (string | number)[];

/** Where an object was read. */
export interface Origin {
  /** Path as given by the user, joined with the file's name. */
  readonly file: string;
  /** Line of the object's first field, from 1. */
  readonly line: number;
  /** Line of a field, or of the nearest field above it that exists. */
  lineOf(keys: FieldKeys): number;
}

export interface RawObject {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** JSON values only. */
  readonly raw: unknown;
  readonly origin: Origin;
}

/** Something wrong with a file or a folder, where no object can be named. */
export interface SourceProblem {
  readonly file: string;
  /** From 1; 0: the whole file. */
  readonly line: number;
  readonly reason: string;
}

/** Where objects come from. */
export interface Source {
  /** Resolves after the first event. */
  start(): Promise<void>;
  close(): Promise<void>;
  /** Takes what is true of each object, where there is a place for it. */
  offer?(statuses: readonly Status[]): void;
}

export type SourceFactory = (listener: (event: SourceEvent) => void) => Promise<Source>;

/** All that a source has to say, each time that it changes. */
export interface SourceEvent {
  /** Sorted by kind, namespace and name. */
  readonly objects: readonly RawObject[];
  readonly problems: readonly SourceProblem[];
}
