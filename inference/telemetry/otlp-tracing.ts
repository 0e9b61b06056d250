/** Puts OpenTelemetry's SDK together: resource, sampler, a bounded queue, OTLP over HTTP. */
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
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { InferTracer } from './infer-tracer.ts';
import type { SamplerName, TraceSettings } from './trace-settings.ts';
import type { Tracing } from './tracing.ts';

export function openTracing(
  settings: TraceSettings,
  podVersion: string,
  warn: (message: string) => void,
): Tracing {
  const onMessage = (message: string): void => warn(`traces: ${message}`);
  const nothing = (): void => undefined;
  diag.setLogger(
    { error: onMessage, warn: onMessage, info: nothing, debug: nothing, verbose: nothing },
    DiagLogLevel.WARN,
  );
  const processor = new BatchSpanProcessor({
    exporter: new OTLPTraceExporter(),
    maxQueueSize: settings.maxQueueSpans,
    maxExportBatchSize: settings.maxBatchSpans,
    scheduledDelayMillis: settings.scheduleDelayMs,
    exportTimeoutMillis: settings.exportTimeoutMs,
  });
  const provider = new TracerProvider({
    resource: resourceOf(podVersion),
    sampler: samplerOf(settings.sampler, settings.ratio),
    spanProcessors: [processor],
  });
  return {
    watcher: new InferTracer(provider.getTracer('modelweir-inference', podVersion)),
    close: () => provider.shutdown().catch((error) => onMessage(String(error))),
  };
}

/** What the environment says comes last, and so wins. */
function resourceOf(podVersion: string): Resource {
  const own = resourceFromAttributes({
    'service.name': 'modelweir-inference',
    'service.version': podVersion,
  });
  const detectors = [
    serviceInstanceIdDetector,
    resourceAttributesEnvDetector,
    serviceNameEnvDetector,
  ];
  return defaultResource().merge(own).merge(detectResources({ detectors }));
}

function samplerOf(name: SamplerName, ratio: number): Sampler {
  const root = rootSampler(name.replace('parentbased_', ''), ratio);
  return name.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root;
}

function rootSampler(name: string, ratio: number): Sampler {
  if (name === 'always_on') return new AlwaysOnSampler();
  return name === 'always_off' ? new AlwaysOffSampler() : new TraceIdRatioBasedSampler(ratio);
}
