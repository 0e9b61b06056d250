/** The built batcher in random histories: each answer is the one that the request would have got alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomSource } from '../harness/random.ts';
import { CONTINUE } from '../harness/wasm-host.ts';
import type { Headers, WasmStream } from '../harness/wasm-stream.ts';
import {
  binaryMessage,
  embeddingsMessage,
  inferMessage,
  instancesMessage,
  type Message,
  type Reply,
  serve,
} from '../unit/batcher/model-server.ts';
import { Scene } from './batcher-scene.ts';

const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const LENGTH = 'inference-header-content-length';

type Random = (bound: number) => number;

interface Open {
  readonly stream: WasmStream;
  readonly message: Message;
  rest: Buffer;
}

const PATHS = ['/v2/models/digits/infer', '/v1/models/digits:predict', '/v1/embeddings'];

function randomMessage(owner: number, random: Random): Message {
  const asking = {
    rows: 1 + random(3),
    columns: 1 + random(2),
    withId: random(2) === 0,
    poisoned: random(12) === 0,
  };
  const kind = random(4);
  if (kind === 0) return inferMessage(owner, asking);
  if (kind === 1) return binaryMessage(owner, asking, random(2) === 0);
  return kind === 2 ? instancesMessage(owner, asking) : embeddingsMessage(owner, asking);
}

/** Requests in any order, cut into chunks anywhere, answered in any order. */
class History {
  private readonly scene = new Scene();
  private readonly random: Random;
  private readonly open = new Map<number, Open>();
  private readonly alone: number[] = [];
  private readonly calls: { token: number; message: Message }[] = [];
  served = 0;

  constructor(random: Random) {
    this.random = random;
  }

  run(requests: number): void {
    const { random, open, scene } = this;
    for (let i = 1; i <= requests; i++) {
      this.arrive(i);
      for (let k = random(4); k > 0; k--) this.feed([...open.keys()][random(open.size)] ?? 0);
      if (random(3) === 0) this.serve();
      if (random(6) === 0) this.tick(random(12));
      if (random(15) === 0) this.hangUp([...open.keys()][random(open.size)] ?? 0);
    }
    for (let round = 0; open.size > 0; round++) {
      assert.ok(round < 5_000, `${open.size} requests never end`);
      for (const id of [...open.keys()]) this.feed(id);
      this.serve();
      this.tick(5);
    }
    assert.equal(this.served, requests);
    scene.host.finish();
  }

  private arrive(owner: number): void {
    const { random, scene } = this;
    const message = randomMessage(owner, random);
    const headers: Headers = {
      ':path': PATHS[message.kind] ?? '',
      authorization: `user ${random(2)}`,
    };
    if (message.jsonBytes >= 0) headers[LENGTH] = String(message.jsonBytes);
    const { stream } = scene.arrive(headers);
    this.open.set(stream.id, { stream, message, rest: message.bytes });
    this.carryOut();
  }

  private feed(id: number): void {
    const { random, alone } = this;
    const request = this.open.get(id);
    if (!request || request.rest.length === 0) return;
    const size = random(3) === 0 ? 1 + random(request.rest.length) : request.rest.length;
    const chunk = request.rest.subarray(0, size);
    request.rest = request.rest.subarray(size);
    const whole = request.rest.length === 0;
    const action = request.stream.requestBody(chunk, whole);
    if (action === CONTINUE && whole && !alone.includes(id)) alone.push(id);
    this.carryOut();
  }

  private serve(): void {
    const { random, calls, alone, scene } = this;
    const call = random(2) === 0 ? calls.splice(random(calls.length), 1)[0] : undefined;
    if (call) {
      const { status, bytes, jsonBytes } = serve(call.message);
      const headers = jsonBytes < 0 ? {} : { [LENGTH]: String(jsonBytes) };
      const lost = random(8) === 0;
      scene.host.answerCall(call.token, lost ? 'failure' : { status, headers, body: bytes });
    } else {
      const id = alone.splice(random(alone.length), 1)[0];
      const request = id === undefined ? undefined : this.open.get(id);
      if (request?.rest.length === 0) this.finish(id ?? 0, serve(request.message));
    }
    this.carryOut();
  }

  private tick(ms: number): void {
    this.scene.host.tick(this.scene.root, ms);
    this.carryOut();
  }

  private hangUp(id: number): void {
    const request = this.open.get(id);
    if (!request) return;
    this.open.delete(id);
    this.served++;
    request.stream.done();
    this.carryOut();
  }

  private finish(id: number, reply: Reply): void {
    const request = this.open.get(id);
    assert.ok(request, `an answer for ${id}, which waits for none`);
    assert.deepEqual(reply, serve(request.message));
    this.hangUp(id);
  }

  private carryOut(): void {
    for (const effect of this.scene.effects()) {
      const [kind, first, id] = effect.split(' ');
      if (kind === 'call') this.called(Number(first), effect);
      else if (kind === 'continue') this.alone.push(Number(id));
      else if (kind === 'reply') this.replied(Number(first));
      else assert.equal(kind, 'tick');
    }
  }

  private called(token: number, effect: string): void {
    const kind = PATHS.findIndex((path) => effect.includes(` POST ${path} `));
    const said = new RegExp(`${LENGTH}=(\\d+)`).exec(effect)?.[1];
    const bytes = this.scene.host.callBodies.get(token) ?? Buffer.alloc(0);
    this.calls.push({ token, message: { kind, bytes, jsonBytes: Number(said ?? -1) } });
  }

  private replied(id: number): void {
    const reply = this.open.get(id)?.stream.reply;
    assert.ok(reply, `a reply to ${id}, which waits for none`);
    const said = reply.headers.find(([name]) => name === LENGTH)?.[1];
    this.finish(id, { status: reply.status, bytes: reply.body, jsonBytes: Number(said ?? -1) });
  }
}

test(`any requests in any order get the answers that they would get alone (FUZZ_SEED=${SEED})`, () => {
  const random = randomSource(SEED);
  for (let round = 0; round < 80; round++) new History(random).run(60);
});
