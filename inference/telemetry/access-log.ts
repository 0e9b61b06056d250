import type { RequestError } from '../protocol/errors.ts';
import type { InferRequest } from '../protocol/infer-request.ts';
import type { ModelMetadata, Tensor } from '../protocol/tensor.ts';
import type { RunTiming } from '../runtime/pending-request.ts';
import type { CallWatch, InferCall, InferWatcher, TokenUsage } from './infer-watcher.ts';

/** A log line for each inference. For the debug level: a line costs more than a small model's run. */
export class AccessLog implements InferWatcher {
  readonly #log: (fields: object, message: string) => void;

  constructor(log: (fields: object, message: string) => void) {
    this.#log = log;
  }

  begin(model: ModelMetadata, request: InferRequest | undefined, call: InferCall): CallWatch {
    const startMs = call.startMs ?? performance.now();
    const fields = {
      protocol: call.protocol,
      model: model.name,
      version: model.version,
      id: request?.id,
      requestId: call.header('x-request-id'),
      traceparent: call.header('traceparent'),
    };
    const write = (message: string, more: object): void =>
      this.#log({ ...fields, durationMs: performance.now() - startMs, ...more }, message);
    return {
      answered: (
        _outputs: readonly Tensor[],
        timing: RunTiming | undefined,
        usage: TokenUsage | undefined,
      ) => write('answered', { ...timing, ...usage }),
      failed: ({ code, message }: RequestError) => write('failed', { code, reason: message }),
      dropped: () => write('dropped', {}),
    };
  }
}
