/** Different states for different clients: who gets which, what they share, and how many there may be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import type { Node } from '../../../control-plane/serve/ads-server.ts';
import { NAMESPACES_KEY, namespacesOf } from '../../../control-plane/serve/node-namespaces.ts';
import { Views } from '../../../control-plane/serve/views.ts';
import { TYPE_URLS } from '../../../control-plane/xds/snapshot.ts';
import { NODE, stateSnapshot } from './client.ts';
import { deltaStream, sotwStream } from './grpc-client.ts';
import { proxiesWhen, start } from './started-server.ts';

const typeUrl = TYPE_URLS.cluster;
const viewOf = (node: Node) => String(node.metadata['view'] ?? 'none');
const asking = (id: string, view: string) => ({ node: { id, metadata: { view } }, typeUrl });

test('each client gets the state of its view, and only the views that somebody has are made', async (t) => {
  const { server, open } = await start(t, { viewOf });
  const made: string[] = [];
  const publish = (version: number) =>
    server.publish((view) => {
      made.push(view);
      return stateSnapshot({ cluster: `${view}@${version}` });
    });
  publish(1);
  assert.deepEqual(made, []);
  const red = open(deltaStream);
  red.send(asking('p', 'red'));
  const first = await red.receive();
  assert.deepEqual(
    first.resources.map(({ name }) => name),
    ['red'],
  );
  red.send({ typeUrl, responseNonce: first.nonce });
  const blue = open(sotwStream);
  blue.send(asking('q', 'blue'));
  assert.equal(Buffer.from((await blue.receive()).resources[0]?.value ?? []).toString(), 'blue@1');
  publish(2);
  assert.deepEqual(made, ['red', 'blue', 'red', 'blue']);
  const second = await red.receive();
  assert.deepEqual(
    second.resources.map(({ name, version }) => `${name}@${version}`),
    ['red@2'],
  );
  blue.close();
  const [proxy] = await proxiesWhen(server, (list) => list.length === 1);
  assert.equal(proxy?.view, 'red');
  publish(3);
  assert.deepEqual(made.slice(4), ['red'], 'nobody has the other one any more');
});

test('a view whose state cannot be told keeps the one that could, and the others go on', async (t) => {
  const { server, open } = await start(t, { viewOf });
  server.publish((view) => stateSnapshot({ cluster: `${view}@1` }));
  const streams = ['red', 'blue'].map((view) => {
    const stream = open(deltaStream);
    stream.send(asking(view, view));
    return stream;
  });
  for (const stream of streams) {
    stream.send({ typeUrl, responseNonce: (await stream.receive()).nonce });
  }
  server.publish((view) => (view === 'red' ? null : stateSnapshot({ cluster: `${view}@2` })));
  server.publish((view) => stateSnapshot({ cluster: `${view}@${view === 'red' ? 1 : 3}` }));
  const [red, blue] = streams;
  let latest = await blue?.receive();
  if (latest?.resources[0]?.version === '2') {
    blue?.send({ typeUrl, responseNonce: latest.nonce });
    latest = await blue?.receive();
  }
  assert.equal(latest?.resources[0]?.version, '3');
  assert.equal(red?.unread, 0);
});

test('a view more than the limit is refused, and again possible when one has gone', async (t) => {
  const { server, open } = await start(t, { viewOf, maxViews: 2 });
  server.publish((view) => stateSnapshot({ cluster: `${view}@1` }));
  const connect = (view: string) => {
    const stream = open(deltaStream);
    stream.send(asking(view, view));
    return stream;
  };
  const first = connect('one');
  await first.receive();
  await connect('two').receive();
  await connect('two').receive();
  assert.deepEqual(await connect('three').ended, {
    code: status.RESOURCE_EXHAUSTED,
    details: 'more than 2 different views of the mesh',
  });
  first.close();
  await proxiesWhen(server, (list) => list.length === 2);
  assert.equal((await connect('three').receive()).resources[0]?.name, 'three');
});

test('a client without a view is told why, and is not in the list', async (t) => {
  const { server, open } = await start(t, {
    viewOf: () => {
      throw new Error('node.metadata: is not what it should be');
    },
  });
  server.publish(stateSnapshot({ cluster: 'a@1' }));
  const stream = open(deltaStream);
  stream.send(asking('p', 'any'));
  assert.deepEqual(await stream.ended, {
    code: status.INVALID_ARGUMENT,
    details: 'node.metadata: is not what it should be',
  });
  assert.deepEqual(server.proxies.list(), []);
});

test('what is equal is one object, in two views and in two states', () => {
  const views = new Views(10);
  const clusters = (view: string) =>
    views.snapshot(view)?.resources.get(TYPE_URLS.cluster) ?? new Map();
  views.enter('red');
  views.enter('blue');
  views.enter('also blue');
  const state = (view: string, version: number) =>
    stateSnapshot({ cluster: view === 'red' ? `a@1 b@${version}` : `a@1 c@${version}` });
  views.publish((view) => state(view, 1));
  const kept = clusters('red').get('a');
  assert.equal(clusters('blue').get('a'), kept);
  assert.equal(clusters('also blue'), clusters('blue'), 'a type that is equal as a whole');
  views.publish((view) => state(view, 2));
  assert.equal(clusters('red').get('a'), kept);
  assert.equal(clusters('red').get('b')?.version, '2');
  views.leave('red');
  assert.equal(views.snapshot('red'), null);
  assert.equal(views.enter('red')?.resources.get(TYPE_URLS.cluster)?.get('a'), kept);
});

test('a node says which namespaces it serves, or nothing, which means all', () => {
  const said = (value: unknown) => namespacesOf({ ...NODE, metadata: { [NAMESPACES_KEY]: value } });
  assert.equal(namespacesOf(NODE), null);
  assert.equal(said(null), null);
  assert.deepEqual(said(['shop', 'search']), new Set(['shop', 'search']));
  assert.deepEqual(said([]), new Set());
  const field = 'node.metadata["modelweir.namespaces"]';
  for (const [value, message] of [
    ['shop', `${field}: is not a list of namespaces`],
    [['shop', 7], `${field}: 7 is not a namespace`],
    [['a,b'], `${field}: "a,b" is not a namespace`],
    [['*'], `${field}: "*" is not a namespace`],
    [[''], `${field}: "" is not a namespace`],
    [
      Array.from({ length: 101 }, (_, i) => `n${i}`),
      `${field}: more than 100 namespaces; leave it out for all`,
    ],
  ] as const) {
    assert.throws(() => said(value), { message });
  }
});
