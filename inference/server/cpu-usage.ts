import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

const MIN_INTERVAL_MS = 1000;
/** Of a container, as it sees itself: "QUOTA PERIOD" in microseconds, or "max PERIOD". */
const QUOTA_FILE = '/sys/fs/cgroup/cpu.max';

/** The share of the CPU time that the process may use which it and all its threads did use. */
export class CpuUsage {
  readonly #cpus: number;
  #utilization: number | undefined;
  #last = process.cpuUsage();
  #atMs: number;

  constructor(nowMs: number, cpus = allowedCpus()) {
    this.#atMs = nowMs;
    this.#cpus = cpus;
  }

  /** Of the latest second or more between two calls; undefined before the first is over. */
  at(nowMs: number): number | undefined {
    const elapsedMs = nowMs - this.#atMs;
    if (elapsedMs >= MIN_INTERVAL_MS) {
      const { user, system } = process.cpuUsage(this.#last);
      this.#utilization = (user + system) / 1000 / elapsedMs / this.#cpus;
      this.#last = process.cpuUsage();
      this.#atMs = nowMs;
    }
    return this.#utilization;
  }
}

function allowedCpus(): number {
  let text = '';
  try {
    text = readFileSync(QUOTA_FILE, 'utf8');
  } catch {
    // Not Linux, no cgroup v2, or the root of it.
  }
  return Math.min(availableParallelism(), cpusOfQuota(text));
}

/** Exported for its tests: CPUs that a `cpu.max` allows; infinite when it sets no limit. */
export function cpusOfQuota(text: string): number {
  const [quota, period] = text.split(' ').map(Number);
  const cpus = (quota ?? Number.NaN) / (period ?? Number.NaN);
  return cpus > 0 ? cpus : Number.POSITIVE_INFINITY;
}
