import assert from 'node:assert/strict';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { pino } from 'pino';
import { AdsServer } from '../../../control-plane/serve/ads-server.ts';
import { TYPE_URLS } from '../../../control-plane/xds/snapshot.ts';
import { stateSnapshot } from './client.ts';
import { deltaStream, sotwStream } from './grpc-client.ts';
import { proxiesWhen, start } from './started-server.ts';

const NODE = { id: 'proxy-1', cluster: 'edge', userAgentName: 'envoy' };

const noNode = { resourceNames: [], responseNonce: '', versionInfo: '' };

test('a state-of-the-world stream gets what was published before it came, and what comes later', async (t) => {
  const { server, open } = await start(t);
  const before = stateSnapshot({ cluster: 'a@1 b@1' });
  server.publish(before);
  const stream = open(sotwStream);
  stream.send({ ...noNode, node: NODE, typeUrl: TYPE_URLS.cluster });
  const first = await stream.receive();
  assert.equal(first.typeUrl, TYPE_URLS.cluster);
  assert.equal(first.versionInfo, before.versions.get(TYPE_URLS.cluster));
  assert.deepEqual(
    first.resources.map((any) => [any.typeUrl, Buffer.from(any.value).toString()]),
    [
      [TYPE_URLS.cluster, 'a@1'],
      [TYPE_URLS.cluster, 'b@1'],
    ],
  );
  stream.send({ ...noNode, typeUrl: TYPE_URLS.cluster, responseNonce: first.nonce });
  server.publish(stateSnapshot({ cluster: 'a@1 b@2' }));
  const second = await stream.receive();
  assert.notEqual(second.nonce, first.nonce);
  assert.deepEqual(
    second.resources.map((any) => Buffer.from(any.value).toString()),
    ['a@1', 'b@2'],
  );
});

test('an incremental stream that comes first gets what is published, then changes and removals', async (t) => {
  const { server, open } = await start(t);
  const stream = open(deltaStream);
  stream.send({ node: NODE, typeUrl: TYPE_URLS.listener });
  await proxiesWhen(server, (list) => list.length === 1);
  server.publish(stateSnapshot({ listener: 'a@1 b@1' }));
  const first = await stream.receive();
  assert.deepEqual(
    first.resources.map((item) => [item.name, item.version, item.resource?.typeUrl]),
    [
      ['a', '1', TYPE_URLS.listener],
      ['b', '1', TYPE_URLS.listener],
    ],
  );
  stream.send({ typeUrl: TYPE_URLS.listener, responseNonce: first.nonce });
  server.publish(stateSnapshot({ listener: 'b@2' }));
  const second = await stream.receive();
  assert.deepEqual(
    second.resources.map((item) => [item.name, Buffer.from(item.resource?.value ?? []).toString()]),
    [['b', 'b@2']],
  );
  assert.deepEqual(second.removedResources, ['a']);
});

test('the registry says who is connected, what was refused and why, and forgets who has gone', async (t) => {
  const { server, open } = await start(t);
  server.publish(stateSnapshot({ route: 'r@bad' }));
  const stream = open(deltaStream);
  stream.send({ node: NODE, typeUrl: TYPE_URLS.route, resourceNamesSubscribe: ['r'] });
  const { nonce } = await stream.receive();
  const errorDetail = { code: 3, message: 'route r is bad' };
  stream.send({ typeUrl: TYPE_URLS.route, responseNonce: nonce, errorDetail });
  const [proxy] = await proxiesWhen(server, ([item]) => item?.types[0]?.nacks.length === 1);
  assert.deepEqual(
    [proxy?.nodeId, proxy?.cluster, proxy?.userAgent, proxy?.mode, proxy?.inSync],
    ['proxy-1', 'edge', 'envoy', 'delta', false],
  );
  assert.equal(proxy?.types[0]?.nacks[0]?.message, 'route r is bad');
  assert.deepEqual(JSON.parse(JSON.stringify(proxy)), proxy, 'it is plain JSON');
  stream.close();
  await proxiesWhen(server, (list) => list.length === 0);
});

test('a proxy that does not read holds nobody up, and gets the latest state when it does', async (t) => {
  const { server, open } = await start(t);
  server.publish(stateSnapshot({ cluster: 'a@0' }));
  const slow = open(sotwStream);
  slow.send({ ...noNode, node: { ...NODE, id: 'slow' }, typeUrl: TYPE_URLS.cluster });
  const first = await slow.receive();
  slow.call.pause();
  const quick = open(sotwStream);
  quick.send({ ...noNode, node: { ...NODE, id: 'quick' }, typeUrl: TYPE_URLS.cluster });
  for (let version = 1; version <= 200; version++) {
    const { nonce } = await quick.receive();
    quick.send({ ...noNode, typeUrl: TYPE_URLS.cluster, responseNonce: nonce });
    server.publish(stateSnapshot({ cluster: `a@${version}` }));
  }
  slow.call.resume();
  slow.send({ ...noNode, typeUrl: TYPE_URLS.cluster, responseNonce: first.nonce });
  const next = await slow.receive();
  assert.equal(Buffer.from(next.resources[0]?.value ?? []).toString(), 'a@200');
  assert.equal(slow.unread, 0, 'no state in between was kept for it');
});

test('a stream that does not say who it is is refused, naming the field', async (t) => {
  const { open } = await start(t);
  const stream = open(sotwStream);
  stream.send({ ...noNode, typeUrl: TYPE_URLS.cluster });
  assert.deepEqual(await stream.ended, {
    code: status.INVALID_ARGUMENT,
    details: 'node.id: is missing in the first request of the stream',
  });
});

test('bytes that are no request end the stream, and no other', async (t) => {
  const { server, open } = await start(t);
  const good = open(sotwStream);
  good.send({ ...noNode, node: NODE, typeUrl: TYPE_URLS.cluster });
  await proxiesWhen(server, (list) => list.length === 1);
  const bad = open(deltaStream);
  bad.call.write(Buffer.from([0x0a, 0xff, 0xff]));
  assert.equal((await bad.ended).code, status.INVALID_ARGUMENT);
  server.publish(stateSnapshot({ cluster: 'a@1' }));
  assert.equal((await good.receive()).resources.length, 1);
});

test('one stream more than the limit is refused, and another one after a stream has gone is not', async (t) => {
  const { server, open } = await start(t, { maxStreams: 1 });
  server.publish(stateSnapshot({}));
  const first = open(sotwStream);
  first.send({ ...noNode, node: NODE, typeUrl: TYPE_URLS.cluster });
  await first.receive();
  const second = open(sotwStream);
  assert.deepEqual(await second.ended, {
    code: status.RESOURCE_EXHAUSTED,
    details: 'more than 1 streams; raise --max-streams',
  });
  first.close();
  await proxiesWhen(server, (list) => list.length === 0);
  const third = open(sotwStream);
  third.send({ ...noNode, node: NODE, typeUrl: TYPE_URLS.cluster });
  await third.receive();
});

test('a request over the limit ends the stream', async (t) => {
  const { open } = await start(t, { maxRequestBytes: 1000 });
  const stream = open(deltaStream);
  const resourceNamesSubscribe = ['x'.repeat(2000)];
  stream.send({ node: NODE, typeUrl: TYPE_URLS.route, resourceNamesSubscribe });
  assert.equal((await stream.ended).code, status.RESOURCE_EXHAUSTED);
});

test('closing ends all streams and frees the port', async (t) => {
  const { server, port, open } = await start(t);
  server.publish(stateSnapshot({}));
  const stream = open(sotwStream);
  stream.send({ ...noNode, node: NODE, typeUrl: TYPE_URLS.cluster });
  await stream.receive();
  await Promise.all([server.close(5000), stream.ended]);
  assert.deepEqual(server.proxies.list(), []);
  const next = new AdsServer({ logger: pino({ enabled: false }) });
  assert.equal(await next.listen('127.0.0.1', port), port);
  await assert.rejects(
    new AdsServer({ logger: pino({ enabled: false }) }).listen('127.0.0.1', port),
    new RegExp(`cannot listen on 127.0.0.1:${port}`),
  );
  await next.close(1000);
});
