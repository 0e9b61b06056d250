/**
 * Whether there are traces at all, by the environment variables that OpenTelemetry defines. Without
 * them nothing of it is even loaded.
 */
import type { ChangeWatcher } from './change-watcher.ts';

export interface Tracing {
  readonly watcher: ChangeWatcher;
  /** Sends what has not been sent yet, within the exporter's own timeout. Never rejects. */
  close(): Promise<void>;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Null: no collector is named, or no traces are wanted. `warn` also hears of what goes wrong later. */
export async function startTracing(
  environment: Environment,
  version: string,
  warn: (message: string) => void,
): Promise<Tracing | null> {
  if (!wantsTraces(environment, warn)) return null;
  const { openTracing } = await import('./otlp-tracing.ts');
  return openTracing(version, warn);
}

/** As the specification asks, a value that means nothing is told, and taken for none. */
export function wantsTraces(environment: Environment, warn: (message: string) => void): boolean {
  const read = (name: string): string | undefined => environment[name]?.trim() || undefined;
  const ofTraces = (rest: string) =>
    read(`OTEL_EXPORTER_OTLP_TRACES_${rest}`) ?? read(`OTEL_EXPORTER_OTLP_${rest}`);
  const endpoint = ofTraces('ENDPOINT');
  if (endpoint === undefined || read('OTEL_SDK_DISABLED')?.toLowerCase() === 'true') return false;
  if (read('OTEL_TRACES_EXPORTER') === 'none' || read('OTEL_TRACES_SAMPLER') === 'always_off') {
    return false;
  }
  if (!/^https?:$/.test(URL.parse(endpoint)?.protocol ?? '')) {
    // It may have a password in it.
    warn('no traces are sent: the OTLP endpoint is no URL of HTTP');
    return false;
  }
  const protocol = ofTraces('PROTOCOL') ?? 'http/protobuf';
  if (protocol === 'http/protobuf') return true;
  warn(`no traces are sent: OTLP goes out as http/protobuf here, not as ${protocol}`);
  return false;
}
