/** The inference pod's options: what the command line may say, and what holds where it says nothing. */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { ExecutionName } from './runtime/execution.ts';
import type { ProviderName } from './runtime/execution-provider.ts';
import { addTelemetryOptions, type TelemetryOptions } from './telemetry/telemetry-options.ts';

/** Who says which models are loaded: the repository at the start, requests, or the repository at all times. */
export type ModelControl = 'none' | 'explicit' | 'poll';

export interface PodOptions extends TelemetryOptions {
  readonly repository: string;
  readonly models: readonly string[];
  readonly modelControl: ModelControl;
  readonly repositoryPollMs: number;
  readonly strictReadiness: boolean;
  readonly host: string;
  readonly port: number;
  /** Undefined: no gRPC. */
  readonly grpcPort?: number;
  readonly workers: number | 'auto';
  readonly threadsPerRun: number;
  readonly execution: ExecutionName;
  readonly provider: ProviderName;
  readonly providerFallback: boolean;
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
  readonly tritonMetrics: boolean;
  readonly logLevel: string;
}

const MIB = 1024 * 1024;
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Ends the process with a message when an option is wrong. */
export function parseOptions(): PodOptions {
  const program = new Command('modelweir-inference').description(
    'Serves ONNX models over the Open Inference Protocol v2 (HTTP and gRPC).',
  );
  addRepositoryOptions(program);
  addRuntimeOptions(program);
  addServerOptions(program);
  addTelemetryOptions(program);
  return program.parse().opts<PodOptions>();
}

function addRepositoryOptions(program: Command): void {
  program
    .requiredOption('--repository <folder>', 'models as NAME/VERSION/model.onnx')
    .option(
      '--models <list>',
      'NAME or NAME:VERSION, by commas (default: all, by their version policy)',
      list,
      [],
    )
    .addOption(
      new Option(
        '--model-control <mode>',
        'none: as at the start; explicit: by request; poll: as the repository is',
      )
        .choices(['none', 'explicit', 'poll'])
        .default('poll'),
    )
    .option(
      '--repository-poll-ms <ms>',
      'between two looks at the repository; 0: none',
      integer(0, MAX_TIMEOUT_MS),
      2000,
    )
    .option('--strict-readiness', 'ready only while every model is (default: while one is)', false);
}

function addRuntimeOptions(program: Command): void {
  program
    .option(
      '--workers <number>',
      'threads per model, each with its own copy of it; auto: one fewer than CPUs, 1 to 4',
      integerOr('auto', 1, 256),
      'auto',
    )
    .option('--threads-per-run <number>', 'threads that one run may use', integer(1, 256), 1)
    .addOption(
      new Option(
        '--execution <where>',
        'worker: in threads; inline: on the event loop if runs take microseconds; auto: inline if it does no harm',
      )
        .choices(['worker', 'inline', 'auto'])
        .default('auto'),
    )
    .addOption(
      new Option('--provider <name>', 'what models run on').choices(['cpu', 'cuda']).default('cpu'),
    )
    .option('--provider-fallback', 'run on the CPU where the provider cannot be used', false)
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
    );
}

function addServerOptions(program: Command): void {
  program
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <number>', 'port to listen on; 0 takes a free one', integer(0, 65_535), 8000)
    .option('--grpc-port <number>', 'port for gRPC; 0 takes a free one', integer(0, 65_535))
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
    .option(
      '--max-held-bytes <bytes>',
      'bodies being answered; more get 429',
      integer(1),
      256 * MIB,
    )
    .option('--max-connections <number>', 'open connections', integer(1), 4096)
    .option(
      '--request-timeout-ms <ms>',
      'from a request to its answer, else 504',
      integer(1, MAX_TIMEOUT_MS),
      30_000,
    )
    .option(
      '--receive-timeout-ms <ms>',
      'for a request to arrive whole, else 408',
      integer(1, MAX_TIMEOUT_MS),
      30_000,
    )
    .option(
      '--drain-delay-ms <ms>',
      'not ready but serving, before it closes',
      integer(0, MAX_TIMEOUT_MS),
      300,
    )
    .option(
      '--drain-timeout-ms <ms>',
      'for open requests to end',
      integer(1, MAX_TIMEOUT_MS),
      25_000,
    )
    .option('--no-load-report', 'answers say nothing of the load (header endpoint-load-metrics)')
    .option('--triton-metrics', "metrics also under Triton's own names (nv_inference_*)", false)
    .option('--log-level <level>', 'of pino: trace to fatal, or silent', 'info');
}

function list(text: string): string[] {
  return text.split(',').filter((name) => name !== '');
}

function integerOr<T extends string>(
  word: T,
  min: number,
  max: number,
): (text: string) => number | T {
  const parse = integer(min, max);
  return (text) => (text === word ? word : parse(text));
}

function integer(min: number, max: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`must be an integer from ${min} to ${max}.`);
  };
}
