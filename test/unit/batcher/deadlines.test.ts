/** How long callers wait, and what that means for who is held, who goes first and who is refused. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HELD, PASS, TOO_LATE } from '../../../filters/batcher/core.ts';
import { waitOf } from '../../../filters/batcher/eligibility.ts';
import { inferMessage, serve } from './model-server.ts';
import { Client, clientsOf, shown, TIMED_OUT, World } from './world.ts';

const LIMIT_MS = 10_000;
const answerTo = ({ message }: Client): string => shown(serve(message));

const SAID: readonly { grpc?: string; header?: string; waitsMs: number }[] = [
  { waitsMs: LIMIT_MS },
  { grpc: '500m', waitsMs: 500 },
  { grpc: '2S', waitsMs: 2_000 },
  { grpc: '1M', waitsMs: LIMIT_MS },
  { grpc: '1H', waitsMs: LIMIT_MS },
  { grpc: '250000u', waitsMs: 250 },
  { grpc: '7000000n', waitsMs: 7 },
  { grpc: '0m', waitsMs: 0 },
  { grpc: '99999999H', waitsMs: LIMIT_MS },
  { grpc: '500', waitsMs: LIMIT_MS },
  { grpc: 'm', waitsMs: LIMIT_MS },
  { grpc: '-5m', waitsMs: LIMIT_MS },
  { grpc: '5 m', waitsMs: LIMIT_MS },
  { grpc: '5x', waitsMs: LIMIT_MS },
  { header: '300', waitsMs: 300 },
  { header: '0', waitsMs: 0 },
  { header: '20000', waitsMs: LIMIT_MS },
  { header: '99999999999999999999', waitsMs: LIMIT_MS },
  { header: '1.5', waitsMs: LIMIT_MS },
  { header: 'soon', waitsMs: LIMIT_MS },
  { grpc: '500m', header: '300', waitsMs: 300 },
  { grpc: '200m', header: '300', waitsMs: 200 },
];

for (const { grpc = '', header = '', waitsMs } of SAID) {
  test(`grpc-timeout "${grpc}" and a header with "${header}" make ${waitsMs} ms`, () => {
    assert.equal(waitOf(grpc, header, LIMIT_MS), waitsMs);
  });
}

/** A lane that has seen calls of `callMs`, with one in flight. */
function busyFor(callMs: number): World {
  const world = new World(serve, { route: { maxDelayMs: 50 } });
  const [first, second, third] = clientsOf(3) as [Client, Client, Client];
  world.sendAll([first, second, third]);
  world.now += callMs;
  world.serveAlone(0);
  return world;
}

test('who cannot be answered in time is refused at once while the lane is busy', () => {
  const world = busyFor(30);
  const hopeless = new Client(8, inferMessage(8), 20);
  assert.equal(world.arrive(hopeless), TOO_LATE);
  assert.deepEqual(hopeless.answers, [TIMED_OUT]);
  assert.equal(world.arrive(new Client(9, inferMessage(9), 31)), HELD);
});

test('an idle lane refuses nobody', () => {
  const world = new World();
  assert.equal(world.arrive(new Client(1, inferMessage(1), 0)), PASS);
});

test('one slow call does not have the next refused for long', () => {
  const world = busyFor(30);
  world.now += 3;
  world.serveCall(0);
  world.sendAll(clientsOf(1));
  assert.equal(world.arrive(new Client(9, inferMessage(9), 5)), HELD);
});

test('a call that could not begin says nothing about how long one takes', () => {
  const world = busyFor(30);
  world.send(new Client(7, inferMessage(7)));
  world.send(new Client(8, inferMessage(8)));
  world.unreachable = true;
  world.now += 30;
  world.serveCall(0);
  assert.equal(world.lanes[0]?.callMs, 30);
});

test('the batch of whoever waits the shortest goes first', () => {
  const world = new World(serve, { route: { maxDelayMs: 500 } });
  world.send(new Client(0, inferMessage(0)));
  const patient = clientsOf(2).map(({ name, message }) => new Client(name, message, 900));
  const urgent = [5, 6].map((i) => new Client(i, inferMessage(i, { columns: 3 }), 400));
  world.sendAll([...patient, ...urgent]);
  world.serveAlone(0);
  assert.deepEqual(world.calls[0]?.batch.members, urgent);
  world.drain();
  for (const client of [...patient, ...urgent])
    assert.deepEqual(client.answers, [answerTo(client)]);
  world.assertEmpty();
});

test('a batch goes before one of its members would be late, whatever the longest wait is', () => {
  const world = busyFor(10);
  const pair = [2, 3].map((i) => new Client(i, inferMessage(i), i * 15));
  world.sendAll(pair);
  world.pass(25);
  assert.deepEqual(world.sizes, [2, 2]);
  world.serveCall(1);
  for (const client of pair) assert.deepEqual(client.answers, [answerTo(client)]);
});

test('a member whose time is up leaves its call, which goes on for the others', () => {
  const world = new World(serve, { route: { maxDelayMs: 40 } });
  world.sendAll(clientsOf(1));
  const short = new Client(2, inferMessage(2), 50);
  const long = new Client(3, inferMessage(3), 500);
  const other = new Client(4, inferMessage(4), 500);
  world.sendAll([short, long, other]);
  world.serveAlone(0);
  assert.equal(world.calls[0]?.timeoutMs, 500, 'as long as any member waits');
  world.pass(70);
  assert.deepEqual(short.answers, [TIMED_OUT]);
  assert.deepEqual(long.answers, []);
  world.serveCall(0);
  for (const client of [long, other]) assert.deepEqual(client.answers, [answerTo(client)]);
  assert.deepEqual(short.answers, [TIMED_OUT]);
  world.assertEmpty();
});

test('who waits no longer when its batch goes takes no room in the call', () => {
  const world = new World(serve, { route: { maxDelayMs: 400 } });
  world.sendAll(clientsOf(1));
  const short = new Client(2, inferMessage(2), 50);
  const others = [3, 4].map((i) => new Client(i, inferMessage(i), 900));
  world.sendAll([short, ...others]);
  world.now += 60;
  world.serveAlone(0);
  assert.deepEqual(short.answers, [TIMED_OUT]);
  assert.deepEqual(world.sizes, [2]);
  world.drain();
  world.assertEmpty();
});

test('a call lasts no longer than the route allows', () => {
  const world = new World(serve, { route: { timeoutMs: 200, maxDelayMs: 100 } });
  world.sendAll([1, 2, 3].map((i) => new Client(i, inferMessage(i), 200)));
  world.pass(99);
  world.serveAlone(0);
  assert.equal(world.calls[0]?.timeoutMs, 101);
});
