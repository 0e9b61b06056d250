/** The built rewriter of one cluster, plans of requests as the chain makes them, and attempts at them. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import {
  encodeRewriterConfig,
  RewriterConfig,
  RewriterTarget,
} from '../../filters/contract/rewriter-config.ts';
import { placeOf } from '../../filters/rewriter/message-place.ts';
import {
  PLAN_FORM,
  PLAN_HEADER,
  PLAN_JSON,
  PLAN_MESSAGE,
  PLAN_PATH,
  Plan,
} from '../../filters/rewriter/plan.ts';
import { GrpcReader } from '../../filters/wire/grpc-reader.ts';
import { CONTINUE, HOLD, WasmHost } from '../harness/wasm-host.ts';
import type { Headers, WasmStream } from '../harness/wasm-stream.ts';

export { CONTINUE, HOLD };

export const REWRITER = fileURLToPath(new URL('../../dist/filters/rewriter.wasm', import.meta.url));
const TARGET = 'xds\0upstream_host_metadata\0filter_metadata\0modelweir\0target';

export type TestTarget = Partial<Omit<RewriterTarget, 'name'>>;
/** The targets are named `default/a`, `default/b` and so on. */
export type TestConfig = Partial<Omit<RewriterConfig, 'targets'>> & {
  readonly targets?: readonly TestTarget[];
};

export function configText({ targets = [{}], ...rest }: TestConfig): string {
  const config = new RewriterConfig();
  Object.assign(config, { route: 'default/r', maxHoldBytes: 65_536, ...rest });
  config.targets = targets.map((target, index) =>
    Object.assign(new RewriterTarget(), {
      name: `default/${'abcdefgh'[index]}`,
      variant: index === 0 ? 'canary' : 'stable',
      ...target,
    }),
  );
  return encodeRewriterConfig(config);
}

function planOf(kind: number, fields: Partial<Plan>): Plan {
  const first = { kind, protocol: 'OpenAI', variant: 'canary', model: 'public', path: '/v1/x' };
  return Object.assign(new Plan(), first, fields);
}

export function pathPlan(path: string, fields: Partial<Plan> = {}): Plan {
  return planOf(PLAN_PATH, { protocol: 'OpenInference', path, ...fields });
}

export function headerPlan(modelHeader: string, fields: Partial<Plan> = {}): Plan {
  return planOf(PLAN_HEADER, { protocol: 'Other', modelHeader, ...fields });
}

/** Of a JSON body with the model `public`; with a content-length. */
export function jsonPlan(body: string, fields: Partial<Plan> = {}): Plan {
  const token = '"public"';
  const offset = Buffer.byteLength(body.slice(0, body.indexOf(token)));
  const contentLength = String(Buffer.byteLength(body));
  return planOf(PLAN_JSON, { offset, length: token.length, contentLength, ...fields });
}

export function formPlan(body: Buffer, fields: Partial<Plan> = {}): Plan {
  const offset = body.indexOf('public');
  const contentLength = String(body.length);
  return planOf(PLAN_FORM, { offset, length: 6, contentLength, ...fields });
}

/** Of a `ModelInfer` message with the model `public`. */
export function messagePlan(body: Buffer, fields: Partial<Plan> = {}): Plan {
  const reader = new GrpcReader(1, 2);
  reader.feed(body, 0, body.length);
  reader.feed(body, reader.stoppedAt, body.length);
  reader.finish();
  const path = '/inference.GRPCInferenceService/ModelInfer';
  const place = placeOf(reader, 2);
  return planOf(PLAN_MESSAGE, { protocol: 'OpenInferenceGRPC', path, place, ...fields });
}

/** What a request's headers say where nothing has changed them. */
export function headersFor(plan: Plan): Headers {
  const { path, contentLength } = plan;
  const length: Headers = contentLength === '' ? {} : { 'content-length': contentLength };
  return { ':method': 'POST', ':path': path, ...length };
}

export interface TestAttempt {
  /** As a property; a text is given as it is. */
  readonly plan?: Plan | string;
  /** Default: what the plan says. */
  readonly headers?: Headers;
  /** What the endpoint says of itself. */
  readonly target?: string;
  /** In its pieces; absent: there is none. */
  readonly body?: readonly (string | Uint8Array)[];
  /** The attempt before, whose headers and properties this one finds. */
  readonly after?: WasmStream;
  /** What the chain has noted. */
  readonly noted?: Readonly<Record<string, string>>;
  readonly trailers?: boolean;
}

export interface Passage {
  readonly stream: WasmStream;
  readonly effects: readonly string[];
  readonly action: number;
  readonly sent: Buffer;
}

export class RewriterScene {
  readonly host: WasmHost;
  readonly root: number;

  constructor(config: TestConfig, host: WasmHost = WasmHost.load(REWRITER)) {
    this.host = host;
    this.root = host.createRoot('modelweir.rewriter');
    assert.ok(host.configure(this.root, configText(config)), host.logs.join('\n'));
  }

  /** A stream of one attempt, before anything of it has come. */
  open({ plan, target, after, noted = {} }: TestAttempt): WasmStream {
    const stream = this.host.createStream(this.root);
    if (target !== undefined) stream.attributes.set(TARGET, target);
    if (after !== undefined) stream.properties = after.properties;
    else if (plan !== undefined) {
      const text = typeof plan === 'string' ? plan : plan.encode();
      stream.properties.set('modelweir.plan', Buffer.from(text));
    }
    for (const [name, value] of Object.entries(noted)) {
      stream.properties.set(name, Buffer.from(value));
    }
    return stream;
  }

  /** The request of one attempt, in its pieces, as far as the filter wants it. */
  send(attempt: TestAttempt): Passage {
    const { plan, after, body = [], trailers = false } = attempt;
    const stream = this.open(attempt);
    const planned = typeof plan === 'object' ? headersFor(plan) : { ':path': '/v1/x' };
    const headers = attempt.headers ?? after?.requestHeadersNow ?? planned;
    let action = stream.requestHeaders(headers, attempt.body === undefined && !trailers);
    const effects = this.host.takeEffects();
    for (const [index, piece] of body.entries()) {
      if (stream.replied) break;
      action = stream.requestBody(piece, !trailers && index === body.length - 1);
      effects.push(...this.host.takeEffects());
    }
    if (trailers && !stream.replied) {
      action = stream.requestTrailers();
      effects.push(...this.host.takeEffects());
    }
    return { stream, effects, action, sent: Buffer.concat(stream.request.sent) };
  }

  /** An answer in its pieces, and what came of it. */
  answer(
    stream: WasmStream,
    headers: Headers,
    pieces: readonly (string | Uint8Array)[],
    trailers = false,
  ): Buffer {
    stream.responseHeaders({ ':status': '200', ...headers }, pieces.length === 0 && !trailers);
    this.host.takeEffects();
    for (const [index, piece] of pieces.entries()) {
      stream.responseBody(piece, !trailers && index === pieces.length - 1);
      this.host.takeEffects();
    }
    if (trailers) stream.responseTrailers();
    this.host.takeEffects();
    assert.ok(stream.response.headersReleased, 'the answer is still held');
    return Buffer.concat(stream.response.sent);
  }

  /** Ends a stream, and checks that nothing was left of any. */
  end(...streams: readonly WasmStream[]): void {
    for (const stream of streams) stream.done();
    this.host.finish();
  }

  attempts(outcome: string, variant = 'canary'): number {
    return this.count(
      `modelweir_rewriter_attempts_total;route=default/r;variant=${variant}`,
      outcome,
    );
  }

  answers(outcome: string, variant = 'canary'): number {
    return this.count(
      `modelweir_rewriter_answers_total;route=default/r;variant=${variant}`,
      outcome,
    );
  }

  tokens(direction: string, variant = 'canary'): number {
    const metric = `modelweir_tokens_total;route=default/r;variant=${variant}`;
    return this.host.metrics.get(`${metric};direction=${direction}`) ?? 0;
  }

  private count(metric: string, outcome: string): number {
    return this.host.metrics.get(`${metric};outcome=${outcome}`) ?? 0;
  }
}

/** A property of a request as it is now. */
export function noted(stream: WasmStream, name: string): string {
  return stream.properties.get(name)?.toString() ?? '';
}
