import { allowedCpus } from '../runtime/cpu-limit.ts';

const MIN_INTERVAL_MS = 1000;

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
