/** What a process uses, and what others take from it. Linux. */
import { readFile } from 'node:fs/promises';
import { cpuSeconds } from '../pinning.ts';

export interface ProcessMemory {
  readonly residentBytes: number;
  /** The most that it ever was. */
  readonly peakBytes: number;
}

export async function processMemory(pid: number): Promise<ProcessMemory> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const bytesOf = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
  return { residentBytes: bytesOf('VmRSS'), peakBytes: bytesOf('VmHWM') };
}

/** CPU seconds so far. */
export interface CpuUse {
  readonly server: number;
  readonly proxies: number;
  /** Of everything but the server on the server's core: while they run, it waits. */
  readonly others: number;
}

export async function cpuUse(server: number, proxies: number, core: number): Promise<CpuUse> {
  const own = await cpuSeconds(server);
  return {
    server: own,
    proxies: await cpuSeconds(proxies),
    others: (await coreSeconds(core)) - own,
  };
}

const TICKS_PER_SECOND = 100;

/** That a core spent in processes: user, nice and system. */
async function coreSeconds(core: number): Promise<number> {
  const stat = await readFile('/proc/stat', 'utf8');
  const fields = new RegExp(`^cpu${core} (\\d+) (\\d+) (\\d+) `, 'm').exec(stat) ?? [];
  return fields.slice(1).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND;
}
