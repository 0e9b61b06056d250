import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SotwClient } from './client.ts';

interface Case {
  readonly name: string;
  readonly run: (client: SotwClient) => void;
}

const SUBSCRIPTIONS: readonly Case[] = [
  {
    name: 'a first empty request asks for all clusters',
    run: (client) => {
      client.publish({ cluster: 'a@1 b@1' });
      client.subscribe('cluster', []);
      assert.deepEqual(client.settle(), ['cluster: a@1 b@1']);
    },
  },
  {
    name: 'a request before anything is published is answered when it is',
    run: (client) => {
      client.subscribe('cluster', []);
      assert.deepEqual(client.settle(), []);
      client.publish({ cluster: 'a@1' });
      assert.deepEqual(client.settle(), ['cluster: a@1']);
    },
  },
  {
    name: 'an empty mesh is an empty answer for clusters and listeners, which tells that there are none',
    run: (client) => {
      client.publish({});
      client.subscribe('cluster', []);
      client.subscribe('listener', []);
      client.subscribe('endpoint', []);
      client.subscribe('route', ['r']);
      assert.deepEqual(client.settle(), ['cluster:', 'listener:']);
    },
  },
  {
    name: 'a star asks for all, also beside names',
    run: (client) => {
      client.publish({ listener: 'a@1 b@1' });
      client.subscribe('listener', ['*', 'a']);
      assert.deepEqual(client.settle(), ['listener: a@1 b@1']);
    },
  },
  {
    name: 'after names, an empty list asks for nothing',
    run: (client) => {
      client.publish({ cluster: 'a@1 b@1' });
      client.subscribe('cluster', ['a']);
      assert.deepEqual(client.settle(), ['cluster: a@1']);
      client.subscribe('cluster', []);
      assert.deepEqual(client.settle(), [], 'what it has given up, it has dropped');
      client.publish({ cluster: 'a@2 b@2' });
      assert.deepEqual(client.settle(), []);
    },
  },
  {
    name: 'giving up the star for names leaves only these',
    run: (client) => {
      client.publish({ cluster: 'a@1 b@1' });
      client.subscribe('cluster', ['*']);
      client.settle();
      client.subscribe('cluster', ['b']);
      assert.deepEqual(client.settle(), ['cluster: b@1']);
    },
  },
  {
    name: 'a new name is answered although nothing changed, and only the new one',
    run: (client) => {
      client.publish({ endpoint: 'a@1 b@1 c@1' });
      client.subscribe('endpoint', ['a']);
      assert.deepEqual(client.settle(), ['endpoint: a@1']);
      client.subscribe('endpoint', ['a', 'c']);
      assert.deepEqual(client.settle(), ['endpoint: c@1']);
    },
  },
  {
    name: 'a name that does not exist is answered once it does',
    run: (client) => {
      client.publish({ endpoint: 'a@1' });
      client.subscribe('endpoint', ['b']);
      assert.deepEqual(client.settle(), []);
      client.publish({ endpoint: 'a@1 b@1' });
      assert.deepEqual(client.settle(), ['endpoint: b@1']);
    },
  },
  {
    name: 'a name given up and asked for again is sent again',
    run: (client) => {
      client.publish({ endpoint: 'a@1 b@1' });
      client.subscribe('endpoint', ['a', 'b']);
      client.settle();
      client.subscribe('endpoint', ['b']);
      assert.deepEqual(client.settle(), []);
      client.subscribe('endpoint', ['a', 'b']);
      assert.deepEqual(client.settle(), ['endpoint: a@1']);
    },
  },
  {
    name: 'only what is subscribed and has changed is sent',
    run: (client) => {
      client.publish({ endpoint: 'a@1 b@1 c@1', cluster: 'x@1' });
      client.subscribe('cluster', []);
      client.subscribe('endpoint', ['a', 'b']);
      client.settle();
      client.publish({ endpoint: 'a@1 b@2 c@2', cluster: 'x@1' });
      assert.deepEqual(client.settle(), ['endpoint: b@2']);
      assert.equal(client.status('endpoint').inSync, true);
    },
  },
  {
    name: 'endpoints are not deleted by leaving them out, so nothing is said of a removed one',
    run: (client) => {
      client.publish({ endpoint: 'a@1 b@1' });
      client.subscribe('endpoint', ['a', 'b']);
      client.settle();
      client.publish({ endpoint: 'a@1' });
      assert.deepEqual(client.settle(), []);
    },
  },
  {
    name: 'a removed listener is left out of a response',
    run: (client) => {
      client.publish({ listener: 'a@1 b@1' });
      client.subscribe('listener', []);
      client.settle();
      client.publish({ listener: 'b@1' });
      assert.deepEqual(client.settle(), ['listener: b@1']);
    },
  },
];

const NONCES: readonly Case[] = [
  {
    name: 'a request with an old nonce is ignored, because the answer to the last response repeats it',
    run: (client) => {
      client.publish({ endpoint: 'a@1 b@1' });
      client.subscribe('endpoint', ['a']);
      assert.deepEqual(client.receive(), ['endpoint: a@1']);
      client.subscribe('endpoint', ['a', 'b'], '');
      assert.deepEqual(client.receive(), []);
      client.ack('endpoint');
      assert.deepEqual(client.receive(), ['endpoint: b@1']);
    },
  },
  {
    name: 'a name given up and asked for again between two responses is sent again',
    run: (client) => {
      client.publish({ endpoint: 'a@1 b@1' });
      client.subscribe('endpoint', ['a']);
      client.settle();
      client.subscribe('endpoint', ['a', 'b']);
      const { sentVersion } = client.status('endpoint');
      assert.deepEqual(client.receive(), ['endpoint: b@1']);
      client.subscribe('endpoint', ['b'], 'the one before');
      client.subscribe('endpoint', ['a', 'b']);
      assert.deepEqual(client.receive(), ['endpoint: a@1']);
      assert.equal(client.status('endpoint').sentVersion, sentVersion);
    },
  },
  {
    name: 'a name given up between two responses is still held under a star, and removed when it goes',
    run: (client) => {
      client.publish({ listener: 'a@1 b@1' });
      client.subscribe('listener', ['*', 'a']);
      assert.deepEqual(client.settle(), ['listener: a@1 b@1']);
      client.publish({ listener: 'a@1 b@2' });
      assert.deepEqual(client.receive(), ['listener: a@1 b@2']);
      client.subscribe('listener', ['*'], 'the one before');
      client.subscribe('listener', ['*']);
      client.publish({ listener: 'b@2' });
      assert.deepEqual(client.settle(), ['listener: b@2']);
    },
  },
  {
    name: 'a star given up and asked for again between two responses is answered with everything again',
    run: (client) => {
      client.publish({ endpoint: 'a@1 b@1' });
      client.subscribe('endpoint', ['*']);
      client.settle();
      client.publish({ endpoint: 'a@1 b@2' });
      assert.deepEqual(client.receive(), ['endpoint: b@2']);
      client.subscribe('endpoint', [], 'the one before');
      client.subscribe('endpoint', ['*']);
      assert.deepEqual(client.settle(), ['endpoint: a@1']);
    },
  },
  {
    name: 'after names in an overtaken request, an empty list is none of old',
    run: (client) => {
      client.publish({ cluster: 'a@1 b@1' });
      client.subscribe('cluster', []);
      assert.deepEqual(client.receive(), ['cluster: a@1 b@1']);
      client.subscribe('cluster', ['a'], 'the one before');
      client.subscribe('cluster', []);
      client.publish({ cluster: 'a@2 b@2' });
      assert.deepEqual(client.settle(), []);
    },
  },
  {
    name: 'a request with a nonce that was never sent is ignored',
    run: (client) => {
      client.publish({ endpoint: 'a@1 b@1' });
      client.subscribe('endpoint', ['a']);
      client.settle();
      client.subscribe('endpoint', ['a', 'b'], 'no such nonce');
      assert.deepEqual(client.receive(), []);
    },
  },
  {
    name: 'a refusal of an old response is not a refusal of the last one',
    run: (client) => {
      client.publish({ endpoint: 'a@1' });
      client.subscribe('endpoint', ['a']);
      client.receive();
      client.nack('endpoint', 'bad', 'old');
      assert.deepEqual(client.status('endpoint').nacks, []);
      client.ack('endpoint');
      assert.equal(client.status('endpoint').ackedVersion, null);
      assert.deepEqual(client.receive(), []);
      assert.equal(client.status('endpoint').inSync, true);
    },
  },
  {
    name: 'a repeated acknowledgement is not answered',
    run: (client) => {
      client.publish({ cluster: 'a@1' });
      client.subscribe('cluster', []);
      client.settle();
      client.ack('cluster');
      client.ack('cluster');
      assert.deepEqual(client.receive(), []);
    },
  },
  {
    name: 'a first request counts whatever nonce a former stream left in it',
    run: (client) => {
      client.publish({ cluster: 'a@1' });
      client.subscribe('cluster', [], 'from another stream');
      assert.deepEqual(client.settle(), ['cluster: a@1']);
    },
  },
  {
    name: 'at most one response of a type is unanswered, and the next one is the latest',
    run: (client) => {
      client.publish({ endpoint: 'a@1' });
      client.subscribe('endpoint', ['a']);
      assert.deepEqual(client.receive(), ['endpoint: a@1']);
      for (const version of [2, 3, 4]) client.publish({ endpoint: `a@${version}` });
      assert.deepEqual(client.receive(), []);
      client.ack('endpoint');
      assert.deepEqual(client.receive(), ['endpoint: a@4']);
    },
  },
];

const REFUSALS: readonly Case[] = [
  {
    name: 'a refused cluster is not sent again until the type changes',
    run: (client) => {
      client.publish({ cluster: 'a@1 b@bad' });
      client.subscribe('cluster', []);
      client.receive();
      client.nack('cluster', 'b is bad');
      assert.deepEqual(client.receive(), []);
      client.publish({ cluster: 'a@1 b@bad', endpoint: 'x@1' });
      assert.deepEqual(client.receive(), []);
      client.publish({ cluster: 'a@1 b@2' });
      assert.deepEqual(client.settle(), ['cluster: a@1 b@2']);
      assert.deepEqual(client.status('cluster').nacks, []);
    },
  },
  {
    name: 'when the client gives up the bad one of a refused response, the good ones come again',
    run: (client) => {
      client.publish({ listener: 'a@1 b@bad' });
      client.subscribe('listener', ['a', 'b', 'z']);
      client.receive();
      client.nack('listener', 'b is bad');
      client.subscribe('listener', ['a', 'b']);
      assert.deepEqual(client.receive(), [], 'that would be the same response again');
      client.subscribe('listener', ['a']);
      assert.deepEqual(client.settle(), ['listener: a@1']);
      assert.equal(client.status('listener').inSync, true);
    },
  },
  {
    name: 'going back to what was there before a refusal is sent, because a part may have been taken',
    run: (client) => {
      client.publish({ cluster: 'a@1 b@1' });
      client.subscribe('cluster', []);
      client.settle();
      client.publish({ cluster: 'a@2 b@bad' });
      client.receive();
      client.nack('cluster', 'b is bad');
      client.publish({ cluster: 'a@1 b@1' });
      assert.deepEqual(client.settle(), ['cluster: a@1 b@1']);
    },
  },
  {
    name: 'refused endpoints are tried again in halves, so that the good ones arrive',
    run: (client) => {
      client.publish({ endpoint: 'a@1 b@1 c@bad d@1' });
      client.subscribe('endpoint', ['a', 'b', 'c', 'd']);
      assert.deepEqual(client.receive(), ['endpoint: a@1 b@1 c@bad d@1']);
      client.nack('endpoint', 'c is bad');
      assert.deepEqual(client.receive(), ['endpoint: a@1 b@1']);
      client.ack('endpoint');
      assert.deepEqual(client.receive(), ['endpoint: c@bad d@1']);
      client.nack('endpoint', 'c is bad');
      assert.deepEqual(client.receive(), ['endpoint: c@bad']);
      client.nack('endpoint', 'c is bad');
      assert.deepEqual(client.settle(), ['endpoint: d@1']);
      const { nacks, inSync } = client.status('endpoint');
      assert.equal(inSync, false);
      assert.deepEqual(
        nacks.map((nack) => [nack.message, nack.resources]),
        [['c is bad', ['c']]],
      );
    },
  },
  {
    name: 'extension configurations go one by one, because a refused one must not come again',
    run: (client) => {
      client.publish({ extension: 'a@1 b@bad c@1' });
      client.subscribe('extension', ['a', 'b', 'c']);
      assert.deepEqual(client.receive(), ['extension: a@1']);
      client.ack('extension');
      assert.deepEqual(client.receive(), ['extension: b@bad']);
      client.nack('extension', 'b is bad');
      assert.deepEqual(client.settle(), ['extension: c@1']);
    },
  },
  {
    name: 'a refusal says its text, version, resources and time, and goes when it is mended',
    run: (client) => {
      client.nowMs = Date.UTC(2026, 0, 2);
      client.publish({ route: 'r@bad' });
      client.subscribe('route', ['r']);
      client.receive();
      const { sentVersion } = client.status('route');
      client.nack('route', 'no such thing');
      assert.deepEqual(client.status('route').nacks, [
        {
          message: 'no such thing',
          version: sentVersion,
          resources: ['r'],
          at: '2026-01-02T00:00:00.000Z',
        },
      ]);
      assert.equal(client.status('route').ackedVersion, null);
      client.publish({ route: 'r@1' });
      client.settle();
      assert.deepEqual(client.status('route').nacks, []);
      assert.equal(client.status('route').ackedVersion, client.status('route').sentVersion);
    },
  },
];

const ORDER: readonly Case[] = [
  {
    name: 'one update goes out as clusters, endpoints, listeners, routes, extensions',
    run: (client) => {
      client.publish({});
      client.subscribe('extension', ['e']);
      client.subscribe('route', ['r']);
      client.subscribe('listener', []);
      client.subscribe('endpoint', ['a']);
      client.subscribe('cluster', []);
      client.settle();
      const all = { cluster: 'a@1', endpoint: 'a@1', listener: 'l@1', route: 'r@1' };
      client.publish({ ...all, extension: 'e@1' });
      assert.deepEqual(client.settle(), [
        'cluster: a@1',
        'endpoint: a@1',
        'listener: l@1',
        'route: r@1',
        'extension: e@1',
      ]);
    },
  },
  {
    name: 'endpoints of a changed cluster are sent again, because the client waits for them',
    run: (client) => {
      client.publish({ cluster: 'a@1 b@1', endpoint: 'a@1 b@1' });
      client.subscribe('cluster', []);
      client.subscribe('endpoint', ['a', 'b']);
      client.settle();
      client.publish({ cluster: 'a@1 b@2', endpoint: 'a@1 b@1' });
      assert.deepEqual(client.settle(), ['cluster: a@1 b@2', 'endpoint: b@1']);
    },
  },
  {
    name: 'what may name a new cluster waits until the client has its endpoints',
    run: (client) => {
      client.publish({ extension: 'e@1' });
      client.subscribe('cluster', []);
      client.subscribe('endpoint', []);
      client.subscribe('extension', ['e']);
      client.settle();
      client.publish({ cluster: 'a@1', endpoint: 'a@1', extension: 'e@2' });
      assert.deepEqual(client.receive(), ['cluster: a@1']);
      client.ack('cluster');
      assert.deepEqual(client.receive(), []);
      client.subscribe('endpoint', ['a']);
      assert.deepEqual(client.receive(), ['endpoint: a@1']);
      client.ack('endpoint');
      assert.deepEqual(client.receive(), ['extension: e@2']);
    },
  },
  {
    name: 'a client that never asks for the endpoints is not waited for longer than two seconds',
    run: (client) => {
      client.publish({ extension: 'e@1' });
      client.subscribe('cluster', []);
      client.subscribe('endpoint', []);
      client.subscribe('extension', ['e']);
      client.settle();
      client.publish({ cluster: 'a@1', endpoint: 'a@1', extension: 'e@2' });
      assert.deepEqual(client.settle(), ['cluster: a@1']);
      assert.equal(client.stream.wakeAtMs(0), 2_000);
      client.nowMs = 2_000;
      assert.deepEqual(client.settle(), ['extension: e@2']);
    },
  },
  {
    name: 'a cluster goes only after the last configuration that may name it was replaced',
    run: (client) => {
      client.publish({ cluster: 'new@1 old@1', extension: 'e@1' });
      client.subscribe('cluster', []);
      client.subscribe('extension', ['e']);
      client.settle();
      client.publish({ cluster: 'new@2', extension: 'e@2' });
      assert.deepEqual(client.settle(), [
        'cluster: new@2 old@1',
        'extension: e@2',
        'cluster: new@2',
      ]);
    },
  },
  {
    name: 'a cluster that was kept in a response goes, although its name was given up for a moment',
    run: (client) => {
      client.publish({ cluster: 'a@1 old@1', extension: 'e@1' });
      client.subscribe('cluster', ['a', 'old']);
      client.subscribe('extension', ['e']);
      client.settle();
      client.publish({ cluster: 'a@2', extension: 'e@2' });
      assert.deepEqual(client.receive(), ['cluster: a@2 old@1']);
      client.subscribe('cluster', ['a'], 'the one before');
      client.subscribe('cluster', ['a', 'old'], 'the one before');
      client.ack('cluster');
      assert.deepEqual(client.settle(), ['extension: e@2', 'cluster: a@2']);
    },
  },
  {
    name: 'an old cluster stays while the new one waits for its endpoints',
    run: (client) => {
      client.publish({ cluster: 'old@1', endpoint: 'old@1', extension: 'e@1' });
      client.subscribe('cluster', []);
      client.subscribe('endpoint', ['old']);
      client.subscribe('extension', ['e']);
      client.settle();
      client.publish({ cluster: 'new@1', endpoint: 'new@1', extension: 'e@2' });
      assert.deepEqual(client.settle(), ['cluster: new@1 old@1']);
      client.subscribe('endpoint', ['old', 'new']);
      assert.deepEqual(client.settle(), ['endpoint: new@1', 'extension: e@2', 'cluster: new@1']);
    },
  },
  {
    name: 'while the new configuration is refused, the clusters of the old one stay',
    run: (client) => {
      client.publish({ cluster: 'old@1', extension: 'e@1' });
      client.subscribe('cluster', []);
      client.subscribe('extension', ['e']);
      client.settle();
      client.publish({ cluster: 'new@1', extension: 'e@bad' });
      assert.deepEqual(client.receive(), ['cluster: new@1 old@1']);
      client.ack('cluster');
      assert.deepEqual(client.receive(), ['extension: e@bad']);
      client.nack('extension', 'bad');
      assert.deepEqual(client.settle(), []);
      client.publish({ cluster: 'new@1', extension: 'e@2' });
      assert.deepEqual(client.settle(), ['extension: e@2', 'cluster: new@1']);
    },
  },
  {
    name: 'with thousands of removed clusters kept, they go although a refusal stands',
    run: (client) => {
      const many = Array.from({ length: 1025 }, (_, i) => `c${i}@1`).join(' ');
      client.publish({ cluster: many, extension: 'e@1' });
      client.subscribe('cluster', []);
      client.subscribe('extension', ['e']);
      client.settle();
      client.publish({ cluster: '', extension: 'e@bad' });
      assert.deepEqual(client.receive(), ['extension: e@bad']);
      client.nack('extension', 'bad');
      assert.deepEqual(client.settle(), ['cluster:']);
    },
  },
];

for (const { name, run } of [...SUBSCRIPTIONS, ...NONCES, ...REFUSALS, ...ORDER]) {
  test(`state of the world: ${name}`, () => run(new SotwClient()));
}

test('state of the world: more than 32 types on one stream end it', () => {
  const { stream } = new SotwClient();
  const request = { node: null, resourceNames: [], nonce: '', error: null };
  assert.throws(() => {
    for (let i = 0; i < 33; i++) stream.request({ ...request, typeUrl: `type/${i}` }, 0);
  }, /type\/32: more than 32 resource types on one stream/);
});
