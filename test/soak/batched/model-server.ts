/**
 * The model server of the unit tests behind HTTP. Of the calls that no single request would make some fail
 * and some are slow. It keeps nothing of what it served.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  BATCH_EMBEDDINGS,
  BATCH_KSERVE_V1,
  BATCH_OPEN_INFERENCE,
} from '../../../filters/wire/batch/batch-request.ts';
import { randomSource } from '../../harness/random.ts';
import { json, serve } from '../../unit/batcher/model-server.ts';
import type { SoakBackend } from '../scene.ts';
import { MAX_ROWS, rowsOf } from './requests.ts';

const SEED = 3;
const LENGTH = 'inference-header-content-length';
/** One of so many. */
const FAILS = 100;
const IS_SLOW = 100;
const SLOW_MS = 30;

const UNAVAILABLE = json(503, { error: 'not now' });

export async function startModelServer(): Promise<SoakBackend> {
  const random = randomSource(SEED);
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const jsonBytes = Number(request.headers[LENGTH] ?? -1);
      const kind = kindOf(request.url ?? '');
      const message = { kind, bytes: Buffer.concat(chunks), jsonBytes };
      const isJoined = rowsOf(message) > MAX_ROWS;
      const reply = isJoined && random(FAILS) === 0 ? UNAVAILABLE : serve(message);
      response.writeHead(reply.status, {
        'content-type': reply.jsonBytes < 0 ? 'application/json' : 'application/octet-stream',
        'content-length': reply.bytes.length,
        ...(reply.jsonBytes >= 0 && { [LENGTH]: reply.jsonBytes }),
      });
      if (isJoined && random(IS_SLOW) === 0) setTimeout(() => response.end(reply.bytes), SLOW_MS);
      else response.end(reply.bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function kindOf(path: string): number {
  if (path.endsWith(':predict')) return BATCH_KSERVE_V1;
  return path === '/v1/embeddings' ? BATCH_EMBEDDINGS : BATCH_OPEN_INFERENCE;
}
