/**
 * The two configurations of the chain: the router's, whose filter takes the requests, and the splitter's,
 * whose filter is never in their way. Both live in one virtual machine and share its memory.
 */
import { Problems } from '../contract/fields.ts';
import { decodeRouterConfig } from '../contract/router-config.ts';
import { decodeSplitterConfig } from '../contract/splitter-config.ts';
import { setTickMs } from '../host/clock.ts';
import { Property } from '../host/property.ts';
import { SharedText } from '../host/shared-text.ts';
import { Root, Stream } from '../host/stream.ts';
import { compileRouter, RouterProgram } from '../router/program.ts';
import { compileSplitter, SplitterProgram } from '../splitter/program.ts';
import { ChainStream } from './filter.ts';

const ROOT_ID = new Property('plugin_root_id');
const SPLITTER: string = 'modelweir.splitter';

/**
 * The splitter's last good configuration. After a trap the router's filter gets a new machine with its
 * next request; the splitter's, which takes no requests, would not.
 */
const splitterText = new SharedText('modelweir.splitter');

/** How long what a configuration replaced may still complete the other one. */
const GRACE_MS: i32 = 5000;

/** The last good ones of this machine; null until there is one. */
let splitter: SplitterProgram | null = null;
let router: RouterProgram | null = null;

/** Without a configuration nothing has a variant. */
export function splitterProgram(): SplitterProgram {
  const program = splitter;
  if (program !== null) return program;
  const empty = new SplitterProgram();
  splitter = empty;
  return empty;
}

export class ChainRoot extends Root {
  /** Null in the splitter's root. */
  router: RouterProgram | null = null;

  configure(text: string): string {
    const problems = new Problems();
    if (ROOT_ID.get() == SPLITTER) {
      if (configureSplitter(text, problems)) splitterText.set(text);
    } else {
      const program = configureRouter(text, problems);
      if (program !== null) this.router = program;
      if (splitter === null) recoverSplitter();
    }
    if (this.previousIsKept()) setTickMs(GRACE_MS);
    return problems.text();
  }

  /** The grace of what this root's configuration replaced is over. */
  tick(): void {
    setTickMs(0);
    const own = this.router;
    const split = splitter;
    if (own !== null) own.previous = null;
    else if (split !== null) split.previous = null;
  }

  private previousIsKept(): bool {
    const own = this.router;
    const split = splitter;
    return own !== null ? own.previous !== null : split !== null && split.previous !== null;
  }

  createStream(): Stream {
    return new ChainStream(this);
  }
}

/** Null, with the reasons in `problems`, where `text` is not good. */
function configureRouter(text: string, problems: Problems): RouterProgram | null {
  const config = decodeRouterConfig(text, problems);
  if (config === null) return null;
  const program = compileRouter(config, problems);
  if (program === null) return null;
  const before = router;
  if (before !== null) before.previous = null;
  program.previous = before;
  router = program;
  return program;
}

function configureSplitter(text: string, problems: Problems): bool {
  const config = decodeSplitterConfig(text, problems);
  if (config === null) return false;
  const program = compileSplitter(config, problems);
  if (program === null) return false;
  const before = splitter;
  if (before !== null) before.previous = null;
  program.previous = before;
  splitter = program;
  return true;
}

function recoverSplitter(): void {
  const text = splitterText.get();
  if (text.length > 0) configureSplitter(text, new Problems());
}
