import { type Command, InvalidArgumentError } from 'commander';
import { Redaction } from './payload/redaction.ts';

export interface TelemetryOptions {
  /** Undefined: there is none. */
  readonly payloadLog?: string;
  readonly payloadLogSample: number;
  readonly payloadLogRedact: Redaction;
  readonly payloadLogMaxBytes: number;
  readonly payloadLogQueueBytes: number;
}

/** Adds the options of the payload log. Traces have none: OpenTelemetry's environment variables say all. */
export function addTelemetryOptions(command: Command): Command {
  return command
    .option('--payload-log <file>', 'append requests and answers as CloudEvents; - is stdout')
    .option('--payload-log-sample <share>', 'of the requests that are logged, 0 to 1', share, 1)
    .option(
      '--payload-log-redact <fields>',
      'never log input.NAME, output.NAME, parameters.NAME; by commas, * for all names',
      redaction,
      new Redaction([]),
    )
    .option(
      '--payload-log-max-bytes <bytes>',
      'values of a request, and of its answer; larger ones are left out',
      bytes,
      64 * 1024,
    )
    .option(
      '--payload-log-queue-bytes <bytes>',
      'values that wait to be logged; more are dropped',
      bytes,
      16 * 1024 * 1024,
    );
}

function share(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError('must be a number from 0 to 1.');
}

function bytes(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('must be an integer of 1 or more.');
}

function redaction(text: string): Redaction {
  try {
    return new Redaction(text.split(',').filter((field) => field !== ''));
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}
