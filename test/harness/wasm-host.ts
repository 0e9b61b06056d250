/**
 * A strict proxy-wasm host for a built filter. It answers reads from its own state, records every other
 * host call, and fails the test on what Envoy would not forgive: an unknown import, a dead context, a
 * second reply, headers changed after they left, a pointer into nowhere, or an effect that no test took.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { hostCalls } from './wasm-imports.ts';
import { type HeaderPairs, WasmMemory } from './wasm-memory.ts';
import { type Headers, WasmStream } from './wasm-stream.ts';

export { CONTINUE, HOLD } from './wasm-stream.ts';

export interface CallAnswer {
  readonly status: number;
  readonly headers?: Headers;
  readonly body: string | Uint8Array;
  readonly trailers?: Headers;
}

/** A value that all machines of one id share, and how often it was set. */
export interface SharedValue {
  readonly value: Buffer;
  readonly version: number;
}

/** What host calls see while a call-out's answer is delivered. */
export interface AnswerView {
  readonly headers: HeaderPairs;
  readonly body: Buffer;
  readonly trailers: HeaderPairs;
}

export class WasmHost {
  readonly logs: string[] = [];
  readonly streams = new Map<number, WasmStream>();
  readonly pendingCalls = new Map<number, number>();
  /** Of the calls that are not answered yet. */
  readonly callBodies = new Map<number, Buffer>();
  readonly metrics = new Map<string, number>();
  readonly sharedData: Map<string, SharedValue>;
  /** Clusters that Envoy does not have: it does not even try to call them. */
  readonly missingClusters = new Set<string>();
  readonly exports: ReadonlySet<string>;
  memory!: WasmMemory;
  clockNs = 1_700_000_000_000_000_000n;
  configuration = '';
  /** Context that host calls act on: the callback's own, or the one it switched to. */
  effective = 0;
  answer: AnswerView | null = null;
  /** The root id that the configuration gives to each root. */
  private readonly roots = new Map<number, string>();
  private readonly functions: Record<string, unknown>;
  private effects: string[] = [];
  private nextId = 1;
  private nextToken = 1;
  private depth = 0;

  private constructor(bytes: Uint8Array, sharedData: Map<string, SharedValue>) {
    this.sharedData = sharedData;
    const module = new WebAssembly.Module(bytes);
    this.exports = new Set(WebAssembly.Module.exports(module).map((item) => item.name));
    assert.ok(
      this.exports.has('proxy_abi_version_0_2_1'),
      'the module does not say its ABI version',
    );
    const calls = hostCalls(this);
    for (const item of WebAssembly.Module.imports(module)) {
      assert.ok(item.module === 'env' && item.name in calls, `unknown import ${item.name}`);
    }
    const instance = new WebAssembly.Instance(module, { env: calls });
    this.functions = instance.exports;
    const allocate = this.functions['proxy_on_memory_allocate'] as (size: number) => number;
    this.memory = new WasmMemory(this.functions['memory'] as WebAssembly.Memory, allocate);
    const initialize = this.functions['_initialize'];
    if (typeof initialize === 'function') initialize();
  }

  /** A new machine. With the shared data of one that trapped it is the one that takes its place. */
  static load(path: string, sharedData = new Map<string, SharedValue>()): WasmHost {
    return new WasmHost(readFileSync(path), sharedData);
  }

  get memoryBytes(): number {
    return this.memory.bytes;
  }

  createRoot(rootId = ''): number {
    const id = this.nextId++;
    this.roots.set(id, rootId);
    this.callback('proxy_on_context_create', id, 0);
    this.callback('proxy_on_vm_start', id, 0);
    return id;
  }

  configure(root: number, text: string): boolean {
    this.configuration = text;
    return this.callback('proxy_on_configure', root, Buffer.byteLength(text)) !== 0;
  }

  createStream(root: number): WasmStream {
    const stream = new WasmStream(this.nextId++, root, this);
    this.streams.set(stream.id, stream);
    this.callback('proxy_on_context_create', stream.id, root);
    return stream;
  }

  tick(root: number, advanceMs = 0): void {
    this.advance(advanceMs);
    this.callback('proxy_on_tick', root);
  }

  advance(ms: number): void {
    this.clockNs += BigInt(Math.round(ms * 1e6));
  }

  /** Ends a root, as Envoy does when its configuration is replaced and its streams have ended. */
  endRoot(root: number): void {
    this.callback('proxy_on_done', root);
    this.callback('proxy_on_delete', root);
    this.roots.delete(root);
    for (const [token, owner] of this.pendingCalls) {
      if (owner === root) this.pendingCalls.delete(token);
    }
  }

  answerCall(token: number, answer: CallAnswer | 'failure'): void {
    const root = this.pendingCalls.get(token);
    assert.ok(root !== undefined, `call ${token} is not pending`);
    this.pendingCalls.delete(token);
    this.callBodies.delete(token);
    const view = answer === 'failure' ? null : answerView(answer);
    this.answer = view;
    const headers = view?.headers.length ?? 0;
    const size = view?.body.length ?? 0;
    const trailers = view?.trailers.length ?? 0;
    this.callback('proxy_on_http_call_response', root, token, headers, size, trailers);
    this.answer = null;
  }

  /** The host calls made since the last take, in order and readable. */
  takeEffects(): string[] {
    const taken = this.effects;
    this.effects = [];
    return taken;
  }

  /** Fails where a host call was not expected by the test, or a stream was left open. */
  finish(): void {
    assert.deepEqual(this.effects, [], 'host calls that the test did not expect');
    assert.deepEqual([...this.streams.keys()], [], 'streams left open');
  }

  // What host calls and streams use.

  record(effect: string): void {
    this.effects.push(effect);
  }

  newCall(): number {
    const root = this.effective;
    assert.ok(
      this.roots.has(root),
      `a call-out from ${root}, which is no root, ends with its stream`,
    );
    const token = this.nextToken++;
    this.pendingCalls.set(token, root);
    return token;
  }

  isRoot(id: number): boolean {
    return this.roots.has(id);
  }

  get inCallback(): boolean {
    return this.depth > 0;
  }

  /** Of a root, or of the root of a stream. */
  rootIdOf(id: number): string {
    return this.roots.get(this.streams.get(id)?.root ?? id) ?? '';
  }

  /** The stream that host calls act on; dead or unknown ones crash Envoy, so they fail the test. */
  effectiveStream(): WasmStream {
    const stream = this.streams.get(this.effective);
    assert.ok(
      stream && !stream.over,
      `host call on context ${this.effective}, which is no live stream`,
    );
    return stream;
  }

  callback(name: string, id: number, ...args: number[]): number {
    // Envoy deletes a context right after it is done: no test comes in between.
    if (name !== 'proxy_on_delete') {
      assert.deepEqual(this.effects, [], `host calls not taken before ${name}`);
    }
    const callback = this.functions[name];
    if (typeof callback !== 'function') return 0;
    assert.equal(this.depth, 0, 'a callback inside a callback');
    this.depth++;
    this.effective = id;
    try {
      return Number(callback(id, ...args) ?? 0);
    } finally {
      this.depth--;
    }
  }

  streamEnded(id: number): void {
    this.streams.delete(id);
  }
}

function answerView(answer: CallAnswer): AnswerView {
  const headers: HeaderPairs = [
    [':status', String(answer.status)],
    ...Object.entries(answer.headers ?? {}),
  ];
  const trailers = Object.entries(answer.trailers ?? {});
  return { headers, body: Buffer.from(answer.body as Uint8Array), trailers };
}
