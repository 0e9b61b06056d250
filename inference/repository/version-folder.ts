/** Looks at the folder of one version: what its files are, whether they changed, and whether they may be read. */
import { readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';

export interface FolderState {
  /** Differs whenever a file came, went or was written. */
  readonly stamp: string;
  /** When a file last changed, in milliseconds since the epoch. */
  readonly changedMs: number;
  /** Why it must not be loaded; '' if it may. */
  readonly problem: string;
}

const MAX_FILES = 10_000;
const MAX_DEPTH = 4;

/**
 * The state of a file or of a folder with all that is in it. Links are followed, since mounted volumes are
 * made of them, but not out of `root`, which is a real path.
 * @throws Error of the file system, say when a file vanishes meanwhile.
 */
export async function stateOf(target: string, root: string): Promise<FolderState> {
  const files: string[] = [];
  let changedMs = 0;
  let problem = '';
  const visit = async (file: string, depth: number): Promise<void> => {
    if (files.length >= MAX_FILES || depth > MAX_DEPTH) {
      problem = `has more than ${MAX_FILES} files, or folders more than ${MAX_DEPTH} deep`;
      return;
    }
    const real = await realpath(file);
    if (!isInside(real, root)) {
      problem = `${path.relative(path.dirname(target), file)} is a link out of the repository`;
      return;
    }
    const found = await stat(real);
    if (found.isDirectory()) {
      for (const name of (await readdir(real)).sort()) {
        // Not of the model: what copying tools write first, and where mounted volumes keep their files.
        if (!name.startsWith('.')) await visit(path.join(file, name), depth + 1);
      }
      return;
    }
    changedMs = Math.max(changedMs, found.mtimeMs, found.ctimeMs);
    files.push(`${file}:${found.size}:${found.mtimeMs}:${found.ino}`);
  };
  await visit(target, 0);
  return { stamp: files.join('\n'), changedMs, problem };
}

export function isInside(file: string, root: string): boolean {
  return file === root || file.startsWith(root.endsWith(path.sep) ? root : root + path.sep);
}
