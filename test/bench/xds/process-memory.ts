/** Resident memory of a process, in bytes: now, and the most that it ever was. Linux. */
import { readFile } from 'node:fs/promises';

export interface ProcessMemory {
  readonly residentBytes: number;
  readonly peakBytes: number;
}

export async function processMemory(pid: number): Promise<ProcessMemory> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const bytesOf = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
  return { residentBytes: bytesOf('VmRSS'), peakBytes: bytesOf('VmHWM') };
}
