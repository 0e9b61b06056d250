/** A trace for each change: the event, the steps until it is published, and the proxies' answers. */
import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { Answer, ChangeWatch, ChangeWatcher, Ending, Step } from './change-watcher.ts';

/** Spans of single proxies in one trace. The others are counted. */
const MAX_PROXY_SPANS = 32;

export class ChangeTracer implements ChangeWatcher {
  readonly #tracer: Tracer;

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  begin(startMs: number): ChangeWatch {
    // Spans are in the time of the wall clock, which may be set while this runs.
    const epochMs = Date.now() - performance.now();
    const span = this.#tracer.startSpan('change', { startTime: epochMs + startMs }, ROOT_CONTEXT);
    return new TracedChange(this.#tracer, span, epochMs);
  }
}

class TracedChange implements ChangeWatch {
  readonly #tracer: Tracer;
  readonly #span: Span;
  readonly #context: Context;
  readonly #epochMs: number;
  #answers = 0;

  constructor(tracer: Tracer, span: Span, epochMs: number) {
    this.#tracer = tracer;
    this.#span = span;
    this.#context = trace.setSpan(ROOT_CONTEXT, span);
    this.#epochMs = epochMs;
  }

  step(step: Step, startMs: number, endMs: number): void {
    this.#child(step, startMs).end(this.#epochMs + endMs);
  }

  answered({ nodeId, refused, startMs, endMs }: Answer): void {
    this.#answers += 1;
    // A refusal is what somebody looks for.
    if (this.#answers > MAX_PROXY_SPANS && !refused) return;
    if (this.#answers > 2 * MAX_PROXY_SPANS) return;
    const span = this.#child('answer', startMs);
    span.setAttribute('modelweir.proxy.id', nodeId);
    if (refused) span.setStatus({ code: SpanStatusCode.ERROR, message: 'refused' });
    span.end(this.#epochMs + endMs);
  }

  ended({ outcome, endMs, proxies, refused, waiting }: Ending): void {
    this.#span.setAttributes({
      'modelweir.change.outcome': outcome,
      'modelweir.change.proxies': proxies,
      'modelweir.change.refused': refused,
      'modelweir.change.waiting': waiting,
    });
    const isBad = outcome === 'refused' || outcome === 'unpublished' || outcome === 'late';
    if (isBad) this.#span.setStatus({ code: SpanStatusCode.ERROR, message: outcome });
    this.#span.end(this.#epochMs + endMs);
  }

  #child(name: string, startMs: number): Span {
    return this.#tracer.startSpan(name, { startTime: this.#epochMs + startMs }, this.#context);
  }
}
