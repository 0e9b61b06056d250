import { performance } from 'node:perf_hooks';
import { DecayingLevel, DecayingRate } from '../runtime/decaying.ts';
import { LOAD_WINDOW_MS } from '../runtime/model-load.ts';
import type { ModelRunner } from '../runtime/model-runner.ts';
import { CpuUsage } from './cpu-usage.ts';

/** Envoy's name for the ORCA load report in an answer. */
export const LOAD_REPORT_HEADER = 'endpoint-load-metrics';
/** A report is written anew at most so often, however many answers carry it. */
const MAX_AGE_MS = 5;
/** Said instead of a rate of 0, because Envoy ignores such a report. */
const LEAST_RATE = 0.000_001;
/** Load that a request counts for at least: what idle pods do beside requests must not weigh them. */
const LEAST_LOAD_PER_RATE = 0.000_01;

/**
 * What the pod tells proxies of its load: one report for all its models, because a proxy keeps one weight
 * for an endpoint and takes it from whichever answer came last.
 */
export class LoadReport {
  readonly #runners: () => Iterable<Pick<ModelRunner, 'load' | 'queuedRows'>>;
  readonly #failed: DecayingRate;
  readonly #eventLoop: DecayingLevel;
  readonly #cpu: CpuUsage;
  #loopTimes = performance.eventLoopUtilization();
  #text = '';
  #writtenMs = Number.NEGATIVE_INFINITY;

  /** `runners` are those of the models that are served at the moment. */
  constructor(
    runners: () => Iterable<Pick<ModelRunner, 'load' | 'queuedRows'>>,
    nowMs = performance.now(),
  ) {
    this.#runners = runners;
    this.#failed = new DecayingRate(LOAD_WINDOW_MS, nowMs);
    this.#eventLoop = new DecayingLevel(LOAD_WINDOW_MS, nowMs);
    this.#cpu = new CpuUsage(nowMs);
  }

  /** A request that the pod should have answered and did not. */
  countFailed(nowMs = performance.now()): void {
    this.#failed.add(1, nowMs, nowMs);
  }

  /** The header's value. */
  text(nowMs = performance.now()): string {
    if (nowMs - this.#writtenMs >= MAX_AGE_MS) {
      this.#text = this.#write(nowMs);
      this.#writtenMs = nowMs;
    }
    return this.#text;
  }

  #write(nowMs: number): string {
    let utilization = this.#eventLoopAt(nowMs);
    let servedPerSecond = 0;
    let queuedRows = 0;
    for (const { load, queuedRows: rows } of this.#runners()) {
      utilization = Math.max(utilization, load.utilization(nowMs));
      servedPerSecond += load.servedPerSecond(nowMs);
      queuedRows += rows;
    }
    const failedPerSecond = this.#failed.at(nowMs);
    const cpu = this.#cpu.at(nowMs);
    return reportText({ utilization, servedPerSecond, failedPerSecond, queuedRows, cpu });
  }

  /** Models that run in microseconds are bound by the thread that reads and writes their JSON. */
  #eventLoopAt(nowMs: number): number {
    const times = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(times, this.#loopTimes);
    this.#loopTimes = times;
    this.#eventLoop.setPast(utilization, nowMs);
    return this.#eventLoop.at(nowMs);
  }
}

export interface Load {
  /** 1: as busy as it can be; more: requests wait as well. */
  readonly utilization: number;
  readonly servedPerSecond: number;
  readonly failedPerSecond: number;
  readonly queuedRows: number;
  /** Share of the CPU time, if it is known. */
  readonly cpu: number | undefined;
}

/**
 * Envoy's weight is the rate divided by `application_utilization`, so endpoints settle where the latter is
 * equal, and so is its root. It is a square because requests that share runs and system calls cost less
 * each: by the utilization itself, a pod that others keep busy would pass for one that can do more.
 */
export function reportText(load: Load): string {
  // Only what was served: a pod that refuses fast must not look like one that serves fast.
  const rate = Math.max(load.servedPerSecond, LEAST_RATE);
  const squared = Math.max(load.utilization ** 2, rate * LEAST_LOAD_PER_RATE);
  return [
    `TEXT application_utilization=${short(squared)}`,
    ...(load.cpu === undefined ? [] : [`cpu_utilization=${short(load.cpu)}`]),
    `rps_fractional=${short(rate)}`,
    `eps=${short(load.failedPerSecond)}`,
    `named_metrics.utilization=${short(load.utilization)}`,
    `named_metrics.queue_rows=${load.queuedRows}`,
  ].join(',');
}

function short(value: number): string {
  return value.toPrecision(4);
}
