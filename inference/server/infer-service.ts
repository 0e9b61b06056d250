/**
 * Owns what every protocol does alike with an inference: finding its model, counting how it ended, and letting
 * traces, the payload log and the access log watch it. It knows no transport.
 */
import { RequestError } from '../protocol/errors.ts';
import type { InferRequest } from '../protocol/infer-request.ts';
import type { ModelCatalog, ServedModel } from '../runtime/model-catalog.ts';
import type { ModelRunner } from '../runtime/model-runner.ts';
import type { Client } from '../runtime/pending-request.ts';
import {
  beginAll,
  type CallWatch,
  type InferCall,
  type InferWatcher,
} from '../telemetry/infer-watcher.ts';
import { LoadReport } from './load-report.ts';
import type { PodMetrics } from './pod-metrics.ts';
import { statusOf } from './responses.ts';
import { submitOptionsOf } from './submit-options.ts';
import { requestErrorOf, SubmittedCall } from './submitted-call.ts';

export type { InferCall } from '../telemetry/infer-watcher.ts';
export { requestErrorOf } from './submitted-call.ts';

export interface InferServiceOptions {
  /** Whether answers tell the pod's load. */
  readonly loadReport: boolean;
  /** None: watching costs nothing. */
  readonly watchers?: readonly InferWatcher[];
}

export class InferService {
  /** Undefined: answers say nothing of the load. */
  readonly loadReport: LoadReport | undefined;
  /** Whether anybody wants to know when a call began. */
  readonly watched: boolean;
  readonly #catalog: () => ModelCatalog | undefined;
  readonly #metrics: PodMetrics;
  readonly #watchers: readonly InferWatcher[];

  /** `catalog` is undefined while models are being loaded. */
  constructor(
    catalog: () => ModelCatalog | undefined,
    metrics: PodMetrics,
    { loadReport, watchers = [] }: InferServiceOptions,
  ) {
    this.#catalog = catalog;
    this.#metrics = metrics;
    this.#watchers = watchers;
    this.watched = watchers.length > 0;
    this.loadReport = loadReport
      ? new LoadReport(() => (catalog()?.models ?? []).flatMap(loadsOf))
      : undefined;
  }

  /**
   * The model that an inference is for. A refusal is counted, so ask for nothing else with it.
   * @throws RequestError not-found, or unavailable while it is being loaded or if it cannot be.
   */
  find(name: string, version: string | undefined): ServedModel {
    const catalog = this.#catalog();
    const model = catalog?.find(name, version);
    if (model) return model;
    const error =
      catalog?.refusal(name, version) ??
      new RequestError('unavailable', 'the models are being loaded; try again');
    this.#count('', error);
    throw error;
  }

  /**
   * Runs a request that was parsed against this model's metadata. Never throws: the client hears of everything,
   * a refusal included, at once or later. If its `answer` throws, its `fail` is called.
   */
  submit(model: ServedModel, request: InferRequest, call: InferCall, client: Client): void {
    const submitted = new SubmittedCall(this, model, client);
    if (this.watched) submitted.watch(this.#watchers, request, call);
    try {
      model.runner.submit(request.inputs, submitted, submitOptionsOf(request, call));
    } catch (error) {
      submitted.fail(requestErrorOf(error));
    }
  }

  /**
   * For a request that is refused before it could be submitted, such as one that does not parse.
   * @returns what to tell the client.
   */
  refuse(model: ServedModel, call: InferCall, cause: unknown): RequestError {
    const error = requestErrorOf(cause);
    this.countFailed(model, error);
    for (const watch of this.watch(model, call)) watch.failed(error);
    return error;
  }

  /** For an inference that no runner runs: tell each of these how it ends, and count it. */
  watch(model: ServedModel, call: InferCall): readonly CallWatch[] {
    return beginAll(this.#watchers, model.metadata, undefined, call);
  }

  countAnswered(model: ServedModel): void {
    this.#metrics.countRequest(model.metadata.name, 200);
  }

  countFailed({ metadata }: ServedModel, error: RequestError): void {
    this.#count(metadata.name, error);
    this.#metrics.countFailure(metadata.name, metadata.version, error.code);
    if (saysOfLoad(error)) this.loadReport?.countFailed();
  }

  countDropped({ metadata }: ServedModel): void {
    this.#metrics.countFailure(metadata.name, metadata.version, 'cancelled');
  }

  /** The load report to send with a failure; undefined with one that says nothing of how the pod fares. */
  loadReportWith(error: RequestError): string | undefined {
    return saysOfLoad(error) ? this.loadReport?.text() : undefined;
  }

  #count(model: string, error: RequestError): void {
    this.#metrics.countRequest(model, statusOf(error));
  }
}

/** A request that is wrong says nothing of how the pod fares. */
function saysOfLoad(error: RequestError): boolean {
  const status = statusOf(error);
  return status >= 500 || status === 429;
}

/** A model that writes text does so beside its runner. */
function loadsOf({ runner, text }: ServedModel): Pick<ModelRunner, 'load' | 'queuedRows'>[] {
  return text?.writer ? [runner, text.writer] : [runner];
}
