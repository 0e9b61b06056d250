/** What a server and the processes that it started use together. */
import { readdir, readFile } from 'node:fs/promises';
import { cpuSeconds } from '../pinning.ts';

/** CPU seconds used so far. */
export async function treeCpuSeconds(pid: number): Promise<number> {
  return sum(await Promise.all((await treeOf(pid)).map(cpuSeconds)));
}

/** Memory that is resident, shared pages of each process included. */
export async function residentBytes(pid: number): Promise<number> {
  return sum(await Promise.all((await treeOf(pid)).map(residentBytesOf)));
}

async function treeOf(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`);
  const files = threads.map((thread) => `/proc/${pid}/task/${thread}/children`);
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  const children = texts.flatMap((text) => text.split(' ').filter(Boolean).map(Number));
  return [pid, ...(await Promise.all(children.map(treeOf))).flat()];
}

async function residentBytesOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
