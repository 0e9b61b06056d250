#!/usr/bin/env node
/** The inference pod's command line: the life of the process, one log line per event. */
import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import { limitHeapGrowth } from './heap-growth.ts';
import { parseOptions } from './pod-options.ts';
import { openCatalog } from './runtime/catalog-opening.ts';
import { allowedCpus, autoWorkers } from './runtime/cpu-limit.ts';
import type { ExecutionName } from './runtime/execution.ts';
import type { CatalogObserver, ModelCatalog } from './runtime/model-catalog.ts';
import type { GrpcServer } from './server/grpc/grpc-server.ts';
import { InferService } from './server/infer-service.ts';
import { OpenAiEndpoints } from './server/openai/openai-endpoints.ts';
import { PodMetrics } from './server/pod-metrics.ts';
import { PodServer } from './server/pod-server.ts';
import { Telemetry } from './telemetry/telemetry.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const options = parseOptions();
const log = pino(
  { level: options.logLevel, base: { component: 'inference' } },
  // A line an event, so it may as well be written before anything else happens, the end above all.
  pino.destination({ fd: 1, sync: true }),
);
let catalog: ModelCatalog | undefined;
let opening: Promise<ModelCatalog> | undefined;
let server: PodServer | undefined;
let grpc: GrpcServer | undefined;
let telemetry: Telemetry | undefined;

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop(signal));
await start().catch((error: Error) => {
  log.fatal(error.message);
  process.exit(1);
});

async function start(): Promise<void> {
  limitHeapGrowth();
  const metrics = new PodMetrics(() => catalog, { tritonNames: options.tritonMetrics });
  telemetry = await Telemetry.open(options, version, log, (outcome) =>
    metrics.countPayload(outcome),
  );
  const { loadReport } = options;
  const service = new InferService(() => catalog, metrics, {
    loadReport,
    watchers: telemetry.watchers,
  });
  server = new PodServer({ ...options, version }, metrics, service);
  server.addHandler('/v1/', new OpenAiEndpoints(server.bodies, service, () => catalog).handle);
  const port = await server.listen(options.host, options.port);
  const grpcPort = await listenForGrpc(service, metrics);
  const cpus = allowedCpus();
  const workers = options.workers === 'auto' ? autoWorkers(cpus) : options.workers;
  warnOfThreads(workers * options.threadsPerRun, cpus);
  opening = openCatalog(
    {
      ...options,
      workers,
      autoWorkers: autoWorkers(cpus),
      parallelLoads: Math.max(1, Math.floor(cpus)),
      session: options,
      execution: executionName(),
      provider: { name: options.provider, allowFallback: options.providerFallback },
    },
    observer(metrics),
  );
  catalog = await opening;
  server.serve(catalog);
  const models = catalog.models.map(({ metadata }) => `${metadata.name}:${metadata.version}`);
  log.info({ host: options.host, port, grpcPort, models }, 'ready');
}

/** Its library is loaded only where it is asked for. */
async function listenForGrpc(
  service: InferService,
  metrics: PodMetrics,
): Promise<number | undefined> {
  if (options.grpcPort === undefined) return undefined;
  const { GrpcServer } = await import('./server/grpc/grpc-server.ts');
  const opened = new GrpcServer({ ...options, version }, service, () => catalog);
  grpc = opened;
  metrics.addHeldBytes(() => opened.heldBytes);
  return grpc.listen(options.host, options.grpcPort);
}

function observer(metrics: PodMetrics): CatalogObserver {
  return {
    runner: ({ name, version: of }) =>
      metrics.observer(
        name,
        of,
        (reason) => log.error({ model: name, version: of }, reason),
        (reason) =>
          log.warn(
            { model: name, version: of, reason },
            'runs move from the event loop to workers',
          ),
      ),
    loaded: ({ metadata, provider, execution, runner: { place } }, note) => {
      const { name: model, version: of } = metadata;
      metrics.countLoad(model, 'loaded');
      if (note) log.warn({ model, version: of, provider }, note);
      else if (!execution) log.debug({ model, version: of, provider }, 'loaded');
      else log.info({ model, version: of, execution: place, reason: execution.reason }, 'loaded');
    },
    failed: ({ name: model, version: of }, reason) => {
      metrics.countLoad(model, 'failed');
      log.error({ model, version: of }, `cannot be loaded: ${reason}`);
    },
    unloaded: ({ name: model, version: of }) => {
      metrics.countLoad(model, 'unloaded');
      log.info({ model, version: of }, 'unloaded');
    },
    pollFailed: (reason) => log.error(`the repository cannot be read: ${reason}`),
  };
}

/** Whoever asks for several workers wants their CPUs. */
function executionName(): ExecutionName {
  const { execution, workers } = options;
  return execution === 'auto' && workers !== 'auto' && workers > 1 ? 'worker' : execution;
}

function warnOfThreads(threads: number, cpus: number): void {
  if (threads <= Math.max(1, cpus)) return;
  log.warn(
    { threads, cpus },
    'a model may run on more threads (--workers times --threads-per-run) than there are CPUs for',
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
  await Promise.all([server?.drain(options.drainDelayMs), grpc?.drain(options.drainDelayMs)]);
  // While it is being loaded too: a thread that is ended in the middle of that aborts the process.
  await opening?.then(
    (loaded) => loaded.close(),
    () => undefined,
  );
  await telemetry?.close();
  log.info('drained');
  process.exit(0);
}
