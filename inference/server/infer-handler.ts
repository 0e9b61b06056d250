import type { IncomingMessage, ServerResponse } from 'node:http';
import { RequestError } from '../protocol/errors.ts';
import { type InferRequest, parseInferRequest } from '../protocol/infer-request.ts';
import type { InferAnswer } from '../protocol/infer-response.ts';
import type { Tensor } from '../protocol/tensor.ts';
import type { TensorLimits } from '../protocol/tensor-limits.ts';
import type { ServedModel } from '../runtime/model-catalog.ts';
import type { Client } from '../runtime/pending-request.ts';
import type { BodyReader, HeldBody } from './body-reader.ts';
import { JSON_LENGTH_HEADER, splitInferBody } from './infer-body.ts';
import type { LoadReport } from './load-report.ts';
import type { PodMetrics } from './pod-metrics.ts';
import { sendError, sendTensors, statusOf } from './responses.ts';

/** POST .../infer: body to tensors, tensors to the model's runner, its answer to the client. */
export class InferHandler {
  /** Undefined: answers say nothing of the load. */
  loadReport: LoadReport | undefined;
  readonly #bodies: BodyReader;
  readonly #limits: TensorLimits;
  readonly #metrics: PodMetrics;

  constructor(bodies: BodyReader, limits: TensorLimits, metrics: PodMetrics) {
    this.#bodies = bodies;
    this.#limits = limits;
    this.#metrics = metrics;
  }

  handle(model: ServedModel, request: IncomingMessage, response: ServerResponse): void {
    const fail = (error: RequestError): void => this.#fail(model, response, error);
    // Joined by a comma if it came twice, which is no length then.
    const jsonLength = request.headers[JSON_LENGTH_HEADER] as string | undefined;
    this.#bodies.read(request, (body) => this.#infer(model, body, jsonLength, response), fail);
  }

  #infer(
    model: ServedModel,
    body: HeldBody,
    jsonLength: string | undefined,
    response: ServerResponse,
  ): void {
    try {
      const parts = splitInferBody(body.bytes, jsonLength);
      const parsed = parseInferRequest(parts, model.metadata, this.#limits);
      model.runner.submit(parsed.inputs, this.#client(model, parsed, body, response));
    } catch (error) {
      body.release();
      this.#fail(model, response, error);
    }
  }

  #client(
    model: ServedModel,
    parsed: InferRequest,
    body: HeldBody,
    response: ServerResponse,
  ): Client {
    return {
      get gone() {
        return response.destroyed;
      },
      answer: (outputs: readonly Tensor[]) => {
        body.release();
        this.#answer(model, parsed, outputs, response);
      },
      fail: (error: RequestError) => {
        body.release();
        this.#fail(model, response, error);
      },
      drop: () => body.release(),
    };
  }

  #answer(
    model: ServedModel,
    parsed: InferRequest,
    outputs: readonly Tensor[],
    response: ServerResponse,
  ): void {
    let answer: InferAnswer;
    try {
      answer = model.encoder.encode(parsed.id, parsed.outputs, outputs);
    } catch (error) {
      // A text can be longer than a string may be.
      this.#fail(model, response, error);
      return;
    }
    this.#metrics.countRequest(model.metadata.name, 200);
    sendTensors(response, answer, this.loadReport?.text());
  }

  #fail(model: ServedModel, response: ServerResponse, cause: unknown): void {
    const error =
      cause instanceof RequestError
        ? cause
        : new RequestError(
            'internal',
            `the server failed: ${cause instanceof Error ? cause.message : cause}`,
          );
    const status = statusOf(error);
    this.#metrics.countRequest(model.metadata.name, status);
    // A request that is wrong says nothing of how the pod fares.
    const report = status >= 500 || status === 429 ? this.loadReport : undefined;
    report?.countFailed();
    sendError(response, error, report?.text());
  }
}
