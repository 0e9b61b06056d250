/** All that can be joined, through a real Envoy: each answer is that of a request alone, byte for byte. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { httpLoad } from '../../harness/http-load.ts';
import {
  binaryMessage,
  embeddingsMessage,
  inferMessage,
  instancesMessage,
  type Message,
  serve,
} from '../../unit/batcher/model-server.ts';
import { type BatchingMesh, startMesh } from './batching-mesh.ts';
import { batchSize } from './infer-client.ts';
import { type ModelBackend, replyOf, requestOf, startModelBackend } from './model-backend.ts';

let backend: ModelBackend;
let mesh: BatchingMesh;

before(async () => {
  backend = await startModelBackend();
  mesh = await startMesh({ backendPort: backend.port, batching: { maxDelayMs: 1_000 } });
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
});

interface Kind {
  readonly name: string;
  readonly message: (i: number) => Message;
  /** What the backend gets of it, where the mesh changes it. */
  readonly served?: (i: number) => Message;
}

const asking = (i: number) => ({ rows: 1 + (i % 3), poisoned: i % 20 === 7 });
/** 64 kB of numbers. */
const LARGE = { rows: 1, columns: 16_384 };

const KINDS: readonly Kind[] = [
  { name: 'JSON tensors', message: (i) => inferMessage(i, asking(i)) },
  { name: 'binary tensors with binary answers', message: (i) => binaryMessage(i, asking(i)) },
  {
    name: 'binary tensors with answers in JSON',
    message: (i) => binaryMessage(i, asking(i), false),
  },
  {
    name: 'binary tensors of 64 kB, some of them refused',
    message: (i) => binaryMessage(i, { ...LARGE, poisoned: i % 20 === 7 }),
  },
  { name: 'instances of KServe V1', message: (i) => instancesMessage(i, asking(i)) },
  {
    name: 'texts to embed',
    message: (i) => embeddingsMessage(i, { ...asking(i), model: 'digits' }),
    served: (i) => embeddingsMessage(i, { ...asking(i), model: 'served' }),
  },
];

for (const { name, message, served = message } of KINDS) {
  test(`${name} share calls, and each client gets its own answer`, async () => {
    const seen = backend.served.length;
    const outcomes = await httpLoad({
      connections: 16,
      count: 160,
      request: (i) => requestOf(mesh.url, message(i)),
    });
    for (const outcome of outcomes) {
      assert.deepEqual(replyOf(outcome), serve(served(outcome.index)), `${outcome.error}`);
    }
    const joined = outcomes.filter((outcome) => batchSize(outcome) > 1);
    assert.ok(joined.length > 60, `${joined.length} of 160 were joined`);
    const calls = backend.served.length - seen;
    assert.ok(calls < 150, `${calls} calls for 160 requests`);
    const waits = joined.map(({ answer }) => Number(answer?.headers['x-modelweir-batch-wait-ms']));
    assert.ok(waits.every((ms) => ms >= 0 && ms < 1_000));
  });
}

test('requests of different kinds at one time never meet', async () => {
  const outcomes = await httpLoad({
    connections: 24,
    count: 240,
    request: (i) => requestOf(mesh.url, (KINDS[i % KINDS.length] as Kind).message(i)),
  });
  for (const outcome of outcomes) {
    const { message, served = message } = KINDS[outcome.index % KINDS.length] as Kind;
    assert.deepEqual(replyOf(outcome), serve(served(outcome.index)));
  }
});
