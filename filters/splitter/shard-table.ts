/**
 * Which shards count. They come and go one by one, and in no order: an old one may end before or after the
 * one that takes its place has come, and a new number of shards comes while the old ones still serve.
 */
import { MAX_SHARDS } from '../contract/limits.ts';
import { FieldList } from '../wire/body-fields.ts';
import { SplitterProgram } from './program.ts';
import { ShardRow, ShardSet } from './shard-set.ts';

/** One shard's programs. */
class ShardSlot {
  /** Those whose configuration is alive, the newest last. */
  alive: SplitterProgram[] = [];
  /** The last one, where none is alive: it counts until another comes. */
  kept: SplitterProgram | null = null;

  newest(): SplitterProgram | null {
    const count = this.alive.length;
    return count == 0 ? this.kept : this.alive[count - 1];
  }

  take(program: SplitterProgram): void {
    this.kept = null;
    this.alive.push(program);
  }

  leave(program: SplitterProgram): void {
    const index = this.alive.indexOf(program);
    if (index < 0) return;
    this.alive.splice(index, 1);
    if (this.alive.length == 0) this.kept = program;
  }
}

/** The shards of one number. */
class ShardGeneration {
  slots: ShardSlot[] = [];

  constructor(shards: i32) {
    for (let i = 0; i < shards; i++) this.slots.push(new ShardSlot());
  }

  row(): ShardRow {
    const programs: Array<SplitterProgram | null> = [];
    for (let i = 0; i < this.slots.length; i++) programs.push(this.slots[i].newest());
    return new ShardRow(programs);
  }
}

export class ShardTable {
  /** What requests look at. */
  set: ShardSet = new ShardSet([], new FieldList());
  /** The one that was told of last comes last. A complete one ends those before it. */
  private generations: ShardGeneration[] = [];

  get isEmpty(): boolean {
    return this.generations.length == 0;
  }

  /** Shards in the newest generation that is complete; 0: none is. */
  get completeShards(): i32 {
    const rows = this.set.rows;
    for (let i = 0; i < rows.length; i++) {
      if (rows[i].isComplete) return rows[i].programs.length;
    }
    return 0;
  }

  /** A configuration has come. `own`: what it was before; null: it is new. */
  take(program: SplitterProgram, own: SplitterProgram | null): void {
    if (own !== null) this.leave(own);
    this.slotOf(program).take(program);
    this.update();
  }

  /** A configuration was found that nobody told of: it counts until one is told. */
  keep(program: SplitterProgram): void {
    const slot = this.slotOf(program);
    if (slot.newest() === null) slot.kept = program;
    this.update();
  }

  /** The configuration of this program has ended. */
  leave(program: SplitterProgram): void {
    const index = this.indexOf(program.shards);
    if (index < 0) return;
    this.generations[index].slots[program.shard].leave(program);
    this.update();
  }

  private slotOf(program: SplitterProgram): ShardSlot {
    const shards = max(1, min(program.shards, MAX_SHARDS));
    const index = this.indexOf(shards);
    const generation = index < 0 ? new ShardGeneration(shards) : this.generations[index];
    if (index >= 0) this.generations.splice(index, 1);
    this.generations.push(generation);
    return generation.slots[max(0, min(program.shard, shards - 1))];
  }

  private indexOf(shards: i32): i32 {
    for (let i = 0; i < this.generations.length; i++) {
      if (this.generations[i].slots.length == shards) return i;
    }
    return -1;
  }

  private update(): void {
    const rows: ShardRow[] = [];
    for (let i = this.generations.length - 1; i >= 0; i--) {
      const row = this.generations[i].row();
      rows.push(row);
      if (!row.isComplete) continue;
      this.generations = this.generations.slice(i);
      break;
    }
    this.set = new ShardSet(rows, this.set.fields);
  }
}
