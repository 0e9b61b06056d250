import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeltaClient } from './client.ts';

interface Case {
  readonly name: string;
  readonly run: (client: DeltaClient) => void;
}

const SUBSCRIPTIONS: readonly Case[] = [
  {
    name: 'a first request that names nothing asks for all clusters',
    run: (client) => {
      client.publish({ cluster: 'a@1 b@1' });
      client.request('cluster');
      assert.deepEqual(client.settle(), ['cluster: a@1 b@1']);
    },
  },
  {
    name: 'an empty mesh is an empty answer, so that the client need not wait',
    run: (client) => {
      client.publish({});
      client.request('cluster');
      client.request('endpoint');
      assert.deepEqual(client.settle(), ['cluster:']);
    },
  },
  {
    name: 'a first request that names something asks for no more than that',
    run: (client) => {
      client.publish({ cluster: 'a@1 b@1' });
      client.request('cluster', { subscribe: ['a'] });
      assert.deepEqual(client.settle(), ['cluster: a@1']);
      client.request('cluster');
      assert.deepEqual(client.settle(), []);
    },
  },
  {
    name: 'the star is asked for and given up like a name',
    run: (client) => {
      client.publish({ cluster: 'a@1 b@1' });
      client.request('cluster', { subscribe: ['b'] });
      client.settle();
      client.request('cluster', { subscribe: ['*'] });
      assert.deepEqual(client.settle(), ['cluster: a@1']);
      client.request('cluster', { unsubscribe: ['*'] });
      assert.deepEqual(client.settle(), []);
      client.publish({ cluster: 'a@2 b@2' });
      assert.deepEqual(client.settle(), ['cluster: b@2']);
    },
  },
  {
    name: 'a first empty request is given up as a star too',
    run: (client) => {
      client.publish({ cluster: 'a@1' });
      client.request('cluster');
      client.settle();
      client.request('cluster', { unsubscribe: ['*'] });
      client.publish({ cluster: 'a@2' });
      assert.deepEqual(client.settle(), []);
    },
  },
  {
    name: 'a name given up under a star is sent again, because the client has dropped it',
    run: (client) => {
      client.publish({ cluster: 'a@1 b@1' });
      client.request('cluster', { subscribe: ['*', 'a'] });
      client.settle();
      client.request('cluster', { unsubscribe: ['a'] });
      assert.deepEqual(client.settle(), ['cluster: a@1']);
    },
  },
  {
    name: 'only what changed is sent, and what went is named',
    run: (client) => {
      client.publish({ listener: 'a@1 b@1 c@1' });
      client.request('listener');
      client.settle();
      client.publish({ listener: 'a@1 b@2' });
      assert.deepEqual(client.settle(), ['listener: b@2 -c']);
    },
  },
  {
    name: 'a name that does not exist is reported at once, and sent when it does',
    run: (client) => {
      client.publish({ endpoint: 'a@1' });
      client.request('endpoint', { subscribe: ['a', 'b'] });
      assert.deepEqual(client.settle(), ['endpoint: a@1 -b']);
      client.publish({ endpoint: 'a@1 b@1' });
      assert.deepEqual(client.settle(), ['endpoint: b@1']);
    },
  },
  {
    name: 'a name of a type that nobody publishes is reported as missing',
    run: (client) => {
      client.publish({});
      const typeUrl = 'type.googleapis.com/unknown';
      const request = { node: null, typeUrl, subscribe: ['x'], unsubscribe: [] };
      client.stream.request({ ...request, initialVersions: {}, nonce: '', error: null }, 0);
      assert.deepEqual(client.stream.next(0)?.removed, ['x']);
    },
  },
  {
    name: 'a name asked for again is sent again',
    run: (client) => {
      client.publish({ endpoint: 'a@1' });
      client.request('endpoint', { subscribe: ['a'] });
      client.settle();
      client.request('endpoint', { subscribe: ['a'] });
      assert.deepEqual(client.settle(), ['endpoint: a@1']);
    },
  },
  {
    name: 'a client that comes back is told only what changed meanwhile',
    run: (client) => {
      client.publish({ cluster: 'a@1 b@2 d@1', endpoint: 'a@1' });
      client.request('cluster', { initialVersions: { a: '1', b: '1', c: '1' } });
      client.request('endpoint', { subscribe: ['a'], initialVersions: { a: '1' } });
      assert.deepEqual(client.settle(), ['cluster: b@2 d@1']);
      client.nowMs = client.stream.wakeAtMs(0) ?? 0;
      assert.deepEqual(client.settle(), ['cluster: -c']);
      assert.equal(client.status('endpoint').inSync, true);
    },
  },
  {
    name: 'a client that comes back to the same state gets an empty answer',
    run: (client) => {
      client.publish({ listener: 'a@1' });
      client.request('listener', { initialVersions: { a: '1' } });
      assert.deepEqual(client.settle(), ['listener:']);
    },
  },
];

const NONCES: readonly Case[] = [
  {
    name: 'an unknown nonce answers nothing, but the subscription beside it counts',
    run: (client) => {
      client.publish({ endpoint: 'a@1 b@1' });
      client.request('endpoint', { subscribe: ['a'] });
      assert.deepEqual(client.receive(), ['endpoint: a@1']);
      client.request('endpoint', { subscribe: ['b'], nonce: 'unknown', error: 'not yours' });
      assert.deepEqual(client.receive(), []);
      client.ack('endpoint');
      assert.deepEqual(client.receive(), ['endpoint: b@1']);
      assert.deepEqual(client.status('endpoint').nacks, []);
    },
  },
  {
    name: 'at most one response of a type is unanswered, and the next one is the latest',
    run: (client) => {
      client.publish({ cluster: 'a@1' });
      client.request('cluster');
      assert.deepEqual(client.receive(), ['cluster: a@1']);
      client.publish({ cluster: 'a@2 b@1' });
      client.publish({ cluster: 'a@3' });
      assert.deepEqual(client.receive(), []);
      client.ack('cluster');
      assert.deepEqual(client.receive(), ['cluster: a@3']);
    },
  },
  {
    name: 'a name given up while its response is on the way is not taken for held',
    run: (client) => {
      client.publish({ endpoint: 'a@1' });
      client.request('endpoint', { subscribe: ['a'] });
      client.receive();
      client.request('endpoint', { unsubscribe: ['a'] });
      client.ack('endpoint');
      client.publish({});
      assert.deepEqual(client.settle(), []);
    },
  },
];

const REFUSALS: readonly Case[] = [
  {
    name: 'one bad cluster among many is found by halving, and the good ones arrive',
    run: (client) => {
      client.publish({ cluster: 'a@1 b@1 c@1 d@bad' });
      client.request('cluster');
      assert.deepEqual(client.receive(), ['cluster: a@1 b@1 c@1 d@bad']);
      client.nack('cluster', 'd is bad');
      assert.deepEqual(client.status('cluster').nacks[0]?.resources, ['a', 'b', 'c', 'd']);
      assert.deepEqual(client.receive(), ['cluster: a@1 b@1']);
      client.ack('cluster');
      assert.deepEqual(client.receive(), ['cluster: c@1 d@bad']);
      client.nack('cluster', 'd is bad');
      assert.deepEqual(client.receive(), ['cluster: c@1']);
      client.ack('cluster');
      assert.deepEqual(client.receive(), ['cluster: d@bad']);
      client.nack('cluster', 'd is bad');
      assert.deepEqual(client.settle(), []);
      assert.deepEqual(
        client.status('cluster').nacks.map((nack) => nack.resources),
        [['d']],
      );
    },
  },
  {
    name: 'what was refused is not sent again, whatever else changes, until it changes itself',
    run: (client) => {
      client.publish({ listener: 'a@bad' });
      client.request('listener');
      client.receive();
      client.nack('listener', 'bad');
      client.publish({ listener: 'a@bad b@1' });
      assert.deepEqual(client.settle(), ['listener: b@1']);
      assert.equal(client.status('listener').inSync, false);
      client.publish({ listener: 'a@2 b@1' });
      assert.deepEqual(client.settle(), ['listener: a@2']);
      assert.equal(client.status('listener').inSync, true);
    },
  },
  {
    name: 'a refused resource that is taken back is removed, because a part may have been taken',
    run: (client) => {
      client.publish({ listener: 'a@bad' });
      client.request('listener');
      client.receive();
      client.nack('listener', 'bad');
      client.publish({});
      assert.deepEqual(client.settle(), ['listener: -a']);
      assert.deepEqual(client.status('listener').nacks, []);
    },
  },
  {
    name: 'a refused removal is not repeated',
    run: (client) => {
      client.publish({ listener: 'a@1' });
      client.request('listener');
      client.settle();
      client.publish({});
      assert.deepEqual(client.receive(), ['listener: -a']);
      client.nack('listener', 'I keep it');
      assert.deepEqual(client.receive(), []);
      assert.deepEqual(client.status('listener').nacks[0]?.message, 'I keep it');
    },
  },
  {
    name: 'a long error text is cut',
    run: (client) => {
      client.publish({ route: 'r@bad' });
      client.request('route', { subscribe: ['r'] });
      client.receive();
      client.nack('route', 'x'.repeat(10_000));
      assert.equal(client.status('route').nacks[0]?.message.length, 4096);
    },
  },
];

const ORDER: readonly Case[] = [
  {
    name: 'removed clusters and endpoints go last, after what referred to them',
    run: (client) => {
      const before = { cluster: 'a@1 b@1', endpoint: 'a@1 b@1', extension: 'e@1' };
      client.publish(before);
      client.request('cluster');
      client.request('endpoint', { subscribe: ['a', 'b'] });
      client.request('extension', { subscribe: ['e'] });
      client.settle();
      client.publish({ cluster: 'b@1 c@1', endpoint: 'b@1', extension: 'e@2' });
      assert.deepEqual(client.settle(), [
        'cluster: c@1',
        'extension: e@2',
        'cluster: -a',
        'endpoint: -a',
      ]);
    },
  },
  {
    name: 'a client that comes back keeps a removed cluster until it has its new extension',
    run: (client) => {
      client.publish({ extension: 'e@2' });
      client.request('cluster', { initialVersions: { a: '1' } });
      assert.deepEqual(client.settle(), ['cluster:']);
      client.request('extension', { subscribe: ['e'], initialVersions: { e: '1' } });
      assert.deepEqual(client.settle(), ['extension: e@2']);
      client.nowMs = 1_000;
      assert.deepEqual(client.settle(), ['cluster: -a']);
    },
  },
  {
    name: 'an old cluster stays while the new one waits for its endpoints',
    run: (client) => {
      client.publish({ cluster: 'old@1', endpoint: 'old@1', extension: 'e@1' });
      client.request('cluster');
      client.request('endpoint', { subscribe: ['old'] });
      client.request('extension', { subscribe: ['e'] });
      client.settle();
      client.publish({ cluster: 'new@1', endpoint: 'new@1', extension: 'e@2' });
      assert.deepEqual(client.settle(), ['cluster: new@1']);
      client.request('endpoint', { subscribe: ['new'] });
      assert.deepEqual(client.settle(), [
        'endpoint: new@1',
        'extension: e@2',
        'cluster: -old',
        'endpoint: -old',
      ]);
    },
  },
  {
    name: 'a refused extension keeps the clusters of the one before it',
    run: (client) => {
      client.publish({ cluster: 'a@1', extension: 'e@1' });
      client.request('cluster');
      client.request('extension', { subscribe: ['e'] });
      client.settle();
      client.publish({ extension: 'e@bad' });
      assert.deepEqual(client.receive(), ['extension: e@bad']);
      client.nack('extension', 'bad');
      assert.deepEqual(client.settle(), []);
      assert.equal(client.status('cluster').inSync, false);
      client.publish({ extension: 'e@2' });
      assert.deepEqual(client.settle(), ['extension: e@2', 'cluster: -a']);
      assert.equal(client.status('cluster').inSync, true);
    },
  },
  {
    name: 'thousands of removed clusters are not kept for the sake of a refusal',
    run: (client) => {
      const names = Array.from({ length: 1025 }, (_, i) => `c${i}`);
      client.publish({ cluster: names.map((name) => `${name}@1`).join(' '), extension: 'e@1' });
      client.request('cluster');
      client.request('extension', { subscribe: ['e'] });
      client.settle();
      client.publish({ extension: 'e@bad' });
      assert.deepEqual(client.receive(), ['extension: e@bad']);
      client.nack('extension', 'bad');
      const removed = names.map((name) => `-${name}`).sort();
      assert.deepEqual(client.settle(), [`cluster: ${removed.join(' ')}`]);
    },
  },
  {
    name: 'endpoints of a changed cluster are sent again, because the client waits for them',
    run: (client) => {
      client.publish({ cluster: 'a@1', endpoint: 'a@1', extension: 'e@1' });
      client.request('cluster');
      client.request('endpoint', { subscribe: ['a'] });
      client.request('extension', { subscribe: ['e'] });
      client.settle();
      client.publish({ cluster: 'a@2', endpoint: 'a@1', extension: 'e@2' });
      assert.deepEqual(client.receive(), ['cluster: a@2', 'endpoint: a@1']);
      client.ack('cluster');
      assert.deepEqual(client.receive(), [], 'the extension waits for the endpoints');
      client.ack('endpoint');
      assert.deepEqual(client.receive(), ['extension: e@2']);
    },
  },
  {
    name: 'a refused cluster holds nothing else up',
    run: (client) => {
      client.publish({ extension: 'e@1' });
      client.request('cluster');
      client.request('endpoint', { subscribe: ['a'] });
      client.request('extension', { subscribe: ['e'] });
      client.settle();
      client.publish({ cluster: 'b@bad', endpoint: 'b@1', extension: 'e@2' });
      assert.deepEqual(client.receive(), ['cluster: b@bad']);
      client.nack('cluster', 'bad');
      assert.deepEqual(client.receive(), ['extension: e@2']);
    },
  },
];

for (const { name, run } of [...SUBSCRIPTIONS, ...NONCES, ...REFUSALS, ...ORDER]) {
  test(`incremental: ${name}`, () => run(new DeltaClient()));
}

test('incremental: more than 100,000 names of one type end the stream', () => {
  const client = new DeltaClient();
  const subscribe = Array.from({ length: 100_001 }, (_, i) => `n${i}`);
  assert.throws(
    () => client.request('endpoint', { subscribe }),
    /ClusterLoadAssignment: more than 100000 names on one stream/,
  );
});
