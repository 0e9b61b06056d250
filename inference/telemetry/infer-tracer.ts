import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import type { RequestError } from '../protocol/errors.ts';
import type { InferRequest } from '../protocol/infer-request.ts';
import type { ModelMetadata, Tensor } from '../protocol/tensor.ts';
import type { RunTiming } from '../runtime/pending-request.ts';
import { ERROR_STATUSES } from '../server/error-statuses.ts';
import type { CallWatch, InferCall, InferWatcher, TokenUsage } from './infer-watcher.ts';

const HEADERS: TextMapGetter<InferCall> = {
  get: (call, name) => call.header(name),
  keys: () => [],
};

/** A server span for each inference, in the trace that the caller names, and under it how long it waited and ran. */
export class InferTracer implements InferWatcher {
  readonly #tracer: Tracer;
  readonly #propagator = new W3CTraceContextPropagator();

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  begin(
    model: ModelMetadata,
    request: InferRequest | undefined,
    call: InferCall,
  ): CallWatch | undefined {
    const parent = this.#propagator.extract(ROOT_CONTEXT, call, HEADERS);
    const submittedMs = performance.now();
    // Spans are in the time of the wall clock, which may be set while the pod runs.
    const epochMs = Date.now() - submittedMs;
    const span = this.#tracer.startSpan(
      nameOf(call),
      {
        kind: SpanKind.SERVER,
        startTime: epochMs + (call.startMs ?? submittedMs),
        attributes: attributesOf(model, request, call),
      },
      parent,
    );
    if (!span.isRecording()) return undefined;
    return new TracedCall(
      this.#tracer,
      span,
      trace.setSpan(parent, span),
      call,
      epochMs,
      submittedMs,
    );
  }
}

class TracedCall implements CallWatch {
  readonly #tracer: Tracer;
  readonly #span: Span;
  readonly #context: Context;
  readonly #isGrpc: boolean;
  readonly #epochMs: number;
  readonly #submittedMs: number;

  constructor(
    tracer: Tracer,
    span: Span,
    context: Context,
    call: InferCall,
    epochMs: number,
    submittedMs: number,
  ) {
    this.#tracer = tracer;
    this.#span = span;
    this.#context = context;
    this.#isGrpc = call.protocol === 'grpc';
    this.#epochMs = epochMs;
    this.#submittedMs = submittedMs;
  }

  answered(_outputs: readonly Tensor[], timing: RunTiming | undefined, usage?: TokenUsage): void {
    if (usage) {
      this.#span.setAttribute('gen_ai.usage.input_tokens', usage.promptTokens);
      this.#span.setAttribute('gen_ai.usage.output_tokens', usage.completionTokens);
    }
    if (timing) {
      const runMs = this.#submittedMs + timing.queueMs;
      this.#child('inference.queue', this.#submittedMs, runMs);
      const attributes = { 'modelweir.batch.rows': timing.batchRows };
      this.#child('inference.compute', runMs, runMs + timing.computeMs, attributes);
    }
    this.#end(200, 'OK');
  }

  failed({ code, message }: RequestError): void {
    const { http, grpc } = ERROR_STATUSES[code];
    this.#span.setAttribute('error.type', code);
    // The caller's own mistakes are no errors of a server, by the conventions.
    if (http >= 500) this.#span.setStatus({ code: SpanStatusCode.ERROR, message });
    this.#end(http, grpc);
  }

  dropped(): void {
    this.#span.setAttribute('error.type', 'cancelled');
    this.#span.end(this.#epochMs + performance.now());
  }

  #child(name: string, startMs: number, endMs: number, attributes: Attributes = {}): void {
    const options = { startTime: this.#epochMs + startMs, attributes };
    this.#tracer.startSpan(name, options, this.#context).end(this.#epochMs + endMs);
  }

  #end(http: number, grpc: string): void {
    if (this.#isGrpc) this.#span.setAttribute('rpc.response.status_code', grpc);
    else this.#span.setAttribute('http.response.status_code', http);
    this.#span.end(this.#epochMs + performance.now());
  }
}

const GRPC_METHOD = 'inference.GRPCInferenceService/ModelInfer';
const OPERATIONS: Readonly<Record<string, string>> = {
  '/v1/embeddings': 'embeddings',
  '/v1/completions': 'text_completion',
  '/v1/chat/completions': 'chat',
};
const INFER_ROUTE = '/v2/models/{model}/infer';

/** Never with the name of a model, by the conventions: names of spans are few. */
function nameOf(call: InferCall): string {
  return call.protocol === 'grpc' ? (call.path ?? GRPC_METHOD) : `POST ${routeOf(call)}`;
}

function routeOf({ protocol, path }: InferCall): string {
  if (protocol === 'openai') return path ?? '/v1/embeddings';
  return path?.includes('/versions/') ? '/v2/models/{model}/versions/{version}/infer' : INFER_ROUTE;
}

function attributesOf(
  { name, version }: ModelMetadata,
  request: InferRequest | undefined,
  call: InferCall,
): Attributes {
  const attributes: Attributes =
    call.protocol === 'grpc'
      ? { 'rpc.system.name': 'grpc', 'rpc.method': call.path ?? GRPC_METHOD }
      : { 'http.request.method': 'POST', 'http.route': routeOf(call) };
  if (call.protocol !== 'grpc' && call.path !== undefined) {
    attributes['url.path'] = call.path.split('?', 1)[0];
  }
  if (call.protocol === 'openai') {
    attributes['gen_ai.operation.name'] = OPERATIONS[routeOf(call)];
    attributes['gen_ai.request.model'] = name;
  }
  attributes['modelweir.model.name'] = name;
  attributes['modelweir.model.version'] = version;
  const [first] = request?.inputs ?? [];
  if (first) attributes['modelweir.request.rows'] = first.shape[0] ?? 1;
  return attributes;
}
