/**
 * gRPC and HTTP requests of one mesh, joined at the same time, while clients give up, requests are poisoned, the
 * servers are slow and fail, and the configuration changes: every survivor gets its own right answer, once.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { httpLoad } from '../../harness/http-load.ts';
import { randomSource } from '../../harness/random.ts';
import { grpcRequest, serveGrpc } from '../../unit/batcher/grpc-model-server.ts';
import { inferMessage, serve } from '../../unit/batcher/model-server.ts';
import {
  type GrpcConnection,
  type GrpcResult,
  grpcConnection,
  grpcResources,
  sizeOf,
  startGrpcBackend,
  startGrpcMesh,
} from './grpc-mesh.ts';
import { replyOf, requestOf, startModelBackend } from './model-backend.ts';

const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const REQUESTS = process.env['MODELWEIR_LONG'] === '1' ? 100_000 : 8_000;
const CONNECTIONS = 4;
const STREAMS = 12;
const GIVES_UP_IN = 10;
const POISONED_IN = 50;

interface Sent {
  readonly message: Buffer;
  readonly poisoned: boolean;
  readonly gaveUp: boolean;
  readonly result: GrpcResult;
}

/** Loops of one stream each, on a few connections. */
async function grpcLoad(url: string, count: number, take: (sent: Sent) => void): Promise<void> {
  const random = randomSource(SEED);
  let left = count;
  const loop = async (connection: GrpcConnection): Promise<void> => {
    while (left-- > 0) {
      const poisoned = random(POISONED_IN) === 0;
      const gaveUp = random(GIVES_UP_IN) === 0;
      const rows = 1 + random(3);
      const message = grpcRequest(random(10_000), { rows, poisoned, columns: 1 + random(2) });
      const after = gaveUp ? random(20) : -1;
      take({ message, poisoned, gaveUp, result: await connection.infer(message, {}, after) });
    }
  };
  const connections = Array.from({ length: CONNECTIONS }, () => grpcConnection(url));
  await Promise.all(connections.flatMap((one) => Array.from({ length: STREAMS }, () => loop(one))));
  for (const connection of connections) connection.close();
}

test(`${REQUESTS} gRPC requests among HTTP ones, in a storm (FUZZ_SEED=${SEED})`, async () => {
  const random = randomSource(SEED + 1);
  const backend = await startGrpcBackend({
    delayMs: () => (random(40) === 0 ? 30 : random(5)),
    instead: ({ tensors }) => {
      const many = (tensors[0]?.shape[0] ?? 0) > 4;
      return many && random(20) === 0 ? (random(2) === 0 ? 'reset' : 14) : null;
    },
  });
  const http = await startModelBackend({ delayMs: () => random(5) });
  const yaml = (maxDelayMs: number) =>
    grpcResources(backend.port, `{ maxDelayMs: ${maxDelayMs}, grpc: true }`, '', http.port);
  const { mesh, count } = await startGrpcMesh(yaml(5));
  try {
    const first = grpcConnection(mesh.url);
    while ((await first.infer(grpcRequest(1))).status !== 0);
    first.close();
    const end = new AbortController();
    const beside = httpLoad({
      connections: 8,
      count: Number.MAX_SAFE_INTEGER,
      maxMs: 300_000,
      signal: end.signal,
      request: (i) => {
        const request = requestOf(mesh.url, inferMessage(i % 1_000));
        return { ...request, url: request.url.replace('digits', 'digits-http') };
      },
    });
    const updates = (async () => {
      for (let i = 0; !end.signal.aborted; i++) {
        await mesh.write('mesh.yaml', yaml(3 + (i % 20)));
        await delay(100);
      }
    })();
    let survivors = 0;
    let joined = 0;
    await grpcLoad(mesh.url, REQUESTS, ({ message, poisoned, gaveUp, result }) => {
      if (gaveUp && result.status !== 0) return;
      survivors++;
      if (sizeOf(result) > 1) joined++;
      if (poisoned) assert.equal(result.status, 3, JSON.stringify(result.headers));
      else {
        assert.equal(result.status, 0, JSON.stringify([result.headers, result.trailers]));
        assert.deepEqual(result.body, serveGrpc(message).bytes);
      }
    });
    end.abort();
    await updates;
    const outcomes = await beside;
    for (const outcome of outcomes) {
      assert.deepEqual(replyOf(outcome), serve(inferMessage(outcome.index % 1_000)));
    }
    assert.equal(mesh.envoy.hasExited, false, mesh.logs());
    assert.ok(survivors > REQUESTS * 0.8, `${survivors} survivors`);
    assert.ok(joined > REQUESTS / 4, `${joined} were joined`);
    assert.ok((await count('requests', 'gone')) > 10, 'too few were held when they left');
    assert.equal((await mesh.envoy.stats(/vm_reload_success/)).values().next().value, 0);
  } finally {
    await mesh.stop();
    await backend.stop();
    await http.stop();
  }
});
