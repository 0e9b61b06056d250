/** Puts OpenTelemetry's SDK together: resource, a bounded queue, OTLP over HTTP. Changes are few: all are traced. */
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  type Resource,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
  serviceNameEnvDetector,
} from '@opentelemetry/resources';
import { AlwaysOnSampler, BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { ChangeTracer } from './change-tracer.ts';
import type { Tracing } from './tracing.ts';

const NAME = 'modelweir-control-plane';
const MAX_QUEUE_SPANS = 2048;
const FLUSH_TIMEOUT_MS = 3000;

export function openTracing(version: string, warn: (message: string) => void): Tracing {
  const onMessage = (message: string): void => warn(`traces: ${message}`);
  const nothing = (): void => undefined;
  diag.setLogger(
    { error: onMessage, warn: onMessage, info: nothing, debug: nothing, verbose: nothing },
    DiagLogLevel.WARN,
  );
  const provider = new TracerProvider({
    resource: resourceOf(version),
    sampler: new AlwaysOnSampler(),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter(),
        maxQueueSize: MAX_QUEUE_SPANS,
        scheduledDelayMillis: 1000,
      }),
    ],
  });
  return {
    watcher: new ChangeTracer(provider.getTracer(NAME, version)),
    close: () => flushed(provider.shutdown(), onMessage),
  };
}

/** A collector that hangs holds nobody up. */
async function flushed(end: Promise<void>, onMessage: (message: string) => void): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, FLUSH_TIMEOUT_MS);
  await Promise.race([end.catch((error: unknown) => onMessage(String(error))), late]);
  clearTimeout(timer);
}

/** What the environment says comes last, and so wins. */
function resourceOf(version: string): Resource {
  const own = resourceFromAttributes({ 'service.name': NAME, 'service.version': version });
  const detectors = [
    serviceInstanceIdDetector,
    resourceAttributesEnvDetector,
    serviceNameEnvDetector,
  ];
  return defaultResource().merge(own).merge(detectResources({ detectors }));
}
