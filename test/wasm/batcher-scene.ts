/** The built batcher with one route, and the requests that its tests send through it. */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { CONTRACT_VERSION } from '../../filters/contract/limits.ts';
import { type CallAnswer, CONTINUE, HOLD, WasmHost } from '../harness/wasm-host.ts';
import type { Headers, WasmStream } from '../harness/wasm-stream.ts';

export const MODULE = fileURLToPath(new URL('../../dist/filters/batcher.wasm', import.meta.url));

export const ROUTE = {
  name: 'default/digits',
  maxRows: 8,
  maxBytes: 10_000,
  maxDelayMs: 20,
  maxInFlight: 1,
  timeoutMs: 1_000,
  identityHeaders: ['Authorization'],
  peerIdentity: false,
  deadlineHeader: 'X-Wait-Ms',
  retryFailed: true,
  sizeHeaders: true,
  grpc: false,
};

export const CONFIG = {
  version: CONTRACT_VERSION,
  disabled: false,
  maxHeldBytes: 1_000_000,
  routes: [ROUTE],
};

export const HEADERS: Headers = {
  ':method': 'POST',
  ':path': '/v2/models/digits/infer',
  ':authority': 'mesh',
  'content-type': 'application/json',
  'x-modelweir-route': 'default/digits',
  'x-modelweir-cluster': 'default/stable',
  'x-request-id': 'one of many',
  authorization: 'ann',
};

export function body(value: number, rows = 1): string {
  const data = Array.from({ length: rows }, () => value);
  const inputs = [{ name: 'x', shape: [rows], datatype: 'FP32', data }];
  return JSON.stringify({ id: `r${value}`, inputs });
}

export function answerBody(values: readonly number[], id: string): string {
  const output = { name: 'y', datatype: 'FP32', shape: [values.length], data: values };
  return JSON.stringify({ id, outputs: [output] });
}

export function answer(values: readonly number[], id: string): CallAnswer {
  const headers = { 'content-type': 'application/json', 'x-model': 'v1', 'set-cookie': 's=1' };
  return { status: 200, headers, body: answerBody(values, id) };
}

export interface Arriving {
  /** What Envoy says of the stream, by its path, joined by zero bytes. */
  readonly attributes?: Readonly<Record<string, string>>;
  /** What the chain noted. */
  readonly properties?: Readonly<Record<string, string>>;
}

export class Scene {
  readonly host = WasmHost.load(MODULE);
  readonly root: number;

  constructor(config: object = CONFIG) {
    this.root = this.host.createRoot();
    assert.ok(this.host.configure(this.root, JSON.stringify(config)), this.host.logs.join('\n'));
  }

  /** Headers only; the action is what the filter said. */
  arrive(
    headers: Headers = {},
    { attributes = {}, properties = {} }: Arriving = {},
  ): { stream: WasmStream; action: number } {
    const stream = this.host.createStream(this.root);
    for (const [name, value] of Object.entries(attributes)) stream.attributes.set(name, value);
    for (const [name, value] of Object.entries(properties)) {
      stream.properties.set(name, Buffer.from(value));
    }
    return { stream, action: stream.requestHeaders({ ...HEADERS, ...headers }) };
  }

  /** One that passes and keeps the lane busy until it is done. */
  lead(headers: Headers = {}, arriving: Arriving = {}): WasmStream {
    const { stream, action } = this.arrive(headers, arriving);
    assert.equal(action, CONTINUE);
    return stream;
  }

  /** One that is held, whole. */
  held(value: number, rows = 1): WasmStream {
    return this.hold(body(value, rows));
  }

  hold(text: string | Uint8Array, headers: Headers = {}, arriving: Arriving = {}): WasmStream {
    const { stream, action } = this.arrive(headers, arriving);
    assert.equal(action, HOLD);
    this.host.takeEffects();
    assert.equal(stream.requestBody(text, true), HOLD);
    return stream;
  }

  /** The effects, without what is noted for the access log. */
  effects(): string[] {
    return this.host.takeEffects().filter((effect) => !effect.startsWith('property '));
  }

  count(outcome: string, what = 'requests'): number {
    const name = `modelweir_batcher_${what}_total;route=default/digits;outcome=${outcome}`;
    return this.host.metrics.get(name) ?? 0;
  }
}
