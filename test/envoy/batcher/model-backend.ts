/** The model server of the unit tests behind HTTP: all protocols that are joined, slow and failing on demand. */

import type { OutgoingHttpHeaders } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import {
  BATCH_EMBEDDINGS,
  BATCH_KSERVE_V1,
  BATCH_OPEN_INFERENCE,
} from '../../../filters/wire/batch/batch-request.ts';
import { type Backend, startBackend } from '../../harness/backend.ts';
import type { Outcome, Request } from '../../harness/http-load.ts';
import { json, type Message, type Reply, serve } from '../../unit/batcher/model-server.ts';

export const LENGTH = 'inference-header-content-length';

/** A request as the backend got it. */
export interface Served {
  readonly path: string;
  readonly message: Message;
}

export interface Acting {
  /** How long a call takes. */
  delayMs(served: Served): number;
  /** What it does instead of an answer; null: nothing. */
  instead(served: Served): Reply | null;
}

export interface ModelBackend extends Backend {
  acting: Partial<Acting>;
  readonly served: Served[];
}

export async function startModelBackend(acting: Partial<Acting> = {}): Promise<ModelBackend> {
  const served: Served[] = [];
  const backend = await startBackend(async ({ path, headers, body }, response) => {
    const jsonBytes = Number(headers[LENGTH] ?? -1);
    const call = { path, message: { kind: kindOf(path), bytes: body, jsonBytes } };
    served.push(call);
    const ms = model.acting.delayMs?.(call) ?? 10;
    if (ms > 0) await delay(ms);
    const reply = model.acting.instead?.(call) ?? serve(call.message);
    response.writeHead(reply.status, {
      'content-type': reply.jsonBytes < 0 ? 'application/json' : 'application/octet-stream',
      'content-length': reply.bytes.length,
      ...(reply.jsonBytes >= 0 && { [LENGTH]: reply.jsonBytes }),
    });
    response.end(reply.bytes);
  });
  const model: ModelBackend = Object.assign(backend, { acting, served });
  return model;
}

export const UNAVAILABLE = json(503, { error: 'not now' });

function kindOf(path: string): number {
  if (path.endsWith(':predict')) return BATCH_KSERVE_V1;
  return path === '/v1/embeddings' ? BATCH_EMBEDDINGS : BATCH_OPEN_INFERENCE;
}

/** Sends a message to the model `digits`. */
export function requestOf(
  url: string,
  { kind, bytes, jsonBytes }: Message,
  headers: OutgoingHttpHeaders = {},
): Request {
  const paths = ['/v2/models/digits/infer', '/v1/models/digits:predict', '/v1/embeddings'];
  const type = jsonBytes < 0 ? 'application/json' : 'application/octet-stream';
  return {
    url: url + paths[kind],
    method: 'POST',
    headers: {
      'content-type': type,
      ...(jsonBytes >= 0 && { [LENGTH]: jsonBytes }),
      ...headers,
    },
    body: bytes,
  };
}

/** What a client got, to be compared with what the server says to its request alone. */
export function replyOf({ answer }: Outcome): Reply | null {
  if (answer === null) return null;
  const jsonBytes = Number(answer.headers[LENGTH] ?? -1);
  return { status: answer.status, bytes: answer.body, jsonBytes };
}
