/** What a call brings that is no answer to all of its members: who pays for it, and with how many calls. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomSource } from '../../harness/random.ts';
import { inferMessage, json, type Message, serve } from './model-server.ts';
import { Client, clientsOf, type Settings, shown, TIMED_OUT, World } from './world.ts';

const answerTo = ({ message }: Client): string => shown(serve(message));

/** `count` clients in one call, some of them with the poison. */
function called(count: number, bad: ReadonlySet<number>, settings: Settings = {}) {
  const world = new World(serve, { ...settings, route: { maxRows: 1_024, ...settings.route } });
  const lead = new Client(-1, inferMessage(0));
  const clients = Array.from(
    { length: count },
    (_, i) => new Client(i, inferMessage(i + 1, { poisoned: bad.has(i) })),
  );
  world.send(lead);
  world.sendAll(clients);
  world.serveAlone(0);
  assert.deepEqual(world.sizes, [count]);
  return { world, clients };
}

for (const count of [2, 3, 16, 64]) {
  test(`one bad member of ${count} stands alone after halving, and all others are answered`, () => {
    for (let bad = 0; bad < count; bad++) {
      const { world, clients } = called(count, new Set([bad]));
      world.drain();
      for (const client of clients) assert.deepEqual(client.answers, [answerTo(client)]);
      const most = 1 + 2 * Math.ceil(Math.log2(count));
      assert.ok(world.sizes.length <= most, `${world.sizes.length} calls`);
      world.assertEmpty();
    }
  });
}

test('several bad members cost at most two calls for each and each halving', () => {
  const random = randomSource(7);
  for (let round = 0; round < 100; round++) {
    const count = 2 + random(62);
    const bad = new Set(Array.from({ length: 1 + random(5) }, () => random(count)));
    const { world, clients } = called(count, bad);
    world.drain();
    for (const client of clients) assert.deepEqual(client.answers, [answerTo(client)]);
    const most = 1 + 2 * bad.size * Math.ceil(Math.log2(count));
    assert.ok(world.sizes.length <= most, `${world.sizes.length} calls for ${bad.size} bad ones`);
    world.assertEmpty();
  }
});

test('a server that takes fewer rows than a batch may have gets them in halves', () => {
  const small = (message: Message) => {
    const rows: number = JSON.parse(message.bytes.toString()).inputs[0].shape[0];
    return rows > 4 ? json(400, { error: 'at most 4 rows' }) : serve(message);
  };
  const world = new World(small);
  const clients = clientsOf(17);
  world.sendAll(clients);
  world.serveAlone(0);
  world.drain();
  for (const client of clients) assert.deepEqual(client.answers, [answerTo(client)]);
  assert.deepEqual(world.sizes, [16, 8, 8, 4, 4, 4, 4]);
});

for (const status of [401, 403, 404, 405]) {
  test(`${status} is said to all: they have in common what it is about`, () => {
    const { world, clients } = called(5, new Set());
    const denied = json(status, { error: 'no' });
    world.serveCall(0, denied);
    for (const client of clients) assert.deepEqual(client.answers, [shown(denied)]);
    world.assertEmpty();
  });
}

const BROKEN_REPLIES = [
  ...[500, 502, 503, 504, 408, 429].map((status) => json(status, { error: 'not now' })),
  'lost' as const,
];

for (const reply of BROKEN_REPLIES) {
  const name = reply === 'lost' ? 'no answer' : String(reply.status);
  test(`after ${name} each goes on alone, once, where the route wants a second try`, () => {
    const { world, clients } = called(4, new Set());
    world.serveCall(0, reply);
    assert.equal(world.alone.length, 4);
    world.drain();
    assert.deepEqual(world.sizes, [4], 'no second call');
    for (const client of clients) assert.deepEqual(client.answers, [answerTo(client)]);
    world.assertEmpty();
  });

  test(`${name} is what all get where the route wants no second try`, () => {
    const { world, clients } = called(4, new Set(), { route: { retryFailed: false } });
    world.serveCall(0, reply);
    const failure = reply === 'lost' ? json(504, 0) : reply;
    for (const client of clients) {
      assert.equal(client.answers.length, 1);
      assert.equal(client.answers[0]?.slice(0, 3), String(failure.status));
    }
    world.assertEmpty();
  });
}

test('an answer with a row too few goes to nobody', () => {
  const { world, clients } = called(4, new Set());
  world.serveCall(0, serve(inferMessage(1, { rows: 3 })));
  assert.deepEqual(world.sizes, [4, 2, 2]);
  world.drain();
  for (const client of clients) assert.deepEqual(client.answers, [answerTo(client)]);
});

test('a call that could not begin sends its members on alone, whatever the route wants of failures', () => {
  const world = new World(serve, { route: { retryFailed: false } });
  const clients = clientsOf(4);
  world.sendAll(clients);
  world.unreachable = true;
  world.serveAlone(0);
  assert.equal(world.alone.length, 3);
  world.drain();
  for (const client of clients) assert.deepEqual(client.answers, [answerTo(client)]);
  world.assertEmpty();
});

test('whoever leaves while halves are called takes nothing from the others', () => {
  const { world, clients } = called(8, new Set([5]));
  world.leave(clients[0] as Client);
  world.serveCall(0);
  world.leave(clients[5] as Client);
  world.leave(clients[1] as Client);
  world.drain();
  for (const i of [2, 3, 4, 6, 7]) {
    const client = clients[i] as Client;
    assert.deepEqual(client.answers, [answerTo(client)]);
  }
  world.assertEmpty();
});

test('who waits no longer is not called again after a refusal', () => {
  const world = new World();
  const clients = clientsOf(3).map(({ name, message }) => new Client(name, message, 100));
  const late = new Client(9, inferMessage(9, { poisoned: true }), 40);
  world.sendAll([...clients, late]);
  world.serveAlone(0);
  world.now += 50;
  world.serveCall(0);
  assert.deepEqual(late.answers, [TIMED_OUT]);
  world.drain();
  for (const client of clients) assert.deepEqual(client.answers, [answerTo(client)]);
  world.assertEmpty();
});
