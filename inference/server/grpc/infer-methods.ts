import { decodeInferMessage, type InferMessage } from '../../protocol/grpc/infer-message.ts';
import { parseInferMessage } from '../../protocol/grpc/infer-request.ts';
import { GrpcInferResponseEncoder } from '../../protocol/grpc/infer-response.ts';
import type { InferRequest } from '../../protocol/infer-request.ts';
import type { TensorLimits } from '../../protocol/tensor-limits.ts';
import type { ServedModel } from '../../runtime/model-catalog.ts';
import { headerBlock } from '../http2/header-block.ts';
import type { InferService } from '../infer-service.ts';
import { LOAD_REPORT_HEADER } from '../load-report.ts';
import { requestErrorOf } from '../submitted-call.ts';
import type { GrpcCall } from './grpc-call.ts';
import type { HeldBytes } from './held-bytes.ts';
import { type Caller, GrpcInferCall, type Reply } from './infer-call.ts';
import { statusOf } from './statuses.ts';

/** From the bytes of a ModelInferRequest to those of its answer. */
export class InferMethods {
  readonly #service: InferService;
  readonly #limits: TensorLimits;
  readonly #held: HeldBytes;
  readonly #encoders = new WeakMap<ServedModel, GrpcInferResponseEncoder>();
  #loadTrailers: { text: string; block: Buffer } | undefined;

  constructor(service: InferService, limits: TensorLimits, held: HeldBytes) {
    this.#service = service;
    this.#limits = limits;
    this.#held = held;
  }

  readonly modelInfer = (bytes: Buffer, call: GrpcCall): void => {
    this.run(call, bytes, {
      answer: (message) => call.answer(message, this.#trailers(this.#service.loadReport?.text())),
      fail: (error) => {
        const report = this.#service.loadReportWith(error);
        call.end(statusOf(error), report === undefined ? [] : [[LOAD_REPORT_HEADER, report]]);
      },
      drop: () => undefined,
    });
  };

  run(caller: Caller, bytes: Buffer, reply: Reply): void {
    let message: InferMessage;
    let model: ServedModel;
    try {
      message = decodeInferMessage(bytes, this.#limits);
      model = this.#service.find(message.modelName, message.modelVersion || undefined);
    } catch (error) {
      reply.fail(requestErrorOf(error), '');
      return;
    }
    const startMs = this.#service.watched ? performance.now() : undefined;
    const call = new GrpcInferCall(caller, reply, message.id, startMs);
    let request: InferRequest;
    try {
      request = parseInferMessage(message, model.metadata, this.#limits);
      call.read(request, this.#encoderOf(model), this.#held, bytes.length);
    } catch (error) {
      reply.fail(this.#service.refuse(model, call, error), message.id);
      return;
    }
    this.#service.submit(model, request, call, call);
  }

  #encoderOf(model: ServedModel): GrpcInferResponseEncoder {
    let encoder = this.#encoders.get(model);
    if (!encoder) {
      encoder = new GrpcInferResponseEncoder(model.metadata);
      this.#encoders.set(model, encoder);
    }
    return encoder;
  }

  /** A report is the same for some milliseconds. */
  #trailers(report: string | undefined): Buffer | undefined {
    if (report === undefined) return undefined;
    if (report !== this.#loadTrailers?.text) {
      const block = headerBlock(undefined, [
        ['grpc-status', '0'],
        [LOAD_REPORT_HEADER, report],
      ]);
      this.#loadTrailers = { text: report, block };
    }
    return this.#loadTrailers.block;
  }
}
