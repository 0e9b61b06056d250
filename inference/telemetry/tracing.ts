/** Owns whether there are traces at all. Without them, OpenTelemetry is not even loaded. */
import type { InferWatcher } from './infer-watcher.ts';
import { readTraceSettings } from './trace-settings.ts';

export interface Tracing {
  readonly watcher: InferWatcher;
  /** Sends what has not been sent yet, within the exporter's own timeout. Never rejects. */
  close(): Promise<void>;
}

/** Undefined when the environment names no OTLP endpoint, or asks for none. `warn` hears of what goes wrong later, too. */
export async function startTracing(
  environment: NodeJS.ProcessEnv,
  podVersion: string,
  warn: (message: string) => void,
): Promise<Tracing | undefined> {
  const settings = readTraceSettings(environment, warn);
  if (!settings) return undefined;
  const { openTracing } = await import('./otlp-tracing.ts');
  return openTracing(settings, podVersion, warn);
}
