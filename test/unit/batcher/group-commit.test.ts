/** The rules of group commit: who goes at once, who waits for whom, and what bounds it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALONE, CALLED } from '../../../filters/batcher/batch.ts';
import { HELD, OUT_OF_MEMORY, PASS, TOO_LARGE } from '../../../filters/batcher/core.ts';
import { inferMessage, serve } from './model-server.ts';
import { Client, clientsOf, shown, World } from './world.ts';

const answerTo = ({ message }: Client): string => shown(serve(message));

test('a lone request passes and marks its lane until it ends', () => {
  const world = new World();
  const [first, second] = clientsOf(2) as [Client, Client];
  assert.equal(world.arrive(first), PASS);
  assert.equal(first.state, ALONE);
  assert.equal(world.arrive(second), HELD);
  world.leave(second);
  world.serveAlone(0);
  world.assertEmpty();
});

test('what came while one was in flight goes as one call when that returns', () => {
  const world = new World();
  const clients = clientsOf(6);
  world.sendAll(clients);
  assert.deepEqual(world.sizes, []);
  world.serveAlone(0);
  assert.deepEqual(world.sizes, [5]);
  assert.ok(clients.slice(1).every((client) => client.state === CALLED));
  world.serveCall(0);
  for (const client of clients) assert.deepEqual(client.answers, [answerTo(client)]);
  world.assertEmpty();
});

test('one that came while another was in flight goes its own way', () => {
  const world = new World();
  for (const client of clientsOf(2)) world.send(client);
  world.serveAlone(0);
  assert.equal(world.alone.length, 1);
  assert.deepEqual(world.sizes, []);
  world.serveAlone(0);
  world.assertEmpty();
});

test('rows are counted, not requests: a full batch goes at once', () => {
  const world = new World(serve, { route: { maxRows: 8 } });
  const clients = clientsOf(6, 3);
  world.sendAll(clients);
  assert.deepEqual(world.sizes, [6, 6], 'a third request of 3 rows would be one row too many');
  const large = new Client(9, inferMessage(9, { rows: 20 }));
  world.send(large);
  assert.ok(world.alone.includes(large), 'more rows than a batch may have go alone');
});

test('bytes are bounded too', () => {
  const size = inferMessage(1).bytes.length;
  const world = new World(serve, { route: { maxBytes: size * 2 } });
  for (const client of clientsOf(6)) world.send(client);
  assert.deepEqual(world.sizes, [2, 2]);
  assert.equal(world.arrive(new Client(9, inferMessage(9, { rows: 40 }))), TOO_LARGE);
});

test('nobody waits longer than the longest wait, whatever is in flight', () => {
  const world = new World(serve, { route: { maxDelayMs: 8 } });
  for (const client of clientsOf(4)) world.send(client);
  assert.equal(world.tickMs, 2);
  world.pass(7);
  assert.deepEqual(world.sizes, []);
  world.pass(1);
  assert.deepEqual(world.sizes, [3]);
  world.drain();
  world.assertEmpty();
});

test('a body that never ends is let go when the time of a call has passed', () => {
  const world = new World(serve, { route: { timeoutMs: 500 } });
  const [first, slow] = clientsOf(2) as [Client, Client];
  world.send(first);
  world.arrive(slow);
  world.pass(500);
  assert.ok(world.alone.includes(slow));
  assert.equal(world.budget.usedBytes, 0);
});

test('two may be in flight where two are allowed', () => {
  const world = new World(serve, { route: { maxInFlight: 2 } });
  const clients = clientsOf(5);
  world.sendAll(clients);
  assert.equal(world.alone.length, 2);
  world.serveAlone(0);
  assert.deepEqual(world.sizes, [3]);
});

test('requests that ask for different things wait in batches of their own', () => {
  const world = new World();
  const clients = Array.from(
    { length: 9 },
    (_, i) => new Client(i, inferMessage(i + 1, { columns: 2 + (i % 2) })),
  );
  world.sendAll(clients);
  world.serveAlone(0);
  assert.deepEqual(world.sizes, [4], 'one call at a time');
  world.serveCall(0);
  world.serveCall(0);
  assert.deepEqual(world.sizes, [4, 4]);
  for (const client of clients) assert.deepEqual(client.answers, [answerTo(client)]);
  world.assertEmpty();
});

test('a lane gathers a bounded number of kinds', () => {
  const world = new World();
  for (let i = 0; i < 200; i++) world.send(new Client(i, inferMessage(i + 1, { columns: 1 + i })));
  const gathering = world.lanes.map((lane) => lane.gathering.length);
  assert.deepEqual(gathering, [16]);
});

test('beyond the bytes that may be held requests go unbatched, and the count comes back', () => {
  const world = new World(serve, { maxHeldBytes: 4_000 });
  const clients = clientsOf(6);
  const verdicts = clients.map((client) => world.arrive(client));
  assert.deepEqual(verdicts, [PASS, HELD, HELD, HELD, OUT_OF_MEMORY, OUT_OF_MEMORY]);
  for (const client of clients) world.leave(client);
  world.assertEmpty();
});

test('a body without a length is counted as it comes', () => {
  const world = new World(serve, { maxHeldBytes: 4_000, route: { maxBytes: 2_000 } });
  const [first, second, third] = clientsOf(3) as [Client, Client, Client];
  world.arrive(first);
  world.arrive(second, 'lane', -1);
  assert.equal(world.core.read(second, 1_500, world.now), HELD);
  assert.equal(world.core.read(second, 2_001, world.now), TOO_LARGE);
  world.arrive(third, 'lane', -1);
  assert.equal(world.core.read(third, 1_900, world.now), HELD);
  assert.ok(world.budget.usedBytes >= 1_900);
  world.leave(third);
  world.leave(first);
  world.leave(second);
  world.assertEmpty();
});

test('whoever leaves a batch takes nothing from the others', () => {
  const world = new World();
  const clients = clientsOf(6);
  world.sendAll(clients);
  world.leave(clients[1] as Client);
  world.serveAlone(0);
  assert.deepEqual(world.sizes, [4]);
  world.leave(clients[3] as Client);
  world.serveCall(0);
  for (const i of [2, 4, 5]) {
    const client = clients[i] as Client;
    assert.deepEqual(client.answers, [answerTo(client)]);
  }
  assert.deepEqual(clients[3]?.answers, []);
  world.assertEmpty();
});

test('a whole batch may leave before it goes, and while it is called', () => {
  const world = new World();
  const clients = clientsOf(5);
  world.sendAll(clients);
  for (const client of clients.slice(1, 3)) world.leave(client);
  world.serveAlone(0);
  for (const client of clients.slice(3)) world.leave(client);
  world.serveCall(0);
  world.assertEmpty();
});
