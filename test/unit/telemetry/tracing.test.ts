import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { ChangeTracer } from '../../../control-plane/telemetry/change-tracer.ts';
import { Changes } from '../../../control-plane/telemetry/changes.ts';
import { wantsTraces } from '../../../control-plane/telemetry/tracing.ts';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' };

function traced(proxies: number) {
  const exporter = new InMemorySpanExporter();
  const spanProcessors = [new SimpleSpanProcessor({ exporter })];
  const tracer = new TracerProvider({ spanProcessors }).getTracer('test');
  const changes = new Changes([new ChangeTracer(tracer)]);
  const all = (inSync: boolean, nacks: readonly unknown[]) =>
    Array.from({ length: proxies }, (_, i) => ({
      nodeId: `p${i}`,
      connectedAt: 't',
      types: [{ inSync, nacks }],
    }));
  changes.run(
    () => {
      changes.step('build', () => undefined);
      changes.step('publish', () => undefined);
      return true;
    },
    () => all(false, []),
  );
  return { changes, all, spans: () => exporter.getFinishedSpans() };
}

test('one trace says what became of a change, and where its time went', () => {
  const { changes, all, spans } = traced(2);
  changes.observe(all(true, []));
  const found = spans();
  assert.deepEqual(found.map(({ name }) => name).sort(), [
    'answer',
    'answer',
    'build',
    'change',
    'publish',
  ]);
  const root = found.find(({ name }) => name === 'change');
  assert.ok(root !== undefined);
  const { traceId, spanId } = root.spanContext();
  for (const span of found) {
    assert.equal(span.spanContext().traceId, traceId);
    if (span !== root) assert.equal(span.parentSpanContext?.spanId, spanId);
  }
  assert.equal(root.attributes['modelweir.change.outcome'], 'acknowledged');
  assert.equal(root.attributes['modelweir.change.proxies'], 2);
  const nodes = found.map(({ attributes }) => attributes['modelweir.proxy.id']);
  assert.deepEqual(nodes.filter((id) => id !== undefined).sort(), ['p0', 'p1']);
});

test('a thousand proxies make a trace of some spans, and are counted', () => {
  const { changes, all, spans } = traced(1000);
  changes.observe(all(true, []));
  assert.equal(spans().length, 32 + 3);
  const root = spans().find(({ name }) => name === 'change');
  assert.equal(root?.attributes['modelweir.change.proxies'], 1000);
});

test('a refusal marks its own span and the whole trace', () => {
  const { changes, all, spans } = traced(1);
  changes.observe(all(false, ['no']));
  const marked = spans().filter(({ status }) => status.message === 'refused');
  assert.deepEqual(marked.map(({ name }) => name).sort(), ['answer', 'change']);
});

test('there are traces where a collector is named, unless they are turned off', () => {
  const cases: [Record<string, string>, boolean, RegExp?][] = [
    [{}, false],
    [ENDPOINT, true],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://collector/v1/traces' }, true],
    [{ ...ENDPOINT, OTEL_SDK_DISABLED: 'true' }, false],
    [{ ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }, false],
    [{ ...ENDPOINT, OTEL_TRACES_SAMPLER: 'always_off' }, false],
    [{ ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, false, /as http\/protobuf here/],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'user:password@host' }, false, /is no URL of HTTP/],
  ];
  for (const [environment, expected, warning] of cases) {
    const warnings: string[] = [];
    const found = wantsTraces(environment, (message) => warnings.push(message));
    assert.equal(found, expected, JSON.stringify(environment));
    if (warning === undefined) assert.deepEqual(warnings, []);
    else assert.match(warnings.join(), warning);
    assert.doesNotMatch(warnings.join(), /password/);
  }
});
