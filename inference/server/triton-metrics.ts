/** What Triton counts too, under names that end as Triton's do, read from the models' statistics when asked. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { ServedModel } from '../runtime/model-catalog.ts';
import type { ModelStatisticsReport } from '../runtime/model-statistics.ts';
import { FAILURE_REASONS, type FailureCounts } from './failure-counts.ts';

interface Series {
  readonly ending: string;
  readonly help: string;
  readonly value: (report: ModelStatisticsReport) => number;
}

const SERIES: readonly Series[] = [
  {
    ending: 'request_success',
    help: 'Infer requests that were answered.',
    value: ({ inference_stats }) => inference_stats.success.count,
  },
  {
    ending: 'count',
    help: 'Rows that were answered.',
    value: ({ inference_count }) => inference_count,
  },
  {
    ending: 'exec_count',
    help: 'Runs of the model.',
    value: ({ execution_count }) => execution_count,
  },
  duration('request', 'success', 'From the arrival of requests to their answers'),
  duration('queue', 'queue', 'That requests waited to be run'),
  duration('compute_input', 'compute_input', 'To join the inputs of runs'),
  duration('compute_infer', 'compute_infer', 'Of the model itself'),
  duration('compute_output', 'compute_output', 'To take the outputs of runs apart'),
];

/** `prefix` is `nv_inference_` for Triton's own names. */
export function addTritonMetrics(
  registry: Registry,
  prefix: string,
  models: () => readonly ServedModel[],
  failures: FailureCounts,
): void {
  const registers = [registry];
  const labelNames = ['model', 'version'] as const;
  for (const { ending, help, value } of SERIES) {
    const name = prefix + ending;
    new Counter({
      ...{ name, help, labelNames, registers },
      collect() {
        this.reset();
        for (const { metadata, statistics } of models()) {
          const { name: model, version } = metadata;
          this.inc({ model, version }, value(statistics.report(model, version)));
        }
      },
    });
  }
  new Gauge({
    name: `${prefix}pending_request_count`,
    help: 'Infer requests that wait to be run.',
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const { metadata, runner } of models()) {
        this.set({ model: metadata.name, version: metadata.version }, runner.queuedRequests);
      }
    },
  });
  new Counter({
    name: `${prefix}request_failure`,
    help: 'Infer requests that were not answered, by reason.',
    labelNames: [...labelNames, 'reason'],
    registers,
    collect() {
      this.reset();
      for (const { metadata } of models()) {
        const { name: model, version } = metadata;
        for (const reason of FAILURE_REASONS) {
          this.inc({ model, version, reason }, failures.of(model, version, reason));
        }
      }
    },
  });
}

function duration(
  ending: string,
  statistic: keyof ModelStatisticsReport['inference_stats'],
  help: string,
): Series {
  return {
    ending: `${ending}_duration_us`,
    help: `${help}, in microseconds, summed over answered requests.`,
    value: ({ inference_stats }) => Math.round(inference_stats[statistic].ns / 1000),
  };
}
