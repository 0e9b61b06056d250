import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestError } from '../protocol/errors.ts';
import { type InferRequest, parseInferRequest } from '../protocol/infer-request.ts';
import type { Tensor } from '../protocol/tensor.ts';
import type { TensorLimits } from '../protocol/tensor-limits.ts';
import type { ServedModel } from '../runtime/model-catalog.ts';
import type { Client } from '../runtime/pending-request.ts';
import type { BodyReader, HeldBody } from './body-reader.ts';
import { JSON_LENGTH_HEADER, splitInferBody } from './infer-body.ts';
import type { InferCall, InferService } from './infer-service.ts';
import { sendError, sendTensors } from './responses.ts';

/** POST .../infer: body to tensors, tensors to the service, its answer to the client. */
export class InferHandler {
  readonly #bodies: BodyReader;
  readonly #limits: TensorLimits;
  readonly #service: InferService;

  constructor(bodies: BodyReader, limits: TensorLimits, service: InferService) {
    this.#bodies = bodies;
    this.#limits = limits;
    this.#service = service;
  }

  handle(model: ServedModel, request: IncomingMessage, response: ServerResponse): void {
    // Until it is submitted: it must not be closed while the body comes.
    model.hold();
    const call = new HttpCall(this.#service, model, request, response);
    this.#bodies.read(
      request,
      (body) => this.#infer(call, body),
      (error) => call.refuse(error),
      () => model.release(),
    );
  }

  #infer(call: HttpCall, body: HeldBody): void {
    const { model } = call;
    let parsed: InferRequest;
    try {
      // Joined by a comma if it came twice, which is no length then.
      const parts = splitInferBody(body.bytes, call.header(JSON_LENGTH_HEADER));
      parsed = parseInferRequest(parts, model.metadata, this.#limits);
    } catch (error) {
      body.release();
      call.refuse(error);
      return;
    }
    call.read(parsed, body);
    this.#service.submit(model, parsed, call, call);
    model.release();
  }
}

/** One request: what the service may know of it, and where its answer goes. */
class HttpCall implements InferCall, Client {
  readonly protocol = 'http';
  readonly model: ServedModel;
  readonly startMs: number | undefined;
  readonly #service: InferService;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #parsed: InferRequest | undefined;
  #body: HeldBody | undefined;

  constructor(
    service: InferService,
    model: ServedModel,
    request: IncomingMessage,
    response: ServerResponse,
  ) {
    this.#service = service;
    this.model = model;
    this.#request = request;
    this.#response = response;
    this.startMs = service.watched ? performance.now() : undefined;
  }

  /** Before it is submitted. */
  read(parsed: InferRequest, body: HeldBody): void {
    this.#parsed = parsed;
    this.#body = body;
  }

  refuse(cause: unknown): void {
    this.model.release();
    this.#send(this.#service.refuse(this.model, this, cause));
  }

  header(name: string): string | undefined {
    return this.#request.headers[name] as string | undefined;
  }

  get path(): string | undefined {
    return this.#request.url;
  }

  get gone(): boolean {
    return this.#response.destroyed;
  }

  answer(tensors: readonly Tensor[]): void {
    const { id, outputs } = this.#parsed as InferRequest;
    const answer = this.model.encoder.encode(id, outputs, tensors);
    this.#release();
    sendTensors(this.#response, answer, this.#service.loadReport?.text());
  }

  fail(error: RequestError): void {
    this.#release();
    this.#send(error);
  }

  drop(): void {
    this.#release();
  }

  #release(): void {
    this.#body?.release();
    this.#body = undefined;
  }

  #send(error: RequestError): void {
    sendError(this.#response, error, this.#service.loadReportWith(error));
  }
}
