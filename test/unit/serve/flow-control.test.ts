/** Real gRPC clients whose link carries nothing to them: what is kept for them, and that others go on. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { AdsServer } from '../../../control-plane/serve/ads-server.ts';
import type { Snapshot } from '../../../control-plane/xds/snapshot.ts';
import { resource, snapshot, TYPE_URLS } from '../../../control-plane/xds/snapshot.ts';
import { deltaStream, sotwStream } from './grpc-client.ts';
import { proxiesWhen, start } from './started-server.ts';

const UPDATES = 1000;
const RESOURCE_BYTES = 512 * 1024;
/** Far below what the updates are together (500 MB), far above one of them and the noise of a heap. */
const BOUND_BYTES = 100 * 1024 * 1024;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

async function heldBytes(): Promise<number> {
  // Buffers go in the turns after the collection.
  for (let i = 0; i < 3; i++) {
    collectGarbage();
    await new Promise(setImmediate);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** A cluster that is large, and different each time. */
function update(number: number): Snapshot {
  const bytes = Buffer.alloc(RESOURCE_BYTES, 'x');
  bytes.writeUInt32BE(number);
  return snapshot(new Map([[TYPE_URLS.cluster, [resource('a', bytes)]]]));
}

function numberOf(value: Uint8Array | undefined): number {
  return Buffer.from(value ?? Buffer.alloc(4)).readUInt32BE();
}

function unsentBytes(server: AdsServer, nodeId: string): number {
  return server.proxies.list().find((proxy) => proxy.nodeId === nodeId)?.unsentBytes ?? 0;
}

/** A port that passes bytes on, from the server to the client only if it flows. */
async function startLink(t: TestContext, port: number) {
  const fromServer: Socket[] = [];
  const link = createServer((client) => {
    const server = connect(port, '127.0.0.1');
    fromServer.push(server);
    client.pipe(server).on('data', (bytes) => client.write(bytes));
    for (const socket of [client, server]) {
      socket.on('error', () => {});
      t.after(() => socket.destroy());
    }
  });
  link.listen(0, '127.0.0.1');
  await once(link, 'listening');
  t.after(() => link.close());
  return {
    port: (link.address() as AddressInfo).port,
    stall: () => {
      for (const socket of fromServer) socket.pause();
    },
    flow: () => {
      for (const socket of fromServer) socket.resume();
    },
  };
}

const typeUrl = TYPE_URLS.cluster;

const CLIENTS = [
  {
    mode: 'sotw',
    connect: (port: number) => {
      const stream = sotwStream(port);
      const next = async () => {
        const { nonce, resources } = await stream.receive();
        return { nonce, number: numberOf(resources[0]?.value) };
      };
      return { stream, next };
    },
  },
  {
    mode: 'delta',
    connect: (port: number) => {
      const stream = deltaStream(port);
      const next = async () => {
        const { nonce, resources } = await stream.receive();
        return { nonce, number: numberOf(resources[0]?.resource?.value) };
      };
      return { stream, next };
    },
  },
];

for (const { mode, connect: open } of CLIENTS) {
  for (const acknowledges of [false, true]) {
    const what = acknowledges ? 'acknowledges what it has not read' : 'does not read';
    test(`${mode}: a client that ${what} is kept one response, and gets the last of 1,000 updates`, async (t) => {
      const { server, port } = await start(t);
      const link = await startLink(t, port);
      server.publish(update(0));
      const slow = open(link.port);
      const quick = open(port);
      t.after(() => {
        for (const { stream } of [slow, quick]) stream.close();
      });
      slow.stream.send({ node: { id: 'slow' }, typeUrl });
      assert.equal((await slow.next()).number, 0);
      link.stall();
      slow.stream.send({ typeUrl, responseNonce: '1' });
      quick.stream.send({ node: { id: 'quick' }, typeUrl });
      await proxiesWhen(server, (list) => list.length === 2 && list[1]?.inSync === true);
      let most = 0;
      const before = await heldBytes();
      for (let number = 1; number <= UPDATES; number++) {
        const { nonce } = await quick.next();
        quick.stream.send({ typeUrl, responseNonce: nonce });
        // Nonces are easy to guess.
        if (acknowledges) slow.stream.send({ typeUrl, responseNonce: String(number + 1) });
        server.publish(update(number));
        most = Math.max(most, unsentBytes(server, 'slow'));
      }
      const held = (await heldBytes()) - before;
      assert.equal((await quick.next()).number, UPDATES);
      assert.ok(held < BOUND_BYTES, `${held} bytes more are held`);
      assert.ok(most > 0 && most < 2 * RESOURCE_BYTES, `${most} bytes waited for it`);

      link.flow();
      const seen: number[] = [];
      while (seen.at(-1) !== UPDATES) {
        const { nonce, number } = await slow.next();
        seen.push(number);
        slow.stream.send({ typeUrl, responseNonce: nonce });
      }
      assert.ok(seen.length <= 2, `it got updates ${seen}`);
    });
  }
}
