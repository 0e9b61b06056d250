/** The quickstart as a user runs it, and what it left behind. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Child } from '../../../control-plane/cli/quickstart/child.ts';
import { repositoryRoot } from '../../../control-plane/cli/quickstart/places.ts';
import { isAlive, until } from './waiting.ts';

const MARK = 'QUICKSTART_TEST';

export interface Quickstart {
  readonly child: Child;
  /** Everything that it has written so far. */
  output(): string;
  /** Processes that it started and that still run. */
  processes(): readonly number[];
  /** Files and folders that it has in its folder for temporary files. */
  files(): readonly string[];
}

/** Starts it with a folder of its own for temporary files; it is gone when the test is. */
export function startQuickstart(
  t: TestContext,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Quickstart {
  const folder = mkdtempSync(join(tmpdir(), 'quickstart-test-'));
  const child = new Child({
    name: 'quickstart',
    command: process.execPath,
    args: [join(repositoryRoot, 'control-plane', 'main.ts'), 'quickstart', ...args],
    env: { TMPDIR: folder, [MARK]: folder, ...env },
    stopTimeoutMs: 20_000,
  });
  t.after(async () => {
    await child.stop();
    await until('its processes are gone', () => markedProcesses(folder).length === 0);
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    child,
    output: () => child.log.lines.join('\n'),
    processes: () => markedProcesses(folder).filter((pid) => pid !== child.pid),
    files: () => (existsSync(folder) ? readdirSync(folder) : []),
  };
}

/** Processes that have inherited the mark: all that the quickstart started, however deep. */
function markedProcesses(folder: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => environmentOf(pid).includes(`${MARK}=${folder}`) && isAlive(pid));
}

function environmentOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
  } catch {
    return [];
  }
}
