import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Of a container, as it sees itself: "QUOTA PERIOD" in microseconds, or "max PERIOD". */
const QUOTA_FILE = '/sys/fs/cgroup/cpu.max';
/** The same before cgroup v2, in a file each; a quota of -1 is no limit. */
const OLD_QUOTA_FILE = '/sys/fs/cgroup/cpu/cpu.cfs_quota_us';
const OLD_PERIOD_FILE = '/sys/fs/cgroup/cpu/cpu.cfs_period_us';

/** More workers for each model are asked for by hand: each has its own copy of it. */
const MAX_AUTO_WORKERS = 4;

/**
 * CPUs that this process may keep busy, as its container's limit and its affinity have it; may be a fraction.
 */
export function allowedCpus(read: (file: string) => string = readText): number {
  const quota = read(QUOTA_FILE) || `${read(OLD_QUOTA_FILE)} ${read(OLD_PERIOD_FILE)}`;
  return Math.min(availableParallelism(), cpusOfQuota(quota));
}

/** CPUs that a `cpu.max` allows; infinite when it sets no limit. */
export function cpusOfQuota(text: string): number {
  const [quota, period] = text.split(/\s+/).map(Number);
  const cpus = (quota ?? Number.NaN) / (period ?? Number.NaN);
  return cpus > 0 ? cpus : Number.POSITIVE_INFINITY;
}

/** Workers for each model: one CPU is left for the thread that reads and writes requests. */
export function autoWorkers(cpus: number): number {
  return Math.max(1, Math.min(MAX_AUTO_WORKERS, Math.floor(cpus) - 1));
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    // Not Linux, the other version of cgroups, or the root of it.
    return '';
  }
}
