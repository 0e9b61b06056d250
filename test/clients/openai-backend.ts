/**
 * A server of the OpenAI API that knows each of its models by one name, the served one, and refuses every
 * other. Its answers are made of the questions, so that any mix-up of requests shows.
 */
import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { type Backend, type BackendRequest, startBackend } from '../harness/backend.ts';
import { chatCompletion, chatStream, embeddingList, responseObject } from './openai-answers.ts';

/** A stream with this header waits after its first chunk until `POST /gates/VALUE` comes. */
const GATE_HEADER = 'x-gate';
const GATES = '/gates/';

type Json = Record<string, unknown>;

export async function startOpenAiBackend(models: readonly string[]): Promise<Backend> {
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const gate = (name: string): PromiseWithResolvers<void> => {
    const known = gates.get(name) ?? Promise.withResolvers<void>();
    gates.set(name, known);
    return known;
  };
  return await startBackend(async (request, response) => {
    if (request.path.startsWith(GATES)) {
      gate(request.path.slice(GATES.length)).resolve();
      return sendJson(response, 200, {});
    }
    const isForm = String(request.headers['content-type']).startsWith('multipart/form-data');
    const body = isForm ? await formOf(request) : JSON.parse(request.body.toString());
    if (!models.includes(body['model'])) {
      const message = `this server has ${models.join(', ')}, and no ${body['model']}`;
      return sendJson(response, 421, { error: { message, code: 'not_a_served_name' } });
    }
    if (request.path === '/v1/chat/completions' && body['stream'] === true) {
      const name = request.headers[GATE_HEADER];
      const opened = typeof name === 'string' ? gate(name).promise : Promise.resolve();
      return await sendStream(response, chatStream(body), opened);
    }
    const answer = answerOf(request.path, body);
    return sendJson(response, answer === null ? 404 : 200, answer ?? {});
  });
}

function answerOf(path: string, body: Json): object | null {
  switch (path) {
    case '/v1/chat/completions':
      return chatCompletion(body);
    case '/v1/embeddings':
      return embeddingList(body);
    case '/v1/responses':
      return responseObject(body);
    case '/v1/audio/transcriptions':
      return { text: JSON.stringify(body) };
    default:
      return null;
  }
}

/** Fields as they are; of a file its name, size and SHA-256. */
async function formOf(request: BackendRequest): Promise<Json> {
  const headers = { 'content-type': String(request.headers['content-type']) };
  // A copy: its type says that nobody shares the memory, which `Response` insists on.
  const form = await new Response(Uint8Array.from(request.body), { headers }).formData();
  const fields: Json = {};
  for (const [name, value] of form) {
    if (typeof value === 'string') fields[name] = value;
    else {
      const bytes = Buffer.from(await value.arrayBuffer());
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      fields[name] = { name: value.name, bytes: bytes.length, sha256 };
    }
  }
  return fields;
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

/** Server-sent events, each a write of its own; all but the first wait for `opened`. */
async function sendStream(
  response: ServerResponse,
  events: readonly object[],
  opened: Promise<void>,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const [index, event] of events.entries()) {
    if (index === 1) await opened;
    response.write(`data: ${JSON.stringify(event)}\n\n`);
  }
  response.end('data: [DONE]\n\n');
}
