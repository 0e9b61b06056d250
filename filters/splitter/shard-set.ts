/**
 * All shards of the splitter's configuration as one, as a request finds them. A set never changes, it is
 * replaced: a request that waits for its body goes on with the one that it began with.
 */
import { shardOf } from '../contract/shards.ts';
import { FieldList } from '../wire/body-fields.ts';
import { SplitterProgram } from './program.ts';

/** Shards of one number. */
export class ShardRow {
  /** By number; null: has not come yet. */
  programs: Array<SplitterProgram | null>;

  constructor(programs: Array<SplitterProgram | null>) {
    this.programs = programs;
  }

  get isComplete(): boolean {
    for (let i = 0; i < this.programs.length; i++) {
      if (this.programs[i] === null) return false;
    }
    return true;
  }
}

export class ShardSet {
  /** Newest first; each but the last lacks some shards. */
  readonly rows: ShardRow[];
  /** Fields of bodies that any of them wants, as far as there is room. */
  readonly fields: FieldList;

  /** `fields` of the set before: the same list where nothing is new, so that places in it stay known. */
  constructor(rows: ShardRow[], fields: FieldList) {
    this.rows = rows;
    const all = fieldsOf(rows);
    this.fields = isEqual(all, fields) ? fields : all;
  }

  /** The shard that a route would be in, whether or not it is; null: it has not come. */
  programOf(route: string): SplitterProgram | null {
    for (let i = 0; i < this.rows.length; i++) {
      const programs = this.rows[i].programs;
      const program = programs[shardOf(route, programs.length)];
      if (program !== null) return program;
    }
    return null;
  }

  /** The newest that there is of this shard, or null. */
  program(shard: i32, shards: i32): SplitterProgram | null {
    for (let i = 0; i < this.rows.length; i++) {
      const programs = this.rows[i].programs;
      if (programs.length == shards && shard >= 0 && shard < shards) return programs[shard];
    }
    return null;
  }
}

/** A set of these shards, each the only one of its number. */
export function setOf(programs: SplitterProgram[]): ShardSet {
  const rows: ShardRow[] = [];
  if (programs.length > 0) {
    const row: Array<SplitterProgram | null> = [];
    for (let i = 0; i < programs[0].shards; i++) row.push(null);
    for (let i = 0; i < programs.length; i++) row[programs[i].shard] = programs[i];
    rows.push(new ShardRow(row));
  }
  return new ShardSet(rows, new FieldList());
}

function fieldsOf(rows: ShardRow[]): FieldList {
  const all = new FieldList();
  for (let i = 0; i < rows.length; i++) {
    const programs = rows[i].programs;
    for (let j = 0; j < programs.length; j++) {
      const program = programs[j];
      if (program === null) continue;
      const paths = program.fields.paths;
      for (let k = 0; k < paths.length; k++) all.add(paths[k]);
    }
  }
  return all;
}

function isEqual(a: FieldList, b: FieldList): boolean {
  if (a.paths.length != b.paths.length) return false;
  for (let i = 0; i < a.paths.length; i++) {
    if (a.paths[i] != b.paths[i]) return false;
  }
  return true;
}
