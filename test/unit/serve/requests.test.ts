/** Requests as no orderly client sends them, or only in a race: what they change, and what they do not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { TYPE_URLS } from '../../../control-plane/xds/snapshot.ts';
import { stateSnapshot, type TypeName } from './client.ts';
import { pathOf } from './conformance-client.ts';
import { deltaStream, sotwStream } from './grpc-client.ts';
import { proxiesWhen, start } from './started-server.ts';

const NODE = { id: 'proxy', cluster: 'test' };
const TYPES = Object.keys(TYPE_URLS) as TypeName[];

function values(response: { resources: readonly { value: Uint8Array }[] }): string[] {
  return response.resources.map(({ value }) => Buffer.from(value).toString());
}

test('state of the world: requests with nonces that are stale or unknown change nothing', async (t) => {
  const { server, open } = await start(t);
  const typeUrl = TYPE_URLS.endpoint;
  server.publish(stateSnapshot({ endpoint: 'a@1 b@1' }));
  const stream = open(sotwStream);
  stream.send({ node: NODE, typeUrl, resourceNames: ['a'] });
  const first = await stream.receive();
  stream.send({ typeUrl, resourceNames: ['a'], responseNonce: first.nonce });
  server.publish(stateSnapshot({ endpoint: 'a@2 b@1' }));
  const second = await stream.receive();
  const bad = { code: 3, message: 'refused, long ago' };
  for (const responseNonce of [first.nonce, 'never sent']) {
    stream.send({ typeUrl, resourceNames: ['a', 'b'], responseNonce, errorDetail: bad });
  }
  stream.send({ typeUrl, resourceNames: ['a', 'b'], responseNonce: second.nonce });
  const third = await stream.receive();
  assert.deepEqual(values(third), ['b@1'], 'asked for once, sent once');
  const [proxy] = server.proxies.list();
  assert.deepEqual(proxy?.types[0]?.nacks, []);
});

test('state of the world: with nothing unanswered, a request without a nonce counts', async (t) => {
  const { server, open } = await start(t);
  const typeUrl = TYPE_URLS.route;
  server.publish(stateSnapshot({ route: 'a@1 b@1' }));
  const stream = open(sotwStream);
  stream.send({ node: NODE, typeUrl, resourceNames: ['a'] });
  const { nonce } = await stream.receive();
  stream.send({ typeUrl, resourceNames: ['a'], responseNonce: nonce });
  stream.send({ typeUrl, resourceNames: ['a', 'b'] });
  assert.deepEqual(values(await stream.receive()), ['b@1']);
});

test('incremental: a nonce that is stale or unknown answers nothing, and the subscription counts', async (t) => {
  const { server, open } = await start(t);
  const typeUrl = TYPE_URLS.endpoint;
  server.publish(stateSnapshot({ endpoint: 'a@1 b@1 c@1' }));
  const stream = open(deltaStream);
  stream.send({ node: NODE, typeUrl, resourceNamesSubscribe: ['a'] });
  const first = await stream.receive();
  stream.send({ typeUrl, responseNonce: first.nonce });
  const errorDetail = { code: 3, message: 'refused, long ago' };
  const stale = { typeUrl, responseNonce: first.nonce, errorDetail };
  stream.send({ ...stale, resourceNamesSubscribe: ['b'] });
  const second = await stream.receive();
  assert.deepEqual(
    second.resources.map(({ name }) => name),
    ['b'],
  );
  stream.send({ ...stale, responseNonce: 'never sent', resourceNamesSubscribe: ['c'] });
  stream.send({ typeUrl, responseNonce: second.nonce });
  const third = await stream.receive();
  assert.deepEqual(
    third.resources.map(({ name }) => name),
    ['c'],
  );
  stream.send({ typeUrl, responseNonce: third.nonce });
  const [proxy] = await proxiesWhen(server, ([one]) => one?.inSync === true);
  assert.deepEqual(proxy?.types[0]?.nacks, []);
});

test('the aggregated service must be told which type a request is about', async (t) => {
  const { open } = await start(t);
  for (const make of [sotwStream, deltaStream]) {
    const stream = open((port) => make(port));
    stream.send({ node: NODE });
    assert.deepEqual(await stream.ended, {
      code: status.INVALID_ARGUMENT,
      details: 'type_url: is missing, and the aggregated service is about all types',
    });
  }
});

for (const type of TYPES) {
  test(`the services of ${type} need not be told their type, and are about no other`, async (t) => {
    const { server, open } = await start(t);
    server.publish(stateSnapshot({ [type]: 'a@1' }));
    const sotw = () => open((port) => sotwStream(port, pathOf(type, 'Stream')));
    const delta = () => open((port) => deltaStream(port, pathOf(type, 'Delta')));
    const whole = sotw();
    whole.send({ node: NODE, resourceNames: ['a'] });
    const response = await whole.receive();
    assert.deepEqual([response.typeUrl, values(response)], [TYPE_URLS[type], ['a@1']]);
    const incremental = delta();
    incremental.send({ node: NODE, resourceNamesSubscribe: ['a'] });
    assert.deepEqual((await incremental.receive()).resources[0]?.name, 'a');

    const other = { node: NODE, typeUrl: 'type.googleapis.com/other' };
    for (const stream of [sotw(), delta()]) {
      stream.send(other);
      assert.deepEqual(await stream.ended, {
        code: status.INVALID_ARGUMENT,
        details: `type_url: is ${other.typeUrl}, and this service is about ${TYPE_URLS[type]} only`,
      });
    }
  });
}

test('a type that nobody publishes is answered where the protocol can, and holds no other up', async (t) => {
  const { server, open } = await start(t);
  server.publish(stateSnapshot({ route: 'r@1' }));
  const typeUrl = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';
  const sotw = open(sotwStream);
  sotw.send({ node: NODE, typeUrl, resourceNames: ['s'] });
  sotw.send({ typeUrl: TYPE_URLS.route, resourceNames: ['r'] });
  assert.equal((await sotw.receive()).typeUrl, TYPE_URLS.route);
  const delta = open(deltaStream);
  delta.send({ node: NODE, typeUrl, resourceNamesSubscribe: ['s'] });
  assert.deepEqual((await delta.receive()).removedResources, ['s']);
});

test('a resource locator is a name like any other, and there is none of that name', async (t) => {
  const { server, open } = await start(t);
  server.publish(stateSnapshot({ cluster: 'a@1' }));
  const stream = open(deltaStream);
  const locator = 'xdstp://authority/envoy.config.cluster.v3.Cluster/*';
  stream.send({ node: NODE, typeUrl: TYPE_URLS.cluster, resourceNamesSubscribe: [locator] });
  const response = await stream.receive();
  assert.deepEqual([response.resources, response.removedResources], [[], [locator]]);
});

test('the streams of a proxy without ADS are one proxy in the status, and those of another are not', async (t) => {
  const { server, open } = await start(t);
  server.publish(stateSnapshot({ cluster: 'a@1', endpoint: 'a@1 b@bad' }));
  const ask = async (id: string, type: TypeName, name: string, error?: string) => {
    const stream = open((port) => deltaStream(port, pathOf(type, 'Delta')));
    stream.send({ node: { ...NODE, id }, resourceNamesSubscribe: [name] });
    const { nonce } = await stream.receive();
    const refusal = error === undefined ? {} : { errorDetail: { code: 3, message: error } };
    stream.send({ responseNonce: nonce, ...refusal });
    return stream;
  };
  await ask('p', 'cluster', 'a');
  await ask('p', 'endpoint', 'a');
  const refusing = await ask('p', 'endpoint', 'b', 'b is bad');
  await ask('q', 'cluster', 'a');
  const said = (list: ReturnType<typeof server.proxies.list>) =>
    list.map(({ nodeId, inSync, types }) => [
      nodeId,
      inSync,
      types.map(({ subscribed, nacks }) => [subscribed, nacks.length]),
    ]);
  const settled = await proxiesWhen(
    server,
    ([p, q]) => p?.types[1]?.nacks.length === 1 && q?.inSync === true,
  );
  assert.deepEqual(said(settled), [
    [
      'p',
      false,
      [
        [1, 0],
        [2, 1],
      ],
    ],
    ['q', true, [[1, 0]]],
  ]);
  refusing.close();
  await proxiesWhen(server, ([p]) => p?.inSync === true);
  assert.equal(server.proxies.size, 3);
});

test('a hundred clients come and ask while the state changes a hundred times, and all end with the last', async (t) => {
  const { server, open } = await start(t);
  server.publish(stateSnapshot({ cluster: 'a@0 b@0', endpoint: 'a@0 b@0' }));
  const clients = Array.from({ length: 100 }, async (_, i) => {
    const isDelta = i % 2 === 0;
    const typeUrl = i % 4 < 2 ? TYPE_URLS.cluster : TYPE_URLS.endpoint;
    const node = { ...NODE, id: `proxy-${i}` };
    if (isDelta) {
      const stream = open(deltaStream);
      stream.send({ node, typeUrl, resourceNamesSubscribe: ['a', 'b'] });
      for (;;) {
        const { nonce, resources } = await stream.receive();
        stream.send({ typeUrl, responseNonce: nonce });
        if (resources.some(({ version }) => version === '100')) return;
      }
    }
    const stream = open(sotwStream);
    const resourceNames = ['a', 'b'];
    stream.send({ node, typeUrl, resourceNames });
    for (;;) {
      const response = await stream.receive();
      stream.send({ typeUrl, resourceNames, responseNonce: response.nonce });
      if (values(response).includes('a@100')) return;
    }
  });
  for (let version = 1; version <= 100; version++) {
    server.publish(stateSnapshot({ cluster: `a@${version} b@0`, endpoint: `a@${version} b@0` }));
    await new Promise(setImmediate);
  }
  await Promise.all(clients);
  await proxiesWhen(server, (list) => list.length === 100 && list.every(({ inSync }) => inSync));
});
