/**
 * The two configurations of the chain: the router's, whose filter takes the requests, and the splitter's,
 * whose filter is never in their way. Both live in one virtual machine and share its memory.
 */
import { Problems } from '../contract/fields.ts';
import { decodeRouterConfig } from '../contract/router-config.ts';
import { setTickMs } from '../host/clock.ts';
import { Property } from '../host/property.ts';
import { SharedText } from '../host/shared-text.ts';
import { enterRoot, leaveStream, noteDecoded, Root, Stream } from '../host/stream.ts';
import { compileRouter, RouterProgram } from '../router/program.ts';
import { SplitterProgram } from '../splitter/program.ts';
import { recompileSplitter } from '../splitter/recompile.ts';
import { ChainStream } from './filter.ts';
import { Recent } from './recent.ts';

const ROOT_ID = new Property('plugin_root_id');
const SPLITTER: string = 'modelweir.splitter';

/**
 * The splitter's last good configuration. After a trap the router's filter gets a new machine with its
 * next request; the splitter's, which takes no requests, would not.
 */
const splitterText = new SharedText('modelweir.splitter');

/** How long what a configuration replaced may still complete the other one. */
const GRACE_MS: i32 = 5000;

/** Of both: what is kept a moment longer. */
export const recent = new Recent();

/**
 * The router's roots that are alive and have a program; the last is the one that takes new requests. Its
 * tick ends the grace, never that of a splitter: Envoy keeps a timer for each root that ever had a tick, and
 * splitters come and go.
 */
const routers: ChainRoot[] = [];
/** The splitter's that are alive, the newest last. */
const splitters: SplitterProgram[] = [];

/** The one of them that has no root: it counts until this machine's own splitter is configured. */
let rootless: SplitterProgram | null = null;

function newestRouter(): ChainRoot | null {
  const count = routers.length;
  return count == 0 ? null : routers[count - 1];
}

function newestProgram(): RouterProgram | null {
  const root = newestRouter();
  if (root === null) return null;
  return root.router;
}

/** Null where there is none: then nothing has a variant. */
function newestSplitter(): SplitterProgram | null {
  const count = splitters.length;
  return count == 0 ? null : splitters[count - 1];
}

const NO_SPLITTER = new SplitterProgram();

export function splitterProgram(): SplitterProgram {
  const program = newestSplitter();
  return program === null ? NO_SPLITTER : program;
}

export class ChainRoot extends Root {
  /** Null in the splitter's root. */
  router: RouterProgram | null = null;
  /** Null in the router's root. */
  private splitter: SplitterProgram | null = null;

  configure(text: string): string {
    const problems = new Problems();
    if (ROOT_ID.get() == SPLITTER) {
      const program = readSplitter(text, newestSplitter(), problems);
      if (program !== null) this.takeSplitter(program, text);
    } else {
      const program = readRouter(text, problems);
      if (program !== null) this.takeRouter(program);
      if (splitters.length == 0) recoverSplitter();
    }
    return problems.text();
  }

  tick(): void {
    setTickMs(0);
    recent.clear();
  }

  /**
   * Where an old configuration comes back while its root is still alive, Envoy uses that root again and
   * tells nobody: what shows is that the root in between ends. The last splitter is kept: while a new build
   * takes over, the router may outlive it here.
   */
  ended(): void {
    this.leaveRouters();
    const split = this.splitter;
    if (split === null) return;
    removeSplitter(split);
    if (splitters.length == 0) keepRootless(split);
  }

  /** New requests come only to the configuration in force: also to one that came back untold. */
  createStream(): Stream {
    const program = this.router;
    if (program !== null && newestRouter() !== this) this.takeRouter(program);
    return new ChainStream(this);
  }

  private takeRouter(program: RouterProgram): void {
    const before = newestProgram();
    this.router = program;
    const index = routers.indexOf(this);
    if (index >= 0) routers.splice(index, 1);
    routers.push(this);
    if (before === null || before === program) return;
    recent.routerChanged(before, program);
    beginGrace();
  }

  private leaveRouters(): void {
    const index = routers.indexOf(this);
    if (index < 0) return;
    const wasNewest = newestRouter() === this;
    routers.splice(index, 1);
    const next = newestRouter();
    if (!wasNewest || next === null) return;
    recent.routerChanged(this.router!, next.router!);
    beginGrace();
  }

  private takeSplitter(program: SplitterProgram, text: string): void {
    const before = newestSplitter();
    const own = this.splitter;
    if (own !== null) removeSplitter(own);
    const stray = rootless;
    if (stray !== null) removeSplitter(stray);
    rootless = null;
    this.splitter = program;
    splitters.push(program);
    splitterText.set(text);
    if (before === null) return;
    recent.splitterChanged(before, program);
    beginGrace();
  }
}

function beginGrace(): void {
  const root = newestRouter();
  if (root === null || !enterRoot(root)) {
    recent.clear();
    return;
  }
  setTickMs(GRACE_MS);
  leaveStream();
}

/** Null, with the reasons in `problems`, where `text` is not good. */
function readRouter(text: string, problems: Problems): RouterProgram | null {
  const config = decodeRouterConfig(text, problems);
  noteDecoded(text.length);
  if (config === null) return null;
  return compileRouter(config, problems);
}

function readSplitter(
  text: string,
  before: SplitterProgram | null,
  problems: Problems,
): SplitterProgram | null {
  const result = recompileSplitter(text, before, problems);
  noteDecoded(result.unitsRead);
  return result.program;
}

function removeSplitter(program: SplitterProgram): void {
  const index = splitters.indexOf(program);
  if (index >= 0) splitters.splice(index, 1);
}

function recoverSplitter(): void {
  const text = splitterText.get();
  if (text.length == 0) return;
  const program = readSplitter(text, null, new Problems());
  if (program !== null) keepRootless(program);
}

function keepRootless(program: SplitterProgram): void {
  rootless = program;
  splitters.push(program);
}
