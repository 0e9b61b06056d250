import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  readTraceSettings,
  type TraceSettings,
} from '../../../inference/telemetry/trace-settings.ts';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

function read(environment: Record<string, string>): [TraceSettings | undefined, string[]] {
  const warnings: string[] = [];
  return [readTraceSettings(environment, (message) => warnings.push(message)), warnings];
}

describe('traces are off', () => {
  const cases: [string, Record<string, string>, RegExp | undefined][] = [
    ['without an endpoint', {}, undefined],
    ['with an empty endpoint', { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }, undefined],
    ['when the SDK is disabled', { ...ENDPOINT, OTEL_SDK_DISABLED: 'TRUE' }, undefined],
    ['when no exporter is wanted', { ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }, undefined],
    [
      'with an endpoint that is no URL, with a warning',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector' },
      /the OTLP endpoint "collector" is no URL/,
    ],
    [
      'when they are to go over gRPC, with a warning',
      { ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
      /http\/protobuf here, not as grpc/,
    ],
  ];
  for (const [name, environment, warning] of cases) {
    test(name, () => {
      const [settings, warnings] = read(environment);
      assert.equal(settings, undefined);
      if (warning) assert.match(warnings.join(), warning);
      else assert.deepEqual(warnings, []);
    });
  }
});

describe('settings', () => {
  test("are the specification's own where nothing is said", () => {
    assert.deepEqual(read(ENDPOINT), [
      {
        sampler: 'parentbased_always_on',
        ratio: 1,
        maxQueueSpans: 2048,
        maxBatchSpans: 512,
        scheduleDelayMs: 5000,
        exportTimeoutMs: 30_000,
      },
      [],
    ]);
  });

  test('are read from the environment, an endpoint for traces alone included', () => {
    const [settings, warnings] = read({
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/v1/traces',
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
      OTEL_BSP_MAX_QUEUE_SIZE: '100',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '200',
      OTEL_BSP_SCHEDULE_DELAY: '10',
      OTEL_BSP_EXPORT_TIMEOUT: '20',
    });
    assert.deepEqual(warnings, []);
    assert.deepEqual(settings, {
      sampler: 'traceidratio',
      ratio: 0.25,
      maxQueueSpans: 100,
      maxBatchSpans: 100,
      scheduleDelayMs: 10,
      exportTimeoutMs: 20,
    });
  });

  test('that mean nothing are told, and taken for none', () => {
    const [settings, warnings] = read({
      ...ENDPOINT,
      OTEL_TRACES_SAMPLER: 'sometimes',
      OTEL_TRACES_SAMPLER_ARG: '7',
      OTEL_BSP_MAX_QUEUE_SIZE: '-1',
    });
    assert.equal(settings?.sampler, 'parentbased_always_on');
    assert.deepEqual([settings?.ratio, settings?.maxQueueSpans], [1, 2048]);
    assert.equal(warnings.length, 3);
  });
});
