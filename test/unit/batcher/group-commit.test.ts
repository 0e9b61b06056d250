/**
 * The rules of group commit. Whatever happens in whatever order, each request gets the answer that it
 * would have got alone, exactly once, and nothing is left.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALONE, CALLED } from '../../../filters/batcher/batch.ts';
import { HELD, OUT_OF_MEMORY, PASS, TOO_LARGE } from '../../../filters/batcher/core.ts';
import { randomSource } from '../../harness/random.ts';
import { bodyOf, Client, clientsOf, doubling, World } from './world.ts';

const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);

test('a lone request passes and marks its lane until it ends', () => {
  const world = new World(doubling);
  const [first, second] = clientsOf(2) as [Client, Client];
  assert.equal(world.arrive(first), PASS);
  assert.equal(first.state, ALONE);
  assert.equal(world.arrive(second), HELD);
  world.leave(second);
  world.serveAlone(0);
  world.assertEmpty();
});

test('what came while one was in flight goes as one call when that returns', () => {
  const world = new World(doubling);
  const clients = clientsOf(6);
  for (const client of clients) world.send(client);
  assert.deepEqual(world.sizes, []);
  world.serveAlone(0);
  assert.deepEqual(world.sizes, [5]);
  assert.ok(clients.slice(1).every((client) => client.state === CALLED));
  world.serveCall(0);
  for (const client of clients) assert.deepEqual(client.answers, [doubling(client.body).text]);
  world.assertEmpty();
});

test('one that came while another was in flight goes its own way', () => {
  const world = new World(doubling);
  for (const client of clientsOf(2)) world.send(client);
  world.serveAlone(0);
  assert.equal(world.alone.length, 1);
  assert.deepEqual(world.sizes, []);
  world.serveAlone(0);
  world.assertEmpty();
});

test('rows are counted, not requests: a full batch goes at once', () => {
  const world = new World(doubling, { route: { maxRows: 8 } });
  const clients = clientsOf(6, 3);
  for (const client of clients) world.send(client);
  assert.deepEqual(world.sizes, [6, 6], 'a third request of 3 rows would be one row too many');
  const large = new Client(9, bodyOf(9, 20));
  world.send(large);
  assert.ok(world.alone.includes(large), 'more rows than a batch may have go alone');
});

test('bytes are bounded too', () => {
  const size = bodyOf(1, 1).length;
  const world = new World(doubling, { route: { maxBytes: size * 2 } });
  for (const client of clientsOf(6)) world.send(client);
  assert.deepEqual(world.sizes, [2, 2]);
  assert.equal(world.arrive(new Client(9, bodyOf(9, 40))), TOO_LARGE);
});

test('nobody waits longer than the longest wait, whatever is in flight', () => {
  const world = new World(doubling, { route: { maxDelayMs: 8 } });
  for (const client of clientsOf(4)) world.send(client);
  assert.equal(world.tickMs, 2);
  world.now += 7;
  world.tick();
  assert.deepEqual(world.sizes, []);
  world.now += 1;
  world.tick();
  assert.deepEqual(world.sizes, [3]);
  assert.equal(world.tickMs, 0, 'nothing waits any more');
});

test('a body that never ends is let go when the time of a call has passed', () => {
  const world = new World(doubling, { route: { timeoutMs: 500 } });
  const [first, slow] = clientsOf(2) as [Client, Client];
  world.send(first);
  world.arrive(slow);
  world.now += 500;
  world.tick();
  assert.ok(world.alone.includes(slow));
  assert.equal(world.budget.usedBytes, 0);
});

test('two may be in flight where two are allowed', () => {
  const world = new World(doubling, { route: { maxInFlight: 2 } });
  const clients = clientsOf(5);
  for (const client of clients) world.send(client);
  assert.equal(world.alone.length, 2);
  world.serveAlone(0);
  assert.deepEqual(world.sizes, [3]);
});

test('requests that ask for different things wait in batches of their own', () => {
  const world = new World(doubling);
  const clients = Array.from({ length: 9 }, (_, i) => new Client(i, bodyOf(i + 1, 1, 2 + (i % 2))));
  for (const client of clients) world.send(client);
  world.serveAlone(0);
  assert.deepEqual(world.sizes, [4], 'one call at a time');
  world.serveCall(0);
  world.serveCall(0);
  assert.deepEqual(world.sizes, [4, 4]);
  for (const client of clients) assert.deepEqual(client.answers, [doubling(client.body).text]);
  world.assertEmpty();
});

test('a lane gathers a bounded number of kinds', () => {
  const world = new World(doubling);
  for (let i = 0; i < 200; i++) world.send(new Client(i, bodyOf(i + 1, 1, 1 + i)));
  const gathering = [...world.core.lanes.values()].map((lane) => lane.gathering.length);
  assert.deepEqual(gathering, [16]);
});

test('beyond the bytes that may be held requests go unbatched, and the count comes back', () => {
  const world = new World(doubling, { maxHeldBytes: 4_000 });
  const clients = clientsOf(6);
  const verdicts = clients.map((client) => world.arrive(client));
  assert.deepEqual(verdicts, [PASS, HELD, HELD, HELD, OUT_OF_MEMORY, OUT_OF_MEMORY]);
  for (const client of clients) world.leave(client);
  world.assertEmpty();
});

test('a body without a length is counted as it comes', () => {
  const world = new World(doubling, { maxHeldBytes: 4_000, route: { maxBytes: 2_000 } });
  const [first, second, third] = clientsOf(3) as [Client, Client, Client];
  world.arrive(first);
  world.arrive(second, 'lane', -1);
  assert.equal(world.core.read(second, 1_500), HELD);
  assert.equal(world.core.read(second, 2_001), TOO_LARGE);
  world.arrive(third, 'lane', -1);
  assert.equal(world.core.read(third, 1_900), HELD);
  assert.ok(world.budget.usedBytes >= 1_900);
  world.leave(third);
  world.leave(first);
  world.leave(second);
  world.assertEmpty();
});

test('a failed call sends its members on alone; those whose time is up get 504', () => {
  const world = new World(doubling, { route: { timeoutMs: 100, maxDelayMs: 50 } });
  const clients = clientsOf(4);
  for (const client of clients.slice(0, 2)) world.send(client);
  world.now += 49;
  for (const client of clients.slice(2)) world.send(client);
  world.serveAlone(0);
  world.now += 51;
  world.serveCall(0, true);
  assert.deepEqual(clients[1]?.answers, ['504']);
  assert.equal(world.alone.length, 2);
  world.serveAlone(0);
  world.serveAlone(0);
  world.assertEmpty();
});

test('whoever leaves a batch takes nothing from the others', () => {
  const world = new World(doubling);
  const clients = clientsOf(6);
  for (const client of clients) world.send(client);
  world.leave(clients[1] as Client);
  world.serveAlone(0);
  assert.deepEqual(world.sizes, [4]);
  world.leave(clients[3] as Client);
  world.serveCall(0);
  for (const i of [2, 4, 5]) {
    const client = clients[i] as Client;
    assert.deepEqual(client.answers, [doubling(client.body).text]);
  }
  assert.deepEqual(clients[3]?.answers, []);
  world.assertEmpty();
});

test('a whole batch may leave before it goes, and while it is called', () => {
  const world = new World(doubling);
  const clients = clientsOf(5);
  for (const client of clients) world.send(client);
  for (const client of clients.slice(1, 3)) world.leave(client);
  world.serveAlone(0);
  for (const client of clients.slice(3)) world.leave(client);
  world.serveCall(0);
  world.assertEmpty();
});

/** One random history. */
function history(random: (bound: number) => number): void {
  const world = new World(doubling, {
    route: {
      maxRows: 1 + random(12),
      maxBytes: 200 + random(2_000),
      maxDelayMs: 1 + random(8),
      maxInFlight: 1 + random(3),
      timeoutMs: 60_000,
    },
    maxHeldBytes: random(3) === 0 ? 5_000 : 1 << 20,
  });
  const clients: Client[] = [];
  const reading: Client[] = [];
  for (let step = 0; step < 120; step++) {
    const kind = random(10);
    if (kind < 4) {
      const name = clients.length + 1;
      const poisoned = random(12) === 0;
      const body = bodyOf(name, 1 + random(4), 1 + random(2), random(2) === 0);
      const broken = random(15) === 0 ? body.replace('}]', ']') : body;
      const client = new Client(
        name,
        poisoned ? body.replace(/"data":\[\d+/, '"data":[666') : broken,
      );
      clients.push(client);
      world.arrive(client, `lane ${random(3)}`, random(3) === 0 ? -1 : client.body.length);
      reading.push(client);
    } else if (kind < 7) {
      const [client] = reading.splice(random(reading.length), 1);
      if (client && !client.gone) world.finish(client);
    } else if (kind === 7) {
      const client = clients[random(clients.length)];
      if (client && !client.gone && client.answers.length === 0 && random(2) === 0)
        world.leave(client);
    } else if (kind === 8) {
      if (random(2) === 0) world.serveAlone(random(world.alone.length));
      else world.serveCall(random(world.calls.length), random(6) === 0);
    } else {
      world.now += random(6);
      world.tick();
    }
  }
  for (const client of reading) if (!client.gone) world.finish(client);
  for (let round = 0; world.alone.length + world.calls.length > 0 || round < 3; round++) {
    assert.ok(round < 1_000, 'it never ends');
    world.serveAlone(0);
    world.serveCall(0);
    world.now += 10;
    world.tick();
  }
  for (const client of clients) {
    const expected = client.gone ? [] : [doubling(client.body).text];
    assert.deepEqual(client.answers, expected, `client ${client.name}`);
  }
  world.assertEmpty();
}

test(`in any history each answer is the one of a request alone, once (FUZZ_SEED=${SEED})`, () => {
  const random = randomSource(SEED);
  for (let round = 0; round < 800; round++) history(random);
});
