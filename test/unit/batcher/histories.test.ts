/**
 * Whatever happens in whatever order, each request gets the answer that it would have got alone, exactly
 * once and in time, and nothing is left. Requests of all kinds and encodings, in one world.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { READING } from '../../../filters/batcher/batch.ts';
import { randomSource } from '../../harness/random.ts';
import {
  binaryMessage,
  embeddingsMessage,
  inferMessage,
  instancesMessage,
  json,
  type Message,
  serve,
} from './model-server.ts';
import { Client, shown, TIMED_OUT, World } from './world.ts';

const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const ROUNDS = 1_000;
const STEPS = 150;

type Random = (bound: number) => number;

const UNAVAILABLE = json(503, { error: 'not now' });
const DENIED = json(403, { error: 'not for you' });

/** Asked of by another path in life, so no two kinds have a lane in common. */
const KINDS: readonly ((owner: number, random: Random) => Message)[] = [
  (owner, random) => inferMessage(owner, asking(random)),
  (owner, random) => binaryMessage(owner, asking(random), random(2) === 0),
  (owner, random) => instancesMessage(owner, asking(random)),
  (owner, random) => embeddingsMessage(owner, asking(random)),
];

function asking(random: Random) {
  return {
    rows: 1 + random(4),
    columns: 1 + random(2),
    withId: random(3) > 0,
    poisoned: random(15) === 0,
  };
}

class History {
  private readonly random: Random;
  private readonly world: World;
  private readonly clients: Client[] = [];
  private readonly reading: Client[] = [];
  private readonly denied = new Set<Client>();
  private readonly retries: boolean;

  constructor(random: Random) {
    this.random = random;
    this.retries = random(2) === 0;
    const route = {
      maxRows: 1 + random(24),
      maxBytes: 200 + random(4_000),
      maxDelayMs: 1 + random(20),
      maxInFlight: 1 + random(3),
      timeoutMs: 50 + random(2_000),
      retryFailed: this.retries,
    };
    this.world = new World(serve, { route, maxHeldBytes: random(3) === 0 ? 8_000 : 1 << 20 });
  }

  run(): void {
    for (let step = 0; step < STEPS; step++) this.step();
    for (const client of this.reading) if (!client.gone) this.world.finish(client);
    for (let round = 0; this.world.alone.length + this.world.calls.length > 0; round++) {
      assert.ok(round < 1_000, 'it never ends');
      this.world.serveAlone(0);
      this.serveCall(0);
      this.world.pass(5);
    }
    for (const client of this.clients) this.assertRight(client);
    this.world.assertEmpty();
  }

  private step(): void {
    const { random, world } = this;
    const kind = random(12);
    if (kind < 5) this.arrive();
    else if (kind < 8) {
      const [client] = this.reading.splice(random(this.reading.length), 1);
      if (client && !client.gone) world.finish(client);
    } else if (kind === 8) {
      const client = this.clients[random(this.clients.length)];
      if (client && !client.gone && client.answers.length === 0) world.leave(client);
    } else if (kind === 9) world.serveAlone(random(world.alone.length));
    else if (kind === 10) this.serveCall(random(world.calls.length));
    else world.pass(random(random(8) === 0 ? 80 : 8));
  }

  private arrive(): void {
    const { random, world } = this;
    const kind = random(KINDS.length);
    const message = KINDS[kind]?.(this.clients.length + 1, random) as Message;
    const broken = random(20) === 0;
    const bytes = broken ? message.bytes.subarray(0, message.bytes.length - 1) : message.bytes;
    const { timeoutMs } = world.route;
    const waitsMs = random(3) === 0 ? Math.min(timeoutMs, random(120)) : timeoutMs;
    const client = new Client(this.clients.length + 1, { ...message, bytes }, waitsMs);
    const outcast = random(6) === 0;
    if (outcast) this.denied.add(client);
    this.clients.push(client);
    this.reading.push(client);
    const key = `${kind} ${outcast ? 'outcast' : random(2)}`;
    world.arrive(client, key, random(3) === 0 ? -1 : bytes.length);
  }

  private serveCall(n: number): void {
    const { random, world } = this;
    const call = world.calls[n];
    if (call === undefined) return;
    const members = call.batch.members as Client[];
    if (members.some((client) => this.denied.has(client))) {
      world.serveCall(n, DENIED);
    } else if (random(8) === 0) {
      world.serveCall(n, random(2) === 0 ? UNAVAILABLE : 'lost');
    } else world.serveCall(n);
  }

  private assertRight(client: Client): void {
    const name = `client ${client.name} of ${client.message.bytes}`;
    if (client.gone) {
      assert.deepEqual(client.answers, [], name);
      return;
    }
    assert.equal(client.answers.length, 1, `${name} has ${client.answers.length} answers`);
    const answer = client.answers[0] ?? '';
    // What it would have got alone; only who was in a call of outcasts can see its refusal.
    if (answer === shown(serve(client.message))) return;
    if (this.denied.has(client) && answer === shown(DENIED)) return;
    if (!this.retries && this.world.failed.has(client) && /^50[34]/.test(answer)) return;
    assert.equal(answer, TIMED_OUT, name);
    assert.notEqual(client.state, READING);
  }
}

test(`in any history each answer is the one of a request alone, once (FUZZ_SEED=${SEED})`, () => {
  const random = randomSource(SEED);
  for (let round = 0; round < ROUNDS; round++) new History(random).run();
});
