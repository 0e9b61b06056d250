/** The built batcher in random histories: each answer is the one that the request would have got alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomSource } from '../harness/random.ts';
import { CONTINUE } from '../harness/wasm-host.ts';
import type { WasmStream } from '../harness/wasm-stream.ts';
import { bodyOf, doubling } from '../unit/batcher/world.ts';
import { Scene } from './batcher-scene.ts';

const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);

/** Requests in any order, cut into chunks anywhere, answered in any order. */
function history(random: (bound: number) => number): void {
  const scene = new Scene();
  const { host } = scene;
  const open = new Map<number, { stream: WasmStream; body: string; rest: string }>();
  const alone: number[] = [];
  const calls: { token: number; body: string }[] = [];
  let served = 0;
  const finish = (id: number, text: string): void => {
    const request = open.get(id);
    assert.ok(request, `an answer for ${id}, which waits for none`);
    assert.equal(text, doubling(request.body).text);
    open.delete(id);
    served++;
    request.stream.done();
    carryOut();
  };
  const carryOut = (): void => {
    for (const effect of host.takeEffects()) {
      const [kind, first, id] = effect.split(' ');
      const text = effect.slice(effect.indexOf('{'));
      if (kind === 'call') calls.push({ token: Number(first), body: text });
      else if (kind === 'continue') alone.push(Number(id));
      else if (kind === 'reply') finish(Number(first), text);
      else assert.equal(kind, 'tick');
    }
  };
  const feed = (id: number): void => {
    const request = open.get(id);
    if (!request || request.rest === '') return;
    const size = random(3) === 0 ? 1 + random(request.rest.length) : request.rest.length;
    const chunk = request.rest.slice(0, size);
    request.rest = request.rest.slice(size);
    const action = request.stream.requestBody(chunk, request.rest === '');
    if (action === CONTINUE && request.rest === '' && !alone.includes(id)) alone.push(id);
    carryOut();
  };
  const serve = (): void => {
    const call = random(2) === 0 ? calls.splice(random(calls.length), 1)[0] : undefined;
    if (call) {
      const { status, text } = doubling(call.body);
      host.answerCall(call.token, random(8) === 0 ? 'failure' : { status, body: text });
    } else {
      const id = alone.splice(random(alone.length), 1)[0];
      const request = id === undefined ? undefined : open.get(id);
      if (request?.rest === '') finish(id ?? 0, doubling(request.body).text);
    }
    carryOut();
  };
  for (let i = 1; i <= 60; i++) {
    const body = bodyOf(i, 1 + random(3), 1 + random(2), random(2) === 0);
    const text = random(12) === 0 ? body.replace(/"data":\[\d+/, '"data":[666') : body;
    const { stream } = scene.arrive({ authorization: `user ${random(2)}` });
    open.set(stream.id, { stream, body: text, rest: text });
    carryOut();
    for (let k = random(4); k > 0; k--) feed([...open.keys()][random(open.size)] ?? 0);
    if (random(3) === 0) serve();
    if (random(6) === 0) {
      host.tick(scene.root, random(12));
      carryOut();
    }
  }
  for (let round = 0; open.size > 0; round++) {
    assert.ok(round < 5_000, `${open.size} requests never end`);
    for (const id of [...open.keys()]) feed(id);
    serve();
    host.tick(scene.root, 5);
    carryOut();
  }
  assert.equal(served, 60);
  host.finish();
}

test(`any requests in any order get the answers that they would get alone (FUZZ_SEED=${SEED})`, () => {
  const random = randomSource(SEED);
  for (let round = 0; round < 60; round++) history(random);
});
