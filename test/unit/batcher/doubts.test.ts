/** A lane whose answers can never be cut is left alone for a while; one that has bad requests is not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HELD, PASS, RESTING } from '../../../filters/batcher/core.ts';
import { inferMessage, json, type Message, POISON, serve } from './model-server.ts';
import { Client, clientsOf, shown, World } from './world.ts';

const REST_MS = 60_000;

/** It answers a batch with something that nobody can cut, and one request alone as it should. */
function vague(message: Message) {
  const rows: number = JSON.parse(message.bytes.toString()).inputs[0].shape[0];
  return rows > 1 ? json(200, { outputs: 'many' }) : serve(message);
}

/** A request, and `count` that are held for it; all of them are served. */
function round(world: World, count: number): readonly Client[] {
  const clients = clientsOf(count + 1);
  world.sendAll(clients);
  world.drain();
  return clients;
}

function restless(world: World): void {
  round(world, 16);
  assert.ok(world.core.lanes.size === 0);
}

test('after eight unreadable answers in a row all go alone, and nothing more is halved', () => {
  const world = new World(vague);
  const clients = round(world, 32);
  for (const { answers, message } of clients) assert.deepEqual(answers, [shown(serve(message))]);
  // The eighth is among those of 4 rows, which were all under way by then.
  assert.deepEqual(world.sizes, [32, 16, 16, 8, 8, 8, 8, 4, 4, 4, 4, 4, 4, 4, 4]);
  const calls = world.sizes.length;
  const [lead, second] = clientsOf(2) as [Client, Client];
  assert.deepEqual([world.arrive(lead), world.arrive(second)], [RESTING, RESTING]);
  world.drain();
  assert.equal(world.sizes.length, calls);
  world.assertEmpty();
});

test('the rest is over after a minute; then one unreadable answer is enough for another', () => {
  const world = new World(vague);
  restless(world);
  world.now += REST_MS - 1;
  assert.equal(world.arrive(new Client(0, inferMessage(1))), RESTING);
  world.now += 1;
  const before = world.sizes.length;
  round(world, 16);
  assert.equal(world.sizes.length, before + 1);
  assert.equal(world.arrive(new Client(0, inferMessage(1))), RESTING);
});

test('a clock that was set back ends the rest', () => {
  const world = new World(vague);
  restless(world);
  world.now -= 1_000;
  assert.equal(world.arrive(new Client(0, inferMessage(1))), PASS);
});

test('one lane rests, and others are joined', () => {
  const world = new World(vague);
  restless(world);
  const [lead, second] = clientsOf(2) as [Client, Client];
  assert.deepEqual([world.arrive(lead, 'other'), world.arrive(second, 'other')], [PASS, HELD]);
});

test('requests whose answers cannot be cut, a few among many, make no lane rest', () => {
  const picky = (message: Message) =>
    message.bytes.includes(String(POISON)) ? json(200, { outputs: 'none' }) : serve(message);
  const world = new World(picky, { route: { maxRows: 64 } });
  for (let turn = 0; turn < 20; turn++) {
    const lead = new Client(-1, inferMessage(1));
    world.send(lead);
    for (let i = 0; i < 64; i++) {
      world.send(new Client(i, inferMessage(i + 1, { poisoned: i === turn || i === turn + 40 })));
    }
    world.drain();
    assert.equal(world.arrive(new Client(99, inferMessage(1))), PASS, `turn ${turn}`);
    world.drain();
  }
});
