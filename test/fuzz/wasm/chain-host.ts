/** The built chain under the strict host: takes a request through it, and says what became of it. */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { WasmHost } from '../../harness/wasm-host.ts';
import type { WasmStream } from '../../harness/wasm-stream.ts';
import { routerText, splitterText, type TestMesh } from '../../unit/chain/mesh.ts';
import type { WasmSetting } from './random-request.ts';

const MODULE = fileURLToPath(new URL('../../../dist/filters/chain.wasm', import.meta.url));
const HELD_BYTES = 'modelweir_router_held_bytes';
/** Far above what one request at a time needs: more would be a leak. */
const MAX_MEMORY_BYTES = 64 << 20;

export interface Exchange {
  /** Whether the request went on to a backend. */
  readonly isSent: boolean;
  readonly headers: Readonly<Record<string, string>>;
  /** What of the body was sent. */
  readonly body: Buffer;
  readonly properties: Readonly<Record<string, string>>;
  /** `200 content-type=application/json TEXT`; null: it was not answered. */
  readonly reply: string | null;
  /** `cluster=NAME GET /path ...`, a question to a backend; null: none was asked. */
  readonly question: string | null;
  /** All other host calls, sorted. */
  readonly others: readonly string[];
}

export class ChainHost {
  readonly #host = WasmHost.load(MODULE);
  readonly #root: number;

  constructor(mesh: TestMesh) {
    this.#root = this.#host.createRoot('modelweir.router');
    this.#configure(this.#root, routerText(mesh));
    this.#configure(this.#host.createRoot('modelweir.splitter'), splitterText(mesh));
  }

  /** `metadata`: what a backend says when it is asked about its model. */
  run(setting: WasmSetting, pieces: readonly Buffer[], metadata: string): Exchange {
    const host = this.#host;
    const stream = host.createStream(this.#root);
    const effects = host.takeEffects();
    const more = (): void => {
      effects.push(...host.takeEffects());
    };
    stream.requestHeaders({ ...setting.headers }, setting.end === 'headers');
    more();
    this.#bringBody(stream, setting, pieces, more);
    const [token] = host.pendingCalls.keys();
    if (setting.hangsUpAfter < 0 && token !== undefined) {
      host.answerCall(token, { status: 200, body: metadata });
      more();
    }
    const exchange = exchangeOf(stream, effects);
    stream.done();
    // An answer that comes when the client has gone.
    for (const late of [...host.pendingCalls.keys()]) host.answerCall(late, 'failure');
    host.finish();
    assert.equal(
      host.metrics.get(HELD_BYTES) ?? 0,
      0,
      'bytes that count as held when all has ended',
    );
    assert.ok(host.memoryBytes < MAX_MEMORY_BYTES, `the machine has ${host.memoryBytes} bytes`);
    return exchange;
  }

  #configure(root: number, text: string): void {
    assert.ok(this.#host.configure(root, text), this.#host.logs.join('\n'));
  }

  #bringBody(
    stream: WasmStream,
    { end, hangsUpAfter }: WasmSetting,
    pieces: readonly Buffer[],
    more: () => void,
  ): void {
    for (const [index, piece] of pieces.entries()) {
      if (stream.replied || index === hangsUpAfter) return;
      stream.requestBody(piece, index === pieces.length - 1 && end !== 'trailers');
      more();
    }
    if (stream.replied || end !== 'trailers' || hangsUpAfter >= 0) return;
    stream.requestTrailers();
    more();
  }
}

function exchangeOf(stream: WasmStream, effects: readonly string[]): Exchange {
  const reply = `reply ${stream.id} `;
  const known = /^(set request|replace request|property|reply|call) /;
  const question = effects.find((effect) => effect.startsWith('call '));
  return {
    isSent: stream.request.headersReleased,
    headers: stream.requestHeadersNow,
    body: Buffer.concat(stream.request.sent),
    properties: Object.fromEntries(
      [...stream.properties].map(([name, value]) => [name, value.toString()]),
    ),
    reply: effects.find((effect) => effect.startsWith(reply))?.slice(reply.length) ?? null,
    question: question?.replace(/^call \d+ /, '') ?? null,
    others: effects.filter((effect) => !known.test(effect)).sort(),
  };
}
