#!/usr/bin/env node
/** The inference pod's command line: arguments to options, the life of the process, one log line per event. */
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { pino } from 'pino';
import { findModels } from './repository/model-repository.ts';
import { ModelCatalog } from './runtime/model-catalog.ts';
import { PodMetrics } from './server/pod-metrics.ts';
import { PodServer } from './server/pod-server.ts';

interface Options {
  readonly repository: string;
  readonly models: readonly string[];
  readonly host: string;
  readonly port: number;
  readonly workers: number;
  readonly threadsPerRun: number;
  readonly maxBatchRows: number;
  readonly maxQueueRows: number;
  readonly maxBodyBytes: number;
  readonly maxTensors: number;
  readonly maxElements: number;
  readonly maxHeldBytes: number;
  readonly maxConnections: number;
  readonly requestTimeoutMs: number;
  readonly receiveTimeoutMs: number;
  readonly drainDelayMs: number;
  readonly drainTimeoutMs: number;
  readonly loadReport: boolean;
  readonly logLevel: string;
}

const MIB = 1024 * 1024;
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

const program = new Command('modelweir-inference')
  .description(
    'Serves ONNX models over the Open Inference Protocol v2 (HTTP, tensors in JSON or as bytes).',
  )
  .requiredOption('--repository <folder>', 'models as NAME/VERSION/model.onnx')
  .option(
    '--models <list>',
    'NAME or NAME:VERSION, by commas (default: all, highest version)',
    list,
    [],
  )
  .option('--host <address>', 'address to listen on', '127.0.0.1')
  .option('--port <number>', 'port to listen on; 0 takes a free one', integer(0, 65_535), 8000)
  .option(
    '--workers <number>',
    'threads per model, each with its own copy of it',
    integer(1, 256),
    1,
  )
  .option('--threads-per-run <number>', 'threads that one run may use', integer(1, 256), 1)
  .option(
    '--max-batch-rows <rows>',
    'rows of requests that share a run; 1: none do',
    integer(1),
    32,
  )
  .option(
    '--max-queue-rows <rows>',
    'rows waiting per model; more are answered 429',
    integer(1),
    4096,
  )
  .option(
    '--max-body-bytes <bytes>',
    'largest body; a larger one is answered 413',
    integer(1),
    8 * MIB,
  )
  .option(
    '--max-tensors <number>',
    'inputs, and outputs, that a request lists; more get 413',
    integer(1),
    1024,
  )
  .option(
    '--max-elements <number>',
    'elements of all inputs of a request; more get 413',
    integer(1),
    16 * MIB,
  )
  .option('--max-held-bytes <bytes>', 'bodies being answered; more get 429', integer(1), 256 * MIB)
  .option('--max-connections <number>', 'open connections', integer(1), 4096)
  .option(
    '--request-timeout-ms <ms>',
    'from a request to its answer, else 504',
    integer(1, 2 ** 31 - 1),
    30_000,
  )
  .option(
    '--receive-timeout-ms <ms>',
    'for a request to arrive whole, else 408',
    integer(1, 2 ** 31 - 1),
    30_000,
  )
  .option(
    '--drain-delay-ms <ms>',
    'not ready but serving, before it closes',
    integer(0, 2 ** 31 - 1),
    300,
  )
  .option('--drain-timeout-ms <ms>', 'for open requests to end', integer(1, 2 ** 31 - 1), 25_000)
  .option('--no-load-report', 'answers say nothing of the load (header endpoint-load-metrics)')
  .option('--log-level <level>', 'of pino: trace to fatal, or silent', 'info');

const options = program.parse().opts<Options>();
const log = pino(
  { level: options.logLevel, base: { component: 'inference' } },
  // A line an event, so it may as well be written before anything else happens, the end above all.
  pino.destination({ fd: 1, sync: true }),
);
let catalog: ModelCatalog | undefined;
const metrics = new PodMetrics(() => catalog);
const server = new PodServer({ ...options, version }, metrics);

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop(signal));
await start().catch((error: Error) => {
  log.fatal(error.message);
  process.exit(1);
});

async function start(): Promise<void> {
  const files = await findModels(options.repository, options.models);
  const port = await server.listen(options.host, options.port);
  catalog = await ModelCatalog.load(files, { ...options, session: options }, (file) =>
    metrics.observer(file.name, file.version, (reason) =>
      log.error({ model: file.name, version: file.version }, reason),
    ),
  );
  server.serve(catalog);
  log.info(
    { host: options.host, port, models: files.map((file) => `${file.name}:${file.version}`) },
    'ready',
  );
}

/** Ends with 0 once every request is answered; a second signal ends it at once. */
async function stop(signal: string): Promise<void> {
  log.info({ signal }, 'draining');
  setTimeout(() => {
    log.error({ timeoutMs: options.drainTimeoutMs }, 'requests are still open; giving them up');
    // Not exit(): it ends threads, and one in the middle of a run then aborts the process with a core dump.
    process.kill(process.pid, 'SIGKILL');
  }, options.drainDelayMs + options.drainTimeoutMs);
  await server.drain(options.drainDelayMs);
  await catalog?.close();
  log.info('drained');
  process.exit(0);
}

function list(text: string): string[] {
  return text.split(',').filter((name) => name !== '');
}

function integer(min: number, max: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`must be an integer from ${min} to ${max}.`);
  };
}
