import { Worker } from 'node:worker_threads';
import type { Tensor } from '../protocol/tensor.ts';
import { buffersOf } from './handed-over.ts';
import type { LoadedSession, RunResult, SessionHost } from './session-host.ts';
import {
  CLOSE_MESSAGE,
  type WorkerMessage,
  type WorkerReport,
  type WorkerSettings,
} from './worker-messages.ts';

const WORKER_FILE = new URL('./session-worker.ts', import.meta.url);

// onnxruntime's Linux library reports home unless told not to, and leaves logs in /tmp. It reads the real
// environment, which only the main thread can write.
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';

/** A session in a thread of its own. */
export class WorkerHost implements SessionHost {
  readonly loaded: Promise<LoadedSession>;
  readonly ended: Promise<string>;
  readonly #worker: Worker;
  readonly #loaded = Promise.withResolvers<LoadedSession>();
  readonly #ended = Promise.withResolvers<string>();
  #settle: ((result: RunResult) => void) | undefined;
  #reason = '';
  #isLoaded = false;
  #closing = false;

  /** `file` is another worker for tests that need one that misbehaves. */
  constructor(settings: WorkerSettings, file: URL = WORKER_FILE) {
    this.loaded = this.#loaded.promise;
    this.ended = this.#ended.promise;
    this.#worker = new Worker(file, { workerData: settings });
    this.#worker.on('message', (report: WorkerReport) => this.#onReport(report));
    this.#worker.on('error', (error) => {
      this.#reason = error instanceof Error ? error.message : String(error);
    });
    this.#worker.on('exit', (code) => this.#onExit(this.#reason || `exit code ${code}`));
  }

  run(inputs: readonly Tensor[], settle: (result: RunResult) => void): void {
    this.#settle = settle;
    this.#send({ inputs }, buffersOf(inputs));
  }

  async close(): Promise<void> {
    this.#closing = true;
    // Ending a thread in the middle of a run aborts the whole process.
    if (!this.#settle) this.#end();
    await this.ended;
  }

  #end(): void {
    if (this.#isLoaded) this.#send(CLOSE_MESSAGE, []);
    else void this.#worker.terminate();
  }

  #send(message: WorkerMessage, transfer: ArrayBuffer[]): void {
    this.#worker.postMessage(message, transfer);
  }

  #onReport(report: WorkerReport): void {
    if (report.kind === 'loaded') {
      this.#isLoaded = true;
      this.#loaded.resolve(report);
    } else if (report.kind === 'refused') this.#loaded.reject(new Error(report.reason));
    else this.#onRunEnd(report);
  }

  #onRunEnd(result: RunResult): void {
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(result);
    if (this.#closing && !this.#settle) this.#end();
  }

  #onExit(reason: string): void {
    this.#loaded.reject(new Error(`the worker ended while loading: ${reason}`));
    this.#ended.resolve(reason);
    this.#onRunEnd({ kind: 'died', reason });
  }
}
