import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestError } from '../../protocol/errors.ts';
import type { ServedModel } from '../../runtime/model-catalog.ts';
import type { CallWatch, TokenUsage } from '../../telemetry/infer-watcher.ts';
import type { HeldBody } from '../body-reader.ts';
import type { InferCall, InferService } from '../infer-service.ts';
import { requestErrorOf } from '../submitted-call.ts';
import { sendOpenAiError } from './openai-error.ts';

/** One request, from its body to its answer: what the service may know of it, and what it holds until then. */
export class OpenAiCall implements InferCall {
  readonly protocol = 'openai';
  readonly service: InferService;
  readonly response: ServerResponse;
  readonly path: string;
  readonly startMs: number;
  readonly #request: IncomingMessage;
  readonly #body: HeldBody;
  #model: ServedModel | undefined;
  /** Undefined: whoever watches has not heard of it yet. */
  #watches: readonly CallWatch[] | undefined;
  #ended = false;

  constructor(
    service: InferService,
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    body: HeldBody,
  ) {
    this.service = service;
    this.response = response;
    this.path = path;
    this.startMs = performance.now();
    this.#request = request;
    this.#body = body;
  }

  get bytes(): Buffer {
    return this.#body.bytes;
  }

  get gone(): boolean {
    return this.response.destroyed;
  }

  header(name: string): string | undefined {
    return this.#request.headers[name] as string | undefined;
  }

  /** The model that is meant; it stays loaded until the call ends. @throws RequestError */
  find(name: string): ServedModel {
    const model = this.service.find(name, undefined);
    model.hold();
    this.#model = model;
    return model;
  }

  /** For a call that no runner runs: from now on whoever watches hears how it ends. */
  watch(model: ServedModel): void {
    this.#watches = this.service.watch(model, this);
  }

  /** Of a watched call, once its answer is whole. */
  answered(model: ServedModel, usage: TokenUsage): void {
    this.service.countAnswered(model);
    for (const watch of this.#takeWatches()) watch.answered([], undefined, usage);
  }

  /** Of a watched call whose client has gone. */
  dropped(model: ServedModel): void {
    this.service.countDropped(model);
    for (const watch of this.#takeWatches()) watch.dropped();
  }

  /** Answers with an error, and ends the call. `counted`: somebody has counted it already. */
  fail(cause: unknown, counted = false): void {
    if (this.#ended) return;
    const error: RequestError = requestErrorOf(cause);
    if (this.#model && !counted) this.#countFailed(this.#model, error);
    if (!this.response.headersSent && !this.gone) {
      sendOpenAiError(this.response, error, this.service.loadReportWith(error));
    }
    this.end();
  }

  #countFailed(model: ServedModel, error: RequestError): void {
    if (!this.#watches) {
      this.service.refuse(model, this, error);
      return;
    }
    this.service.countFailed(model, error);
    for (const watch of this.#takeWatches()) watch.failed(error);
  }

  /** Each hears of one end only. */
  #takeWatches(): readonly CallWatch[] {
    const watches = this.#watches ?? [];
    this.#watches = [];
    return watches;
  }

  /** Gives back what it holds; more calls do no harm. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#body.release();
    this.#model?.release();
  }
}
