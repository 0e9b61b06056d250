/** The environment variables that OpenTelemetry defines, as far as a pod that sends traces has use for them. */

export interface TraceSettings {
  readonly sampler: SamplerName;
  /** Of the ratio samplers: from 0 to 1. */
  readonly ratio: number;
  readonly maxQueueSpans: number;
  readonly maxBatchSpans: number;
  readonly scheduleDelayMs: number;
  readonly exportTimeoutMs: number;
}

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
export type SamplerName = (typeof SAMPLERS)[number];

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Undefined: no traces are wanted. As the specification asks, a value that means nothing is told to `warn` and
 * taken for none. The exporter reads OTEL_EXPORTER_OTLP_* itself, the resource OTEL_SERVICE_NAME and
 * OTEL_RESOURCE_ATTRIBUTES.
 */
export function readTraceSettings(
  environment: Environment,
  warn: (message: string) => void,
): TraceSettings | undefined {
  const read = (name: string): string | undefined => environment[name]?.trim() || undefined;
  const endpoint =
    read('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') ?? read('OTEL_EXPORTER_OTLP_ENDPOINT');
  if (endpoint === undefined || read('OTEL_SDK_DISABLED')?.toLowerCase() === 'true')
    return undefined;
  if (read('OTEL_TRACES_EXPORTER') === 'none') return undefined;
  if (!URL.canParse(endpoint)) {
    warn(`no traces are sent: the OTLP endpoint ${JSON.stringify(endpoint)} is no URL`);
    return undefined;
  }
  const protocol =
    read('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') ?? read('OTEL_EXPORTER_OTLP_PROTOCOL');
  if (protocol !== undefined && protocol !== 'http/protobuf') {
    warn(`no traces are sent: OTLP goes out as http/protobuf here, not as ${protocol}`);
    return undefined;
  }
  const number = (name: string, otherwise: number, max = 2 ** 31 - 1): number =>
    readNumber(name, read(name), otherwise, max, warn);
  const maxQueueSpans = number('OTEL_BSP_MAX_QUEUE_SIZE', 2048);
  return {
    sampler: readSampler(read('OTEL_TRACES_SAMPLER'), warn),
    ratio: number('OTEL_TRACES_SAMPLER_ARG', 1, 1),
    maxQueueSpans,
    maxBatchSpans: Math.min(number('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 512), maxQueueSpans),
    scheduleDelayMs: number('OTEL_BSP_SCHEDULE_DELAY', 5000),
    exportTimeoutMs: number('OTEL_BSP_EXPORT_TIMEOUT', 30_000),
  };
}

function readSampler(name: string | undefined, warn: (message: string) => void): SamplerName {
  const sampler = SAMPLERS.find((known) => known === (name ?? 'parentbased_always_on'));
  if (sampler) return sampler;
  warn(`OTEL_TRACES_SAMPLER ${JSON.stringify(name)} is none of ${SAMPLERS.join(', ')}`);
  return 'parentbased_always_on';
}

function readNumber(
  name: string,
  text: string | undefined,
  otherwise: number,
  max: number,
  warn: (message: string) => void,
): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  // Only a ratio can be below 1, and only a whole number above.
  if (value >= 0 && value <= max && (max === 1 || (value >= 1 && Number.isInteger(value))))
    return value;
  warn(`${name} ${JSON.stringify(text)} must be a number up to ${max}; ${otherwise} is used`);
  return otherwise;
}
