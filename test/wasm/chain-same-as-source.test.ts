/** The built chain does what its source does under Node, for random requests in random pieces. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorBody, grpcStatusOf, Refusal } from '../../filters/wire/error-body.ts';
import { randomSource } from '../harness/random.ts';
import type { WasmStream } from '../harness/wasm-stream.ts';
import { randomMesh, randomPieces, randomRequest } from '../unit/chain/random-requests.ts';
import {
  headersOf,
  type Outcome,
  piecesOf,
  type TestRequest,
  travel,
} from '../unit/chain/travel.ts';
import { ChainScene, type Passage } from './chain-scene.ts';

const SEED = Number(process.env['FUZZ_SEED'] ?? 20261128);
const ROUNDS = 6_000;

/** What the module did, in the words of the source's outcome; of a choice by chance only its route. */
interface Told {
  readonly end: string;
  readonly reply?: string;
  readonly route?: string | undefined;
  readonly model?: string | undefined;
  readonly cluster?: string | undefined;
  readonly path?: string | undefined;
  readonly modelHeader?: string | undefined;
  readonly contentLength?: string | undefined;
  readonly body?: string;
}

function toldByModule({ stream, effects, sent }: Passage, byChance: boolean): Told {
  const reply = effects.find((effect) => effect.startsWith('reply '));
  if (reply !== undefined) return { end: 'reply', reply: reply.replace(/^reply \d+ /, '') };
  const call = effects.find((effect) => effect.startsWith('call '));
  if (call !== undefined) {
    const [, cluster, path] = /cluster=(\S+) GET (\S+) /.exec(call) ?? [];
    return { end: 'ask', cluster: byChance ? '' : cluster, path };
  }
  const headers = stream.requestHeadersNow;
  if (headers['x-modelweir-cluster'] === undefined) {
    assert.deepEqual(effects, []);
    return { end: 'pass', body: sent.toString('latin1') };
  }
  return {
    end: 'send',
    route: noted(stream, 'route'),
    model: noted(stream, 'model')?.replace(/\ufffd+/g, '\ufffd'),
    cluster: byChance ? '' : headers['x-modelweir-cluster'],
    path: headers[':path'],
    modelHeader: headers['x-model'],
    contentLength: headers['content-length'],
    body: sent.toString('latin1'),
  };
}

function noted(stream: WasmStream, fact: string): string | undefined {
  return stream.properties.get(`modelweir.${fact}`)?.toString();
}

function toldBySource(outcome: Outcome, protocol: string, request: TestRequest): Told {
  const { end, body, path } = outcome;
  const cluster = isByChance(outcome) ? '' : outcome.cluster;
  const headers = headersOf(request);
  if (end === 'refuse') return { end: 'reply', reply: refusalReply(outcome, protocol) };
  if (end === 'answer') {
    return { end: 'reply', reply: `200 content-type=application/json ${outcome.answer}` };
  }
  if (end === 'ask') return { end, cluster, path };
  if (end === 'pass') return { end, body: body.toString('latin1') };
  return {
    end,
    route: outcome.route,
    // Half a surrogate pair has no UTF-8 in which the module could note it.
    model: outcome.model.toWellFormed(),
    cluster,
    path,
    modelHeader: outcome.modelHeader || headers['x-model'],
    contentLength: outcome.contentLength || headers['content-length'],
    body: body.toString('latin1'),
  };
}

function refusalReply({ refusal, message }: Outcome, protocol: string): string {
  const [status = '', code = ''] = refusal.split(' ');
  const said = new Refusal(Number(status), code, message);
  if (protocol === 'OpenInferenceGRPC')
    return `${status} grpc-status=${grpcStatusOf(said)} ${message}`;
  if (code.includes('model')) said.param = 'model';
  return `${status} content-type=application/json ${errorBody(protocol, said)}`;
}

/** Only the variants of these routes are chosen by chance where no key decides. */
function isByChance({ route, key }: Outcome): boolean {
  return key === '' && ['sticky', 'nested', 'other'].includes(route);
}

for (const strict of [true, false]) {
  for (const maxHoldBytes of [100_000, 60]) {
    const mode = `${strict ? 'strict' : 'fast'}, holding ${maxHoldBytes} bytes`;
    test(`${mode}: the module does as its source (FUZZ_SEED=${SEED})`, () => {
      const next = randomSource(SEED + maxHoldBytes);
      const defaultOverLimit = maxHoldBytes < 1_000;
      const mesh = {
        ...randomMesh({ strict, maxHoldBytes, defaultOverLimit }),
        noteOutcome: true,
        noteFacts: true,
      };
      const scene = new ChainScene(mesh);
      for (let round = 0; round < ROUNDS; round++) {
        const whole = randomRequest(next);
        const body = Buffer.concat(piecesOf(whole));
        const length = next(2) === 0 ? { 'content-length': String(body.length) } : {};
        const headers = { ...whole.headers, ...length };
        const pieces = whole.body === undefined ? {} : { body: randomPieces(next, body) };
        const request = { ...whole, headers, ...pieces };
        const outcome = travel(mesh, request);
        const passage = scene.send(request, next(4) === 0 && whole.body !== undefined);
        const shown = JSON.stringify({
          headers: headersOf(request),
          body: body.toString('latin1'),
        });
        const message = `round ${round}: ${shown}`;
        const expected = toldBySource(outcome, outcome.protocol, request);
        assert.deepEqual(toldByModule(passage, isByChance(outcome)), expected, message);
        passage.stream.done();
        for (const token of scene.host.pendingCalls.keys()) scene.host.answerCall(token, 'failure');
      }
      assert.equal(scene.heldBytes, 0);
      scene.host.finish();
    });
  }
}
