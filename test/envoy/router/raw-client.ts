/** Clients that decide themselves how a request is cut into pieces. */
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  readonly body: string;
}

/** How a body travels to Envoy. */
export type Framing = 'content-length' | 'chunked' | 'HTTP/2';

export interface RawPost {
  readonly port: number;
  readonly path: string;
  readonly parts: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends the parts one by one, each in a segment of its own, and gives the answer. */
export function post(framing: Framing, request: RawPost): Promise<RawAnswer> {
  return framing === 'HTTP/2' ? postHttp2(request) : postHttp1(framing, request);
}

async function postHttp1(framing: Framing, request: RawPost): Promise<RawAnswer> {
  const socket = connect({ host: '127.0.0.1', port: request.port, noDelay: true });
  const answer = readAnswer(socket);
  const chunked = framing === 'chunked';
  const length = request.parts.reduce((sum, part) => sum + Buffer.byteLength(part), 0);
  const headers = {
    host: 'mesh',
    ...(chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(length) }),
    ...request.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`POST ${request.path} HTTP/1.1\r\n${lines.join('')}\r\n`);
  for (const part of request.parts) {
    // The next turn of the loop, so that Envoy gets segments and not one run of bytes.
    await new Promise((resolve) => setImmediate(resolve));
    if (part === '') continue;
    const size = Buffer.byteLength(part).toString(16);
    socket.write(chunked ? `${size}\r\n${part}\r\n` : part);
  }
  if (chunked) socket.write('0\r\n\r\n');
  try {
    return await answer;
  } finally {
    socket.destroy();
  }
}

/** A request that the test writes by itself, at its own pace. */
export interface OpenRequest {
  readonly answer: Promise<RawAnswer>;
  write(text: string): void;
  hangUp(): void;
}

/** Sends `text`, the beginning of an HTTP/1.1 request, and leaves the rest to the test. */
export function beginRequest(port: number, text: string): OpenRequest {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  const answer = readAnswer(socket).finally(() => socket.destroy());
  // Nobody waits for the answer to a request that the test hangs up.
  answer.catch(() => {});
  socket.write(text);
  return {
    answer,
    write: (more) => socket.write(more),
    hangUp: () => socket.destroy(),
  };
}

/** The answer as soon as it is complete: Envoy may answer, and then reset, before it read everything. */
function readAnswer(socket: Socket): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    let received = '';
    socket.setEncoding('latin1');
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`closed after ${JSON.stringify(received)}`)));
    socket.on('data', (data: string) => {
      received += data;
      const headEnd = received.indexOf('\r\n\r\n');
      const head = received.slice(0, headEnd);
      const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? Number.NaN);
      const body = received.slice(headEnd + 4);
      if (headEnd < 0 || body.length < length) return;
      resolve({ status: Number(head.split(' ')[1]), body: Buffer.from(body, 'latin1').toString() });
    });
  });
}

async function postHttp2(request: RawPost): Promise<RawAnswer> {
  const session = connectHttp2(`http://127.0.0.1:${request.port}`);
  try {
    const stream = session.request({
      ':method': 'POST',
      ':path': request.path,
      ...request.headers,
    });
    let status = 0;
    stream.on('response', (headers) => {
      status = Number(headers[':status']);
    });
    let body = '';
    stream.setEncoding('utf8');
    stream.on('data', (data: string) => {
      body += data;
    });
    for (const part of request.parts) {
      await new Promise((resolve) => setImmediate(resolve));
      if (!stream.writableEnded) stream.write(part);
    }
    stream.end();
    await once(stream, 'close');
    return { status, body };
  } finally {
    session.close();
  }
}
