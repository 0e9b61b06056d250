/**
 * Who runs on which core, and how much of it they used. What is measured gets the first core for itself,
 * everything else (load generator, trivial backend, control plane) shares the second.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';

export const MEASURED_CORE = 0;
export const OTHER_CORE = 1;

const run = promisify(execFile);
let ticksPerSecond = 0;

/** Moves a process with all of its threads to one core. Needs `taskset` (util-linux). */
export async function pin(pid: number, core: number): Promise<void> {
  if (availableParallelism() < 2 && core !== MEASURED_CORE) return;
  await run('taskset', ['--all-tasks', '--cpu-list', '--pid', String(core), String(pid)]);
}

export async function pinSelf(): Promise<void> {
  const { stdout } = await run('getconf', ['CLK_TCK']);
  ticksPerSecond = Number(stdout);
  await pin(process.pid, OTHER_CORE);
}

/** CPU seconds, user and system, that a process has used so far. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // Fields 14 and 15; the name in field 2 may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
