/**
 * The configurations of the chain: the router's, whose filter takes the requests, and the shards of the splitter's,
 * whose filters are never in their way. All live in one virtual machine and share its memory.
 */
import { Problems } from '../contract/fields.ts';
import { decodeRouterConfig } from '../contract/router-config.ts';
import { setTickMs } from '../host/clock.ts';
import { Property } from '../host/property.ts';
import { enterRoot, leaveStream, noteDecoded, Root, Stream } from '../host/stream.ts';
import { compileRouter, RouterProgram } from '../router/program.ts';
import { SplitterProgram } from '../splitter/program.ts';
import { recompileSplitter } from '../splitter/recompile.ts';
import { ShardTable } from '../splitter/shard-table.ts';
import { ChainStream } from './filter.ts';
import { Recent } from './recent.ts';
import { shareCount, sharedTexts, shareShard } from './shared-shards.ts';

const ROOT_ID = new Property('plugin_root_id');
const SPLITTER: string = 'modelweir.splitter';

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
/** The splitter's. */
export const splitters = new ShardTable();

function newestRouter(): ChainRoot | null {
  const count = routers.length;
  return count == 0 ? null : routers[count - 1];
}

function newestProgram(): RouterProgram | null {
  const root = newestRouter();
  if (root === null) return null;
  return root.router;
}

export class ChainRoot extends Root {
  /** Null in the roots of the splitter. */
  router: RouterProgram | null = null;
  /** Its shard; null in the router's root. */
  private splitter: SplitterProgram | null = null;

  configure(text: string): string {
    const problems = new Problems();
    if (ROOT_ID.get() == SPLITTER) {
      const program = readSplitter(text, problems);
      if (program !== null) this.takeSplitter(program, text);
    } else {
      const program = readRouter(text, problems);
      if (program !== null) this.takeRouter(program);
      if (splitters.isEmpty) recoverSplitter();
    }
    return problems.text();
  }

  tick(): void {
    setTickMs(0);
    recent.clear();
  }

  /**
   * Where an old configuration comes back while its root is still alive, Envoy uses that root again and
   * tells nobody: what shows is that the root in between ends. The last one of each shard is kept: while a new
   * build takes over, or a new number of shards, the router may outlive it here.
   */
  ended(): void {
    this.leaveRouters();
    const split = this.splitter;
    if (split !== null) splitters.leave(split);
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
    const before = splitters.set.program(program.shard, program.shards);
    splitters.take(program, this.splitter);
    this.splitter = program;
    shareShard(program, text);
    if (splitters.completeShards == program.shards) shareCount(program.shards);
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

function readSplitter(text: string, problems: Problems): SplitterProgram | null {
  const result = recompileSplitter(text, splitters.set, problems);
  noteDecoded(result.unitsRead);
  return result.program;
}

function recoverSplitter(): void {
  const texts = sharedTexts();
  for (let i = 0; i < texts.length; i++) {
    const program = readSplitter(texts[i], new Problems());
    if (program !== null) splitters.keep(program);
  }
}
