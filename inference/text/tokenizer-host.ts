import { Worker } from 'node:worker_threads';
import { invalid, RequestError } from '../protocol/errors.ts';
import type {
  EncodeMessage,
  TokenizerFacts,
  TokenizerReport,
  TokenizerSettings,
} from './tokenizer-messages.ts';

const WORKER_FILE = new URL('./tokenizer-worker.ts', import.meta.url);

/** A tokenizer in a thread of its own. A text that takes it too long ends the thread, and another takes over. */
export class TokenizerHost {
  readonly #settings: TokenizerSettings;
  readonly #timeoutMs: number;
  readonly #loaded = Promise.withResolvers<TokenizerFacts>();
  /** In the order in which they came; the first is in hand. */
  readonly #requests = new Set<EncodeRequest>();
  #facts: TokenizerFacts | undefined;
  /** Undefined after one ended with nothing in hand: the next request starts another. */
  #worker: Worker | undefined;
  #closed = false;

  private constructor(settings: TokenizerSettings, timeoutMs: number) {
    this.#settings = settings;
    this.#timeoutMs = timeoutMs;
    this.#worker = this.#start();
  }

  /** @throws Error when the tokenizer's files cannot be used. */
  static async open(folder: string, timeoutMs: number): Promise<TokenizerHost> {
    const host = new TokenizerHost({ folder }, timeoutMs);
    try {
      host.#facts = await host.#loaded.promise;
      return host;
    } catch (error) {
      await host.close();
      throw error;
    }
  }

  get facts(): TokenizerFacts {
    if (!this.#facts) throw new Error('a tokenizer that is open has been loaded');
    return this.#facts;
  }

  /** Tokens of each text. @throws RequestError */
  encode(message: EncodeMessage): Promise<readonly Int32Array[]> {
    if (this.#closed) return Promise.reject(unloaded());
    return new Promise((resolve, reject) => {
      const request: EncodeRequest = {
        message,
        resolve,
        reject,
        timer: setTimeout(() => this.#expire(), this.#timeoutMs),
      };
      this.#requests.add(request);
      this.#worker ??= this.#start();
      this.#worker.postMessage(message);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#failAll(unloaded());
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(WORKER_FILE, { workerData: this.#settings });
    const ifStillUsed = <T>(listener: (value: T) => void) => {
      return (value: T): void => {
        if (worker === this.#worker && !this.#closed) listener(value);
      };
    };
    worker.on(
      'message',
      ifStillUsed((report: TokenizerReport) => this.#onReport(report)),
    );
    worker.on(
      'error',
      ifStillUsed((error: unknown) => this.#onEnd(`the tokenizer ended: ${error}`)),
    );
    worker.on(
      'exit',
      ifStillUsed((code: number) => this.#onEnd(`the tokenizer ended with ${code}`)),
    );
    return worker;
  }

  #onReport(report: TokenizerReport): void {
    if (report.kind === 'loaded') this.#loaded.resolve(report.facts);
    else if (report.kind === 'refused') this.#onRefused(report.reason);
    else {
      const request = this.#take(this.#first);
      if (report.kind === 'failed') request?.reject(invalid(report.reason));
      else request?.resolve(partsOf(report.tokens, report.lengths));
    }
  }

  /** Its files were changed, if they were once read. */
  #onRefused(reason: string): void {
    this.#loaded.reject(new Error(reason));
    this.#worker = undefined;
    this.#failAll(new RequestError('internal', reason));
  }

  #onEnd(reason: string): void {
    this.#loaded.reject(new Error(reason));
    if (this.#facts) this.#replace(new RequestError('internal', reason));
  }

  /** The timer that ends first is that of the request in hand: the others came later. */
  #expire(): void {
    const message = `the tokenizer took more than ${this.#timeoutMs} ms (embeddings.tokenizeTimeoutMs); send less text`;
    this.#replace(new RequestError('deadline-exceeded', message));
  }

  /** Fails the request in hand, and gives the others to a new thread. There is no model in it to be hurt. */
  #replace(error: RequestError): void {
    void this.#worker?.terminate();
    this.#worker = undefined;
    this.#take(this.#first)?.reject(error);
    if (this.#requests.size > 0) this.#worker = this.#start();
    for (const { message } of this.#requests) this.#worker?.postMessage(message);
  }

  #failAll(error: RequestError): void {
    for (const request of this.#requests) this.#take(request)?.reject(error);
  }

  get #first(): EncodeRequest | undefined {
    return this.#requests.values().next().value;
  }

  #take(request: EncodeRequest | undefined): EncodeRequest | undefined {
    if (!request || !this.#requests.delete(request)) return undefined;
    clearTimeout(request.timer);
    return request;
  }
}

interface EncodeRequest {
  readonly message: EncodeMessage;
  readonly resolve: (tokens: readonly Int32Array[]) => void;
  readonly reject: (error: RequestError) => void;
  readonly timer: NodeJS.Timeout;
}

function unloaded(): RequestError {
  return new RequestError('unavailable', 'the model is being unloaded');
}

function partsOf(tokens: Int32Array, lengths: readonly number[]): Int32Array[] {
  let start = 0;
  return lengths.map((length) => {
    start += length;
    return tokens.subarray(start - length, start);
  });
}
