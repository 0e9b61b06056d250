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
  /** Share of one core that `pids` used: far below 1 they waited, for the load or for the backend. */
  readonly coreShare: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** How often the generator looks whether its time is over. */
const STOP_CHECK_MS = 100;

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
        sampleInt: STOP_CHECK_MS,
        requests: [...options.requests],
      },
      (error: Error | null, value: autocannon.Result) => (error ? reject(error) : resolve(value)),
    );
    instance.on('response', (_client, _status, _bytes, responseMs) => latencies.push(responseMs));
  });
  const seconds = (performance.now() - started) / 1000;
  const cpu = (await totalCpu(options.pids)) - before;
  const failed = result.non2xx + result.errors + result.timeouts;
  if (failed > 0 || latencies.length === 0) {
    const { non2xx, errors, timeouts } = result;
    const failures = `${non2xx} answers not 2xx, ${errors} errors, ${timeouts} timeouts`;
    throw new Error(`${options.url}: ${latencies.length} answers, ${failures}`);
  }
  latencies.sort((a, b) => a - b);
  return {
    requestsPerSecond: latencies.length / seconds,
    cpuMicros: (cpu / latencies.length) * 1e6,
    coreShare: cpu / seconds,
    p50Ms: latencies[Math.floor(latencies.length * 0.5)] ?? 0,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
  };
}

async function totalCpu(pids: readonly number[]): Promise<number> {
  const all = await Promise.all(pids.map((pid) => cpuSeconds(pid)));
  return all.reduce((sum, seconds) => sum + seconds, 0);
}
