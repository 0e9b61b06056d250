/**
 * Owns the traffic of one model that generates text: which requests wait, which are being answered, and for how
 * long. It must not know HTTP.
 */
import { RequestError } from '../../protocol/errors.ts';
import { ModelLoad } from '../../runtime/model-load.ts';
import type { WorkerSettings } from '../../runtime/worker-messages.ts';
import type { GenerationConfig } from '../text-config.ts';
import { GenerationHost } from './generation-host.ts';
import type { AnswerReport } from './generation-messages.ts';
import type { FinishReason, GenerationRequest } from './generation-request.ts';

/** Who waits for an answer. After one of `finished` and `failed` nothing more is called. */
export interface AnswerClient {
  /** The prompt is taken: what comes now is text. */
  begun(promptTokens: number): void;
  text(text: string): void;
  finished(reason: FinishReason, completionTokens: number): void;
  failed(error: RequestError): void;
}

export class AnswerWriter {
  readonly load: ModelLoad;
  readonly #config: GenerationConfig;
  readonly #folder: string;
  readonly #hosts = new Set<GenerationHost>();
  readonly #waiting = new Set<Ticket>();
  readonly #active = new Set<Ticket>();
  readonly #idle = new Set<() => void>();

  /** `folder` has the tokenizer's files. */
  constructor(config: GenerationConfig, folder: string) {
    this.#config = config;
    this.#folder = folder;
    this.load = new ModelLoad(1, performance.now());
  }

  /** Requests that wait for their turn. */
  get queuedRows(): number {
    return this.#waiting.size;
  }

  /** Answers that are being written. */
  get active(): number {
    return this.#active.size;
  }

  /** A host that serves as soon as it is loaded, until it ends. `file` is another worker, for tests. */
  startHost(settings: WorkerSettings, file?: URL): GenerationHost {
    const generation = { worker: settings, folder: this.#folder, config: this.#config };
    const host = new GenerationHost(generation, () => this.#drained(), file);
    host.loaded.then(
      () => {
        this.#hosts.add(host);
        this.#next();
      },
      () => undefined,
    );
    void host.ended.then(() => this.#hosts.delete(host));
    return host;
  }

  /**
   * Writes an answer, or lets it wait for its turn.
   * @returns what gives it up; the client then hears nothing more.
   * @throws RequestError when too many wait.
   */
  write(request: GenerationRequest, client: AnswerClient): () => void {
    const { maxConcurrent, maxQueue, timeoutMs } = this.#config;
    if (this.#active.size >= maxConcurrent && this.#waiting.size >= maxQueue) {
      throw new RequestError(
        'exhausted',
        `${maxConcurrent} answers are being written and ${maxQueue} requests wait (generation.maxConcurrent, maxQueue); try again later`,
      );
    }
    const ticket: Ticket = {
      request,
      client,
      startMs: performance.now(),
      timer: setTimeout(() => this.#expire(ticket), timeoutMs),
      cancel: undefined,
      settled: false,
    };
    this.#waiting.add(ticket);
    this.#next();
    return () => this.#giveUp(ticket);
  }

  #next(): void {
    for (const ticket of this.#waiting) {
      const host = this.#leastBusyHost();
      if (!host || this.#active.size >= this.#config.maxConcurrent) break;
      this.#waiting.delete(ticket);
      this.#active.add(ticket);
      ticket.cancel = host.generate(ticket.request, (report) => this.#onReport(ticket, report));
    }
    const workers = this.#hosts.size === 0 ? 0 : this.#config.maxConcurrent;
    this.load.set(this.#active.size, workers, this.#waiting.size, performance.now());
    if (this.#active.size > 0 || this.#waiting.size > 0) return;
    for (const settle of this.#idle) settle();
    this.#idle.clear();
  }

  #leastBusyHost(): GenerationHost | undefined {
    let best: GenerationHost | undefined;
    for (const host of this.#hosts) {
      if (!host.hasEnded && (!best || host.answers < best.answers)) best = host;
    }
    return best;
  }

  #onReport(ticket: Ticket, report: AnswerReport | { readonly kind: 'died' }): void {
    if (report.kind === 'begun') {
      if (!ticket.settled) ticket.client.begun(report.promptTokens);
    } else if (report.kind === 'text') {
      if (!ticket.settled) ticket.client.text(report.text);
    } else {
      this.#active.delete(ticket);
      this.#settle(ticket, (client) => tellEnd(client, report));
      if (report.kind === 'finished') {
        this.load.countServed(1, ticket.startMs, performance.now());
      }
      this.#next();
    }
  }

  #expire(ticket: Ticket): void {
    const { timeoutMs } = this.#config;
    const message = `no whole answer within ${timeoutMs} ms (generation.timeoutMs)`;
    this.#settle(ticket, (client) => client.failed(new RequestError('deadline-exceeded', message)));
    this.#giveUp(ticket);
  }

  /** A place is free again only when the worker has let go of the answer. */
  #giveUp(ticket: Ticket): void {
    this.#settle(ticket, () => undefined);
    ticket.cancel?.();
    if (this.#waiting.delete(ticket)) this.#next();
  }

  #settle(ticket: Ticket, tell: (client: AnswerClient) => void): void {
    if (ticket.settled) return;
    ticket.settled = true;
    clearTimeout(ticket.timer);
    tell(ticket.client);
  }

  /** Settles when no request is in hand. */
  #drained(): Promise<void> {
    if (this.#active.size === 0 && this.#waiting.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.add(resolve));
  }
}

interface Ticket {
  readonly request: GenerationRequest;
  readonly client: AnswerClient;
  readonly startMs: number;
  readonly timer: NodeJS.Timeout;
  /** Undefined while it waits. */
  cancel: (() => void) | undefined;
  /** The client hears nothing more. */
  settled: boolean;
}

type AnswerEnd = Exclude<AnswerReport, { kind: 'begun' | 'text' }> | { readonly kind: 'died' };

function tellEnd(client: AnswerClient, end: AnswerEnd): void {
  if (end.kind === 'finished') client.finished(end.reason, end.completionTokens);
  else if (end.kind === 'refused') client.failed(new RequestError(end.code, end.message));
  else if (end.kind === 'died') {
    client.failed(new RequestError('internal', 'the worker that wrote the answer ended'));
  }
}
