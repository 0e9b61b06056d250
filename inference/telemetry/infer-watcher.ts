/** The seam between inferences and who looks on: traces, the payload log, the access log. */
import type { RequestError } from '../protocol/errors.ts';
import type { InferRequest } from '../protocol/infer-request.ts';
import type { ModelMetadata, Tensor } from '../protocol/tensor.ts';
import type { RunTiming } from '../runtime/pending-request.ts';

/** How an inference came in. */
export interface InferCall {
  readonly protocol: 'http' | 'grpc' | 'openai';
  /** Of the request's headers or metadata; `name` in lower case. */
  header(name: string): string | undefined;
  /** When the caller has no more use for the answer, in performance.now() time. */
  readonly deadlineMs?: number | undefined;
  /** As the model's configuration counts it; else its default. */
  readonly priority?: number | undefined;
  /** When it came in, in performance.now() time; else it is taken to have come when it is submitted. */
  readonly startMs?: number | undefined;
  /** The path of the URL; of a gRPC call, SERVICE/METHOD. */
  readonly path?: string | undefined;
}

export interface InferWatcher {
  /**
   * `request` is undefined where none could be read.
   * @returns who hears of the end; undefined if this call is of no interest.
   */
  begin(
    model: ModelMetadata,
    request: InferRequest | undefined,
    call: InferCall,
  ): CallWatch | undefined;
}

/** Of a text that was written. */
export interface TokenUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** Exactly one of these is called, once. The tensors are valid during the call only. */
export interface CallWatch {
  /** `timing` is undefined for what no runner ran. */
  answered(outputs: readonly Tensor[], timing: RunTiming | undefined, usage?: TokenUsage): void;
  failed(error: RequestError): void;
  /** Nobody waited for the answer any more. */
  dropped(): void;
}

/** Whoever of `watchers` is interested in this call. */
export function beginAll(
  watchers: readonly InferWatcher[],
  model: ModelMetadata,
  request: InferRequest | undefined,
  call: InferCall,
): readonly CallWatch[] {
  const watches: CallWatch[] = [];
  for (const watcher of watchers) {
    const watch = watcher.begin(model, request, call);
    if (watch) watches.push(watch);
  }
  return watches;
}
