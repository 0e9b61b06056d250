/**
 * Reads objects from a folder of YAML files and follows its changes. Owns watching, debouncing and
 * the merge of files; must not know what an object means.
 */
import { isDeepStrictEqual } from 'node:util';
import { type FSWatcher, watch } from 'chokidar';
import { type FolderContent, FolderFiles } from './folder-files.ts';
import { FOLDER_DEFAULTS, type FolderOptions } from './folder-options.ts';
import type { RawObject, SourceEvent, SourceProblem } from './object.ts';
import { keyText, ObjectStore } from './object-store.ts';

export class FolderSource {
  private readonly options: Required<FolderOptions>;
  private readonly files: FolderFiles;
  private readonly store = new ObjectStore();
  private readonly listener: (event: SourceEvent) => void;
  private problems: readonly SourceProblem[] | null = null;
  private watchProblem: SourceProblem | null = null;
  private watcher: FSWatcher | null = null;
  private watchedIdentity: string | null = null;
  private timer: NodeJS.Timeout | null = null;
  private dueMs = 0;
  private rescanTimer: NodeJS.Timeout | null = null;
  private scanning: Promise<void> | null = null;
  private dirty = false;
  private closed = false;

  /** `listener` is called with everything whenever something mattered. */
  constructor(options: FolderOptions, listener: (event: SourceEvent) => void) {
    this.options = { ...FOLDER_DEFAULTS, ...options };
    this.files = new FolderFiles(options);
    this.listener = listener;
  }

  /** Resolves after the first event; a folder that is missing is a problem in it, not an error. */
  async start(): Promise<void> {
    this.watch();
    this.rescanTimer = setInterval(() => this.schedule(0), this.options.rescanMs);
    await this.rescan();
  }

  async close(): Promise<void> {
    this.closed = true;
    if (this.timer !== null) clearTimeout(this.timer);
    if (this.rescanTimer !== null) clearInterval(this.rescanTimer);
    await this.watcher?.close();
    await this.scanning;
  }

  private watch(): void {
    const { folder, debounceMs, rescanMs } = this.options;
    const watcher = watch(folder, { depth: 0, ignoreInitial: true, atomic: false });
    this.watcher = watcher;
    // What changed before the watch stood is seen by one more look.
    watcher.on('ready', () => this.schedule(0));
    // 'raw' too: a link that is switched under a file changes no entry that the watcher lists.
    watcher.on('raw', () => this.schedule(debounceMs));
    watcher.on('all', () => this.schedule(debounceMs));
    watcher.on('error', (error) => {
      const reason = `cannot be watched (${error}): read every ${rescanMs} ms instead`;
      this.watchProblem = { file: folder, line: 0, reason };
    });
  }

  /** Looks at the folder in `delayMs`, or earlier where that is arranged already. */
  private schedule(delayMs: number): void {
    const dueMs = performance.now() + delayMs;
    if (this.closed || (this.timer !== null && this.dueMs <= dueMs)) return;
    if (this.timer !== null) clearTimeout(this.timer);
    this.dueMs = dueMs;
    this.timer = setTimeout(() => {
      this.timer = null;
      void this.rescan();
    }, delayMs);
  }

  /** One scan at a time; whoever asks during one gets another after it. */
  private rescan(): Promise<void> {
    this.dirty = true;
    this.scanning ??= this.scanWhileDirty().finally(() => {
      this.scanning = null;
    });
    return this.scanning;
  }

  private async scanWhileDirty(): Promise<void> {
    while (this.dirty && !this.closed) {
      this.dirty = false;
      await this.scan();
    }
  }

  private async scan(): Promise<void> {
    const content = await this.files.scan(performance.now());
    if (this.closed) return;
    if (content.identity !== null && content.identity !== this.watchedIdentity) {
      const replaced = this.watchedIdentity !== null;
      this.watchedIdentity = content.identity;
      if (replaced) {
        await this.watcher?.close();
        if (!this.closed) this.watch();
      }
    }
    if (content.unsettled) this.schedule(this.options.settleMs);
    this.publish(content);
  }

  private publish(content: FolderContent): void {
    const { objects, problems } = merge(content, this.options.maxObjects);
    if (this.watchProblem !== null) problems.push(this.watchProblem);
    const mattered = this.store.replace(objects);
    if (!mattered && isDeepStrictEqual(problems, this.problems)) return;
    this.problems = problems;
    this.listener({ objects: this.store.list(), problems });
  }
}

/** Reads the folder once, without watching it. */
export async function readFolder(options: FolderOptions): Promise<SourceEvent> {
  const { maxObjects } = { ...FOLDER_DEFAULTS, ...options };
  const { objects, problems } = merge(await new FolderFiles(options).scan(0), maxObjects);
  const store = new ObjectStore();
  store.replace(objects);
  return { objects: store.list(), problems };
}

/** One list out of all files: of two objects with one name the first counts. */
function merge(content: FolderContent, maxObjects: number) {
  const objects = new Map<string, RawObject>();
  const problems = [...content.problems];
  for (const file of content.files) {
    problems.push(...file.problems);
    for (const object of file.objects) {
      const { origin } = object;
      const first = objects.get(keyText(object));
      if (first !== undefined) {
        const name = `${object.kind} ${object.namespace}/${object.name}`;
        const place = `${first.origin.file}:${first.origin.line}`;
        const reason = `${name} is already in ${place}, which counts: remove one of them`;
        problems.push({ file: origin.file, line: origin.line, reason });
      } else if (objects.size < maxObjects) {
        objects.set(keyText(object), object);
      } else {
        const reason = `more than ${maxObjects} objects: the rest of the folder is left out; raise --max-objects`;
        problems.push({ file: origin.file, line: origin.line, reason });
        return { objects: [...objects.values()], problems };
      }
    }
  }
  return { objects: [...objects.values()], problems };
}
