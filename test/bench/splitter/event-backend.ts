/** A backend that streams answers: an event every few milliseconds, each with the time at which it was written. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SERVED_MODEL } from './meshes.ts';

export const EVENT_INTERVAL_MS = 5;

export interface EventBackend {
  readonly port: number;
  stop(): Promise<void>;
}

/** Streams until its client leaves; what asks for no stream gets a short answer. */
export async function startEventBackend(): Promise<EventBackend> {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request.setEncoding('utf8')) body += piece;
    if (!body.includes('"stream":true')) {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const timer = setInterval(() => response.write(event(performance.now())), EVENT_INTERVAL_MS);
    response.on('close', () => clearInterval(timer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function event(atMs: number): string {
  const delta = { content: 'some words of an answer ' };
  const choices = [{ index: 0, delta, finish_reason: null }];
  const chunk = {
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1,
    model: SERVED_MODEL,
  };
  return `data: ${JSON.stringify({ ...chunk, choices, atMs })}\n\n`;
}
