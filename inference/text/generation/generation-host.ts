import { Worker } from 'node:worker_threads';
import type { Tensor } from '../../protocol/tensor.ts';
import type { LoadedSession, RunResult, SessionHost } from '../../runtime/session-host.ts';
import type {
  AnswerReport,
  GenerationMessage,
  GenerationReport,
  GenerationSettings,
} from './generation-messages.ts';
import type { GenerationRequest } from './generation-request.ts';

const WORKER_FILE = new URL('./generation-worker.ts', import.meta.url);

/** Hears of one answer; `died` and what ends an answer come once, and last. */
export type AnswerListener = (report: AnswerReport | { readonly kind: 'died' }) => void;

/**
 * A decoder in a thread of its own. For the model's runner it is a host like any other, which runs tensors; the
 * same session also writes answers.
 */
export class GenerationHost implements SessionHost {
  readonly loaded: Promise<LoadedSession>;
  readonly ended: Promise<string>;
  readonly #worker: Worker;
  readonly #drained: () => Promise<void>;
  readonly #loaded = Promise.withResolvers<LoadedSession>();
  readonly #ended = Promise.withResolvers<string>();
  readonly #answers = new Map<number, AnswerListener>();
  #settle: ((result: RunResult) => void) | undefined;
  #isLoaded = false;
  #nextId = 1;
  #reason = '';
  #closing = false;
  #hasEnded = false;

  /**
   * `drained` settles when nobody will want another answer of a host that closes. `file` is another worker for
   * tests that need one that misbehaves.
   */
  constructor(settings: GenerationSettings, drained: () => Promise<void>, file = WORKER_FILE) {
    this.#drained = drained;
    this.loaded = this.#loaded.promise;
    this.ended = this.#ended.promise;
    this.#worker = new Worker(file, { workerData: settings });
    this.#worker.on('message', (report: GenerationReport) => this.#onReport(report));
    this.#worker.on('error', (error) => {
      this.#reason = error instanceof Error ? error.message : String(error);
    });
    this.#worker.on('exit', (code) => this.#onExit(this.#reason || `exit code ${code}`));
  }

  /** Answers that are being written. */
  get answers(): number {
    return this.#answers.size;
  }

  /** Whether it will never answer again; known before anybody hears that an answer died. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  run(inputs: readonly Tensor[], settle: (result: RunResult) => void): void {
    this.#settle = settle;
    this.#send({ kind: 'run', inputs });
  }

  /** @returns what cancels it; the listener then hears `cancelled`, after one run of the model at most. */
  generate(request: GenerationRequest, listener: AnswerListener): () => void {
    const id = this.#nextId++;
    this.#answers.set(id, listener);
    this.#send({ kind: 'generate', id, request });
    return () => {
      if (this.#answers.has(id)) this.#send({ kind: 'cancel', id });
    };
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#drained();
    this.#endIfIdle();
    await this.ended;
  }

  #send(message: GenerationMessage): void {
    this.#worker.postMessage(message);
  }

  #onReport(message: GenerationReport): void {
    if (message.kind === 'answer') this.#onAnswer(message.id, message.report);
    else if (message.kind === 'loaded') this.#onLoaded(message);
    else if (message.kind === 'refused') this.#loaded.reject(new Error(message.reason));
    else this.#onRunEnd(message);
  }

  #onLoaded(loaded: LoadedSession): void {
    this.#isLoaded = true;
    this.#loaded.resolve(loaded);
  }

  #onAnswer(id: number, report: AnswerReport): void {
    const listener = this.#answers.get(id);
    if (report.kind !== 'begun' && report.kind !== 'text') this.#answers.delete(id);
    listener?.(report);
    this.#endIfIdle();
  }

  #onRunEnd(result: RunResult): void {
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(result);
    this.#endIfIdle();
  }

  /** Ending a thread in the middle of a run aborts the whole process. */
  #endIfIdle(): void {
    if (!this.#closing || this.#settle || this.#answers.size > 0) return;
    if (this.#isLoaded) this.#send({ kind: 'close' });
    else void this.#worker.terminate();
  }

  #onExit(reason: string): void {
    this.#hasEnded = true;
    this.#loaded.reject(new Error(`the worker ended while loading: ${reason}`));
    this.#ended.resolve(reason);
    this.#onRunEnd({ kind: 'died', reason });
    const listeners = [...this.#answers.values()];
    this.#answers.clear();
    for (const listener of listeners) listener({ kind: 'died' });
  }
}
