/**
 * Owns the child processes and the temporary folder of one run, and leaves nothing of them behind
 * however the run ends. It must not know what its children are.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child, type ChildSpec, type Exit } from './child.ts';
import { Reaper } from './reaper.ts';

/** A child that ended without having been asked to. */
export interface ChildFailure {
  readonly child: Child;
  readonly exit: Exit;
}

export class Supervisor {
  /** Removed when the run ends. */
  readonly folder: string;
  /** Settles with the first child that ends unasked; never rejects. */
  readonly failure: Promise<ChildFailure>;
  readonly #children: Child[] = [];
  readonly #reaper: Reaper;
  readonly #onLine: ((child: string, line: string) => void) | null;
  #reportFailure: (failure: ChildFailure) => void = () => {};
  #stopped: Promise<void> | null = null;

  /** @param onLine gets each line that a child writes, with the child's name. */
  constructor(onLine: ((child: string, line: string) => void) | null = null) {
    this.folder = mkdtempSync(join(tmpdir(), 'modelweir-'));
    this.#reaper = new Reaper(this.folder);
    this.#onLine = onLine;
    this.failure = new Promise((resolve) => {
      this.#reportFailure = resolve;
    });
  }

  get children(): readonly Child[] {
    return this.#children;
  }

  /** Starts a child without which the run is over. */
  start(spec: ChildSpec): Child {
    const child = this.attempt(spec);
    this.watch(child);
    return child;
  }

  /** Starts a child that may end early; `watch` it once it must not. */
  attempt(spec: ChildSpec): Child {
    if (this.#stopped !== null) throw new Error(`cannot start ${spec.name}: the run is over`);
    // What it writes into the system's temporary folder goes with the run, too.
    const child = new Child({ ...spec, env: { TMPDIR: this.folder, ...spec.env } });
    const onLine = this.#onLine;
    if (onLine !== null) child.log.follow((line) => onLine(child.name, line));
    this.#children.push(child);
    if (child.pid !== 0) this.#reaper.add(child.pid);
    child.exited.then(() => {
      if (child.pid !== 0) this.#reaper.remove(child.pid);
    });
    return child;
  }

  /** From now on the child's end, or one that has been, is the run's failure. */
  watch(child: Child): void {
    child.exited.then((exit) => {
      if (this.#stopped === null) this.#reportFailure({ child, exit });
    });
  }

  /** Stops one child that is to end before the others. */
  async stopChild(child: Child): Promise<void> {
    const index = this.#children.indexOf(child);
    if (index >= 0) this.#children.splice(index, 1);
    await child.stop();
  }

  /** Stops all, the last one started first, and removes the folder. More calls wait for the first. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stopAll();
    return this.#stopped;
  }

  async #stopAll(): Promise<void> {
    // What takes traffic was started last: it ends before what it needs.
    for (const child of this.#children.toReversed()) await child.stop();
    await this.#reaper.finish();
  }
}
