/** What a pod's load report says, at times that the tests choose. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cpusOfQuota } from '../../../inference/runtime/cpu-limit.ts';
import { ModelLoad } from '../../../inference/runtime/model-load.ts';
import { type Load, LoadReport, reportText } from '../../../inference/server/load-report.ts';
import { metricsOf } from './report-metrics.ts';

interface FakeRunner {
  readonly load: ModelLoad;
  queuedRows: number;
}

function runner(): FakeRunner {
  return { load: new ModelLoad(8, 0), queuedRows: 0 };
}

describe('a load report', () => {
  test('sums the answers and what waits over the models, and says how busy the busiest is', () => {
    const [idle, busy] = [runner(), runner()];
    const report = new LoadReport(() => [idle, busy], 0);
    idle.load.countServed(5, 0, 10);
    idle.queuedRows = 3;
    busy.load.set(1, 1, 8, 0);
    busy.load.countServed(5, 0, 10);
    busy.queuedRows = 8;
    const metrics = metricsOf(report.text(100_000));
    assert.equal(metrics['named_metrics.queue_rows'], 11);
    assert.equal(metrics['named_metrics.utilization'], 1.5);
    assert.equal(metrics.application_utilization, 2.25);
    assert.equal(metrics.rps_fractional, 0.000001, 'so long ago that nothing is left');
    assert.equal(metrics.eps, 0);
  });

  test('counts failures apart from what was served', () => {
    const one = runner();
    const report = new LoadReport(() => [one], 0);
    one.load.countServed(4, 1000, 1000);
    report.countFailed(1000);
    report.countFailed(1000);
    const { rps_fractional, eps } = metricsOf(report.text(1000));
    assert.equal(Math.round(Number(rps_fractional)), 4);
    assert.equal(Math.round(Number(eps)), 2);
  });

  test('is written anew at most every 5 ms', () => {
    const one = runner();
    const report = new LoadReport(() => [one], 0);
    const first = report.text(100);
    one.queuedRows = 7;
    assert.equal(report.text(104), first);
    assert.equal(metricsOf(report.text(105))['named_metrics.queue_rows'], 7);
  });

  test('has the CPU time from the second second on', () => {
    const report = new LoadReport(() => [runner()], 0);
    assert.equal(metricsOf(report.text(999)).cpu_utilization, undefined);
    assert.ok(Number(metricsOf(report.text(1100)).cpu_utilization) >= 0);
  });
});

describe('the weight that Envoy makes of a report', () => {
  const idle: Load = {
    utilization: 0,
    servedPerSecond: 0,
    failedPerSecond: 0,
    queuedRows: 0,
    cpu: undefined,
  };
  const weightOf = (load: Partial<Load>): number => {
    const metrics = metricsOf(reportText({ ...idle, ...load }));
    const [rate, errors] = [Number(metrics.rps_fractional), Number(metrics.eps)];
    assert.ok(rate > 0 && Number(metrics.application_utilization) > 0, 'Envoy refuses 0');
    return rate / (Number(metrics.application_utilization) + errors / rate);
  };
  const near = (actual: number, expected: number): void =>
    assert.ok(Math.abs(actual - expected) < 0.01 * expected, `${actual}, not ${expected}`);

  test('is the same for idle pods, whatever they do beside requests', () => {
    near(weightOf({}), 100_000);
    near(weightOf({ servedPerSecond: 2, utilization: 0.001 }), 100_000);
    near(weightOf({ servedPerSecond: 200, utilization: 0.03 }), 100_000);
  });

  test('is less for a pod that does twice as much of the same at twice the utilization', () => {
    near(weightOf({ servedPerSecond: 100, utilization: 0.4 }), 625);
    near(weightOf({ servedPerSecond: 200, utilization: 0.8 }), 312.5);
  });

  test('is less for a pod that refuses, the less the faster it does', () => {
    const busy = { servedPerSecond: 100, utilization: 1 };
    near(weightOf(busy), 100);
    near(weightOf({ ...busy, failedPerSecond: 100 }), 50);
    near(weightOf({ ...busy, failedPerSecond: 900 }), 10);
    assert.ok(weightOf({ failedPerSecond: 5 }) < 1);
  });
});

describe('the CPUs of a container', () => {
  const cases: [string, number][] = [
    ['50000 100000\n', 0.5],
    ['200000 100000\n', 2],
    ['max 100000\n', Number.POSITIVE_INFINITY],
    ['', Number.POSITIVE_INFINITY],
    ['nonsense', Number.POSITIVE_INFINITY],
  ];
  for (const [text, cpus] of cases) {
    test(`are ${cpus} for ${JSON.stringify(text)}`, () => assert.equal(cpusOfQuota(text), cpus));
  }
});
