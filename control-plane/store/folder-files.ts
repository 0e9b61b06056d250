/**
 * The YAML files of one folder as they count now. A file that shrinks, breaks or goes away is believed
 * only when it has stayed so for a while: it may be half written, or about to be renamed into place.
 */
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FOLDER_DEFAULTS, type FolderOptions } from './folder-options.ts';
import type { RawObject, SourceProblem } from './object.ts';
import { keyText } from './object-store.ts';
import { type FileContent, readYaml } from './yaml-file.ts';

interface FileState {
  /** What was last believed: changes with every write. */
  signature: string;
  content: FileContent;
  /** A change that is not believed yet. */
  doubt: { readonly signature: string; readonly sinceMs: number } | null;
}

export interface FolderContent {
  /** In the order of the files' names. */
  readonly files: readonly FileContent[];
  readonly problems: readonly SourceProblem[];
  /** Changes when the folder is replaced by another one; null where there is none. */
  readonly identity: string | null;
  /** Whether to look again soon, since some file is in doubt. */
  readonly unsettled: boolean;
}

const GONE = 'gone';

export class FolderFiles {
  private readonly options: Required<FolderOptions>;
  private readonly states = new Map<string, FileState>();

  constructor(options: FolderOptions) {
    this.options = { ...FOLDER_DEFAULTS, ...options };
  }

  /** `nowMs` is any clock that only moves forward. Never throws. */
  async scan(nowMs: number): Promise<FolderContent> {
    const problems: SourceProblem[] = [];
    const listing = await this.listing();
    if (typeof listing === 'string') {
      const kept = this.states.size > 0 ? '; what was read last keeps counting' : '';
      problems.push({ file: this.options.folder, line: 0, reason: `${listing}${kept}` });
      return this.content(problems, null);
    }
    const names = listing.names.slice(0, this.options.maxFiles);
    if (names.length < listing.names.length) {
      const reason = `has ${listing.names.length} YAML files, at most ${names.length} are read; raise --max-files`;
      problems.push({ file: this.options.folder, line: 0, reason });
    }
    for (const name of names) await this.refresh(name, nowMs);
    const present = new Set(names);
    for (const name of [...this.states.keys()]) {
      if (!present.has(name)) this.vanish(name, nowMs);
    }
    return this.content(problems, listing.identity);
  }

  private async listing(): Promise<{ names: string[]; identity: string } | string> {
    try {
      const { dev, ino } = await stat(this.options.folder);
      const names = await readdir(this.options.folder);
      const isYaml = (name: string) => /\.ya?ml$/.test(name) && !name.startsWith('.');
      return { names: names.filter(isYaml).sort(), identity: `${dev}:${ino}` };
    } catch (error) {
      return `the folder cannot be read (${codeOf(error)})`;
    }
  }

  private content(problems: SourceProblem[], identity: string | null): FolderContent {
    const states = [...this.states.entries()]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([, state]) => state);
    return {
      files: states.map(({ content }) => content),
      problems,
      identity,
      unsettled: identity !== null && states.some(({ doubt }) => doubt !== null),
    };
  }

  private async refresh(name: string, nowMs: number): Promise<void> {
    const file = join(this.options.folder, name);
    const before = this.states.get(name);
    const read = await readBounded(file, this.options.maxFileBytes, before?.signature);
    if (read === 'unchanged') {
      if (before !== undefined) before.doubt = null;
    } else if (read === 'not a file') {
      this.vanish(name, nowMs);
    } else {
      const content =
        'text' in read
          ? readYaml(file, read.text)
          : { objects: [], problems: [{ file, line: 0, reason: read.reason }] };
      const suspect =
        before !== undefined &&
        (content.problems.length > 0 ||
          content.objects.length < before.content.objects.length ||
          ('text' in read && !read.text.endsWith('\n')));
      if (suspect && !this.isSettled(before, read.signature, nowMs)) return;
      const { signature } = read;
      this.states.set(name, { signature, content: withFormer(content, before), doubt: null });
    }
  }

  private vanish(name: string, nowMs: number): void {
    const state = this.states.get(name);
    if (state !== undefined && this.isSettled(state, GONE, nowMs)) this.states.delete(name);
  }

  /** Whether the file has looked like this for long enough; if not, it is in doubt from now on. */
  private isSettled(state: FileState, signature: string, nowMs: number): boolean {
    if (state.doubt?.signature !== signature) state.doubt = { signature, sinceMs: nowMs };
    return nowMs - state.doubt.sinceMs >= this.options.settleMs;
  }
}

/**
 * A file that cannot be read as a whole says nothing about objects that it held before: one of them
 * may be what could not be read.
 */
function withFormer(content: FileContent, before: FileState | undefined): FileContent {
  if (content.problems.length === 0 || before === undefined) return content;
  const read = new Set(content.objects.map(keyText));
  const kept: RawObject[] = before.content.objects.filter((object) => !read.has(keyText(object)));
  return { objects: [...content.objects, ...kept], problems: content.problems };
}

type Read =
  | { readonly signature: string; readonly text: string }
  | { readonly signature: string; readonly reason: string };

async function readBounded(
  file: string,
  maxBytes: number,
  known: string | undefined,
): Promise<Read | 'unchanged' | 'not a file'> {
  try {
    const stats = await stat(file, { bigint: true });
    if (!stats.isFile()) return 'not a file';
    const { size, mtimeNs, ctimeNs, ino } = stats;
    const signature = `${ino}:${size}:${mtimeNs}:${ctimeNs}`;
    if (signature === known) return 'unchanged';
    const tooBig = {
      signature,
      reason: `has more than ${maxBytes} bytes: split it, or raise --max-file-bytes`,
    };
    if (size > maxBytes) return tooBig;
    await using handle = await open(file);
    const buffer = Buffer.alloc(Number(size) + 1);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
    const text = new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, bytesRead));
    return { signature, text };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 'not a file';
    const encoding = codeOf(error) === 'ERR_ENCODING_INVALID_ENCODED_DATA';
    const reason = encoding ? 'is not UTF-8 text' : `cannot be read (${codeOf(error)})`;
    return { signature: reason, reason };
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
