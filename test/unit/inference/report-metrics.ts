import assert from 'node:assert/strict';

type Metric =
  | 'application_utilization'
  | 'cpu_utilization'
  | 'rps_fractional'
  | 'eps'
  | 'named_metrics.utilization'
  | 'named_metrics.queue_rows';

/** The metrics of a load report by name. */
export function metricsOf(text: string): Readonly<Partial<Record<Metric, number>>> {
  assert.match(text, /^TEXT /);
  const pairs = text
    .slice('TEXT '.length)
    .split(',')
    .map((pair) => pair.split('='));
  return Object.fromEntries(pairs.map(([name, value]) => [name, Number(value)]));
}
