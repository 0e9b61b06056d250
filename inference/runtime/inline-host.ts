import type { Tensor } from '../protocol/tensor.ts';
import type { OnRun } from './inline-pool.ts';
import { ModelSession } from './model-session.ts';
import { RunClock } from './run-times.ts';
import type { LoadedSession, RunResult, SessionHost } from './session-host.ts';
import type { WorkerSettings } from './worker-messages.ts';

/** A session on the event loop, which stands still while it runs. */
export class InlineHost implements SessionHost {
  readonly loaded: Promise<LoadedSession>;
  readonly ended: Promise<string>;
  readonly #ended = Promise.withResolvers<string>();
  readonly #onRun: OnRun;
  #session: ModelSession | undefined;
  #running = false;
  #closing = false;

  constructor(settings: WorkerSettings, onRun: OnRun) {
    this.#onRun = onRun;
    this.ended = this.#ended.promise;
    this.loaded = this.#load(settings);
  }

  run(inputs: readonly Tensor[], settle: (result: RunResult) => void): void {
    this.#running = true;
    void this.#run(inputs).then((result) => {
      this.#running = false;
      settle(result);
      if (this.#closing && !this.#running) void this.#end();
    });
  }

  async close(): Promise<void> {
    this.#closing = true;
    if (!this.#running) await this.#end();
    await this.ended;
  }

  async #load({ path, session: options }: WorkerSettings): Promise<LoadedSession> {
    const session = await ModelSession.load(path, options);
    this.#session = session;
    await session.warmUp(options.warmupRows);
    return { metadata: session.metadata, provider: session.provider };
  }

  async #run(inputs: readonly Tensor[]): Promise<RunResult> {
    const clock = new RunClock();
    try {
      const outputs = await (this.#session as ModelSession).run(inputs);
      return { kind: 'done', outputs, computeMs: clock.runMs };
    } catch (error) {
      return { kind: 'failed', reason: error instanceof Error ? error.message : String(error) };
    } finally {
      this.#onRun(clock.runMs, clock.threadMs);
    }
  }

  async #end(): Promise<void> {
    await this.#session?.release().catch(() => undefined);
    this.#session = undefined;
    this.#ended.resolve('closed');
  }
}
