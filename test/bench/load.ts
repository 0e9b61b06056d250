/** A closed loop of requests, and what it cost the processes that served it. */
import autocannon from 'autocannon';
import { cpuSeconds } from './pinning.ts';

export interface LoadOptions {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly requests: readonly autocannon.Request[];
  /** Processes whose CPU time is counted. */
  readonly pids: readonly number[];
}

export interface LoadResult {
  readonly requestsPerSecond: number;
  /** CPU time of all `pids` together, per request, in microseconds. */
  readonly cpuMicros: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/**
 * Runs the load and measures. Latencies are taken per request by our own clock, since the generator's
 * histogram knows whole milliseconds only.
 * @throws {Error} when a request fails or is not answered by 200: such figures would mean nothing.
 */
export async function measure(options: LoadOptions): Promise<LoadResult> {
  const before = await totalCpu(options.pids);
  const latencies: number[] = [];
  const started = performance.now();
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const instance = autocannon(
      {
        url: options.url,
        connections: options.connections,
        duration: options.seconds,
        requests: [...options.requests],
      },
      (error: Error | null, value: autocannon.Result) => (error ? reject(error) : resolve(value)),
    );
    instance.on('response', (_client, _status, _bytes, responseMs) => latencies.push(responseMs));
  });
  const seconds = (performance.now() - started) / 1000;
  const cpu = (await totalCpu(options.pids)) - before;
  if (result.non2xx > 0 || result.errors > 0 || latencies.length === 0) {
    throw new Error(`${options.url}: ${result.non2xx} answers not 2xx, ${result.errors} errors`);
  }
  latencies.sort((a, b) => a - b);
  return {
    requestsPerSecond: latencies.length / seconds,
    cpuMicros: (cpu / latencies.length) * 1e6,
    p50Ms: latencies[Math.floor(latencies.length * 0.5)] ?? 0,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
  };
}

async function totalCpu(pids: readonly number[]): Promise<number> {
  const all = await Promise.all(pids.map((pid) => cpuSeconds(pid)));
  return all.reduce((sum, seconds) => sum + seconds, 0);
}
