/** Owns who watches inferences: traces, the payload log and the access log. None does unless it is asked for. */
import { closeSync, openSync } from 'node:fs';
import type { Logger } from 'pino';
import { AccessLog } from './access-log.ts';
import type { InferWatcher } from './infer-watcher.ts';
import { type OnPayload, PayloadLog, type PayloadOutcome } from './payload/payload-log.ts';
import type { TelemetryOptions } from './telemetry-options.ts';
import { startTracing, type Tracing } from './tracing.ts';

/** Of what goes wrong again and again, one line in so long is enough. */
const WARNING_INTERVAL_MS = 10_000;
const FLUSH_TIMEOUT_MS = 3000;

export class Telemetry {
  readonly watchers: readonly InferWatcher[];
  readonly #tracing: Tracing | undefined;
  readonly #payloadLog: PayloadLog | undefined;
  readonly #warn: (message: string) => void;

  private constructor(
    tracing: Tracing | undefined,
    payloadLog: PayloadLog | undefined,
    accessLog: AccessLog | undefined,
    warn: (message: string) => void,
  ) {
    this.#warn = warn;
    this.#tracing = tracing;
    this.#payloadLog = payloadLog;
    // The payload log first: it must see inputs before anything else happens.
    const watchers = [payloadLog, tracing?.watcher, accessLog];
    this.watchers = watchers.filter((watcher) => watcher !== undefined);
  }

  /**
   * `countPayload` counts what becomes of each request that is to be logged.
   * @throws Error when the payload log's file cannot be opened.
   */
  static async open(
    options: TelemetryOptions,
    podVersion: string,
    log: Logger,
    countPayload: (outcome: PayloadOutcome) => void,
  ): Promise<Telemetry> {
    const warn = seldom((message) => log.warn(message));
    const tracing = await startTracing(process.env, podVersion, warn);
    const onPayload: OnPayload = (outcome, reason) => {
      countPayload(outcome);
      if (outcome === 'failed') warn(`the payload log cannot be written: ${reason}`);
    };
    return new Telemetry(
      tracing,
      openPayloadLog(options, onPayload),
      log.isLevelEnabled('debug')
        ? new AccessLog((fields, message) => log.debug(fields, message))
        : undefined,
      warn,
    );
  }

  /**
   * Sends and writes what is still held, for a few seconds at most: a collector that hangs must not make a pod that has
   * answered everything look as if it had not. Call when the last request has been answered. Never rejects.
   */
  async close(): Promise<void> {
    const late = new Promise<'late'>((resolve) => {
      setTimeout(resolve, FLUSH_TIMEOUT_MS, 'late').unref();
    });
    const flushed = Promise.all([this.#tracing?.close(), this.#payloadLog?.close()]);
    if ((await Promise.race([flushed, late])) === 'late') {
      this.#warn('not all traces and payloads could be handed over');
    }
  }
}

function openPayloadLog(options: TelemetryOptions, onPayload: OnPayload): PayloadLog | undefined {
  if (options.payloadLog === undefined || options.payloadLogSample === 0) return undefined;
  // A path that cannot be right is told at once, not with the first request.
  if (options.payloadLog !== '-') closeSync(openSync(options.payloadLog, 'a'));
  return new PayloadLog(
    {
      path: options.payloadLog,
      sample: options.payloadLogSample,
      redaction: options.payloadLogRedact,
      maxBytes: options.payloadLogMaxBytes,
      maxQueueBytes: options.payloadLogQueueBytes,
    },
    onPayload,
  );
}

/** Says each message, but the same one seldom. */
function seldom(say: (message: string) => void): (message: string) => void {
  const saidMs = new Map<string, number>();
  return (message) => {
    const nowMs = performance.now();
    if (nowMs - (saidMs.get(message) ?? Number.NEGATIVE_INFINITY) < WARNING_INTERVAL_MS) return;
    // Messages with numbers in them are all different.
    if (saidMs.size >= 100) saidMs.clear();
    saidMs.set(message, nowMs);
    say(message);
  };
}
