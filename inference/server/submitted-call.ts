import { RequestError } from '../protocol/errors.ts';
import type { InferRequest } from '../protocol/infer-request.ts';
import type { Tensor } from '../protocol/tensor.ts';
import type { ServedModel } from '../runtime/model-catalog.ts';
import type { Client, RunTiming } from '../runtime/pending-request.ts';
import {
  beginAll,
  type CallWatch,
  type InferCall,
  type InferWatcher,
} from '../telemetry/infer-watcher.ts';
import type { InferService } from './infer-service.ts';

const NO_WATCHES: readonly CallWatch[] = [];

/** Stands between a model's runner and the protocol's client, to count and to show how a call ends. */
export class SubmittedCall implements Client {
  readonly #service: InferService;
  readonly #model: ServedModel;
  readonly #client: Client;
  #watches = NO_WATCHES;

  constructor(service: InferService, model: ServedModel, client: Client) {
    this.#service = service;
    this.#model = model;
    this.#client = client;
  }

  /** Before it is submitted: the inputs' memory goes to a worker then. */
  watch(watchers: readonly InferWatcher[], request: InferRequest, call: InferCall): void {
    this.#watches = beginAll(watchers, this.#model.metadata, request, call);
  }

  get gone(): boolean {
    return this.#client.gone;
  }

  answer(outputs: readonly Tensor[], timing: RunTiming): void {
    try {
      this.#client.answer(outputs, timing);
    } catch (error) {
      // A text can be longer than a string may be.
      this.fail(requestErrorOf(error));
      return;
    }
    this.#service.countAnswered(this.#model);
    for (const watch of this.#watches) watch.answered(outputs, timing);
  }

  fail(error: RequestError): void {
    this.#service.countFailed(this.#model, error);
    this.#client.fail(error);
    for (const watch of this.#watches) watch.failed(error);
  }

  drop(): void {
    this.#service.countDropped(this.#model);
    this.#client.drop();
    for (const watch of this.#watches) watch.dropped();
  }
}

/** What the client is told of anything that was thrown. */
export function requestErrorOf(cause: unknown): RequestError {
  if (cause instanceof RequestError) return cause;
  const reason = cause instanceof Error ? cause.message : cause;
  return new RequestError('internal', `the server failed: ${reason}`);
}
