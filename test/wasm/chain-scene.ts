/** The built chain with both of its configurations, and the requests that its tests send through it. */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { CONTINUE, HOLD, WasmHost } from '../harness/wasm-host.ts';
import type { WasmStream } from '../harness/wasm-stream.ts';
import { routerText, splitterText, type TestMesh } from '../unit/chain/mesh.ts';
import { headersOf, piecesOf, type TestRequest } from '../unit/chain/travel.ts';

export const CHAIN = fileURLToPath(new URL('../../dist/filters/chain.wasm', import.meta.url));
const ROUTER_ID = 'modelweir.router';
const SPLITTER_ID = 'modelweir.splitter';

export class ChainScene {
  readonly host: WasmHost;
  /** Takes the requests. */
  readonly router: number;
  /** Has the variants, and takes none. */
  readonly splitter: number;

  /** `host` is a machine that has no configuration yet. */
  constructor(mesh: TestMesh, host: WasmHost = WasmHost.load(CHAIN)) {
    this.host = host;
    this.router = this.addRouter(mesh);
    this.splitter = this.addSplitter(mesh);
  }

  /** Another configuration of the router, beside the ones before. */
  addRouter(mesh: TestMesh): number {
    const root = this.host.createRoot(ROUTER_ID);
    assert.ok(this.configure(root, routerText(mesh)), this.host.logs.join('\n'));
    return root;
  }

  addSplitter(mesh: TestMesh): number {
    return this.addShard(splitterText(mesh));
  }

  addShard(text: string): number {
    const root = this.host.createRoot(SPLITTER_ID);
    assert.ok(this.configure(root, text), this.host.logs.join('\n'));
    return root;
  }

  /** Gives a root a configuration; one that replaces another asks to be told when its grace is over. */
  configure(root: number, text: string): boolean {
    const accepted = this.host.configure(root, text);
    this.takeGrace();
    return accepted;
  }

  /** All that a change of configurations, seen or told, may ask of the host. */
  private takeGrace(): void {
    assert.match(this.host.takeEffects().join(), /^(tick \d+ 5000)?$/);
  }

  /** The grace of what was replaced is over: the newest root of the router is told. */
  graceIsOver(root = this.router): void {
    this.host.tick(root);
    assert.deepEqual(this.host.takeEffects(), [`tick ${root} 0`]);
  }

  /** Envoy lets go of a root: where it was the newest, the one before begins a grace. */
  endRoot(root: number): void {
    this.host.endRoot(root);
    this.takeGrace();
  }

  /** Headers only, whether or not a body follows: the action is what the filter said. */
  begin(request: TestRequest, root = this.router): { stream: WasmStream; action: number } {
    const stream = this.host.createStream(root);
    this.takeGrace();
    const endOfStream = request.body === undefined;
    return { stream, action: stream.requestHeaders(headersOf(request), endOfStream) };
  }

  /** The headers of a request whose body has to come: nothing is done before. */
  held(request: TestRequest): WasmStream {
    const { stream, action } = this.begin({ body: '', ...request });
    assert.equal(action, HOLD);
    assert.deepEqual(this.host.takeEffects(), []);
    return stream;
  }

  /** All of a request, in its pieces, as far as the filter wants it. Trailers end it, if so wanted. */
  send(request: TestRequest, trailers = false): Passage {
    const { stream, action } = this.begin(request);
    const effects = this.host.takeEffects();
    let last = action;
    const pieces = piecesOf(request);
    for (const [index, piece] of pieces.entries()) {
      if (stream.replied) break;
      last = stream.requestBody(piece, !trailers && index === pieces.length - 1);
      effects.push(...this.host.takeEffects());
    }
    if (trailers && !stream.replied) {
      last = stream.requestTrailers();
      effects.push(...this.host.takeEffects());
    }
    return { stream, effects, action: last, sent: Buffer.concat(stream.request.sent) };
  }

  /** Ends a stream, and checks that nothing was left of any. */
  end(stream: WasmStream): void {
    stream.done();
    this.host.finish();
  }

  count(metric: string): number {
    return this.host.metrics.get(metric) ?? 0;
  }

  get heldBytes(): number {
    return this.count('modelweir_router_held_bytes');
  }
}

export interface Passage {
  readonly stream: WasmStream;
  readonly effects: readonly string[];
  readonly action: number;
  /** What of the body has left. */
  readonly sent: Buffer;
}

/** What is done with a request that reaches a variant, but for edits. */
export function routed(cluster: string, shown = 'only', routeClass = ''): string[] {
  return [
    ...(routeClass === '' ? [] : [`set request x-modelweir-route-class=${routeClass}`]),
    `set request x-modelweir-cluster=${cluster}`,
    'foreign clear_route_cache',
    ...(shown === '' ? [] : [`property modelweir.shown_variant=${JSON.stringify(shown)}`]),
  ];
}

/** A reply of JSON. */
export function replied(stream: WasmStream, status: number, body: unknown): string[] {
  return [`reply ${stream.id} ${status} content-type=application/json ${JSON.stringify(body)}`];
}

export function openAiError(status: number, code: string, message: string, param?: string): object {
  const type = status >= 500 ? 'server_error' : 'invalid_request_error';
  return { error: { message, type, param: param ?? null, code } };
}

export function counterOf(route: string, outcome: string): string {
  return `modelweir_router_requests_total;route=${route};outcome=${outcome}`;
}

export { CONTINUE, HOLD };
