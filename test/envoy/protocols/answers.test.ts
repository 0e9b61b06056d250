/** Answers that stream: no filter of ours looks at them, so nothing holds or changes them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, before, type TestContext, test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { until } from '../../harness/until.ts';
import { Connection } from './connection.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from './resources.ts';

const PATH = '/v1/chat/completions';
const BODIES = {
  'the name first': '{"model":"llm","stream":true}',
  'the name last': `{"input":"${'x'.repeat(100_000)}","stream":true,"model":"llm"}`,
};
const EVENTS = ['data: {"delta":"Hel"}\n\n', 'data: {"delta":"lo, wörld"}\n\n', 'data: [DONE]\n\n'];

/** Takes a request, and gives the answer to the test to write. */
const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => onRequest(response));
});
let onRequest: (response: ServerResponse) => void;
let mesh: ServedMesh;

before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  mesh = await serve([
    modelBackend('llm', port, { protocol: 'OpenAI', model: { name: 'served' } }),
    modelRoute('llm', ['llm'], ['llm']),
  ]);
});

after(async () => {
  await mesh?.stop();
  server.close();
  server.closeAllConnections();
});

function nextRequest(): Promise<ServerResponse> {
  return new Promise((resolve) => {
    onRequest = resolve;
  });
}

interface Reader {
  /** What has come of the body, and whatever frames it. */
  received(): string;
}

function readHttp1(t: TestContext, body: string): Reader {
  const connection = new Connection(mesh.port);
  t.after(() => connection.destroy());
  const head = `POST ${PATH} HTTP/1.1\r\nhost: mesh\r\ncontent-length: ${body.length}`;
  connection.write(`${head}\r\n\r\n${body}`);
  return { received: () => Buffer.from(connection.received, 'latin1').toString() };
}

function readHttp2(t: TestContext, body: string): Reader {
  const session = connect(`http://127.0.0.1:${mesh.port}`);
  t.after(() => session.destroy());
  const stream = session.request({ ':method': 'POST', ':path': PATH });
  let received = '';
  stream.setEncoding('utf8');
  stream.on('data', (data: string) => {
    received += data;
  });
  stream.end(body);
  return { received: () => received };
}

const READERS = { 'HTTP/1.1': readHttp1, 'HTTP/2': readHttp2 };

for (const [protocol, read] of Object.entries(READERS)) {
  for (const [place, body] of Object.entries(BODIES)) {
    test(`${protocol}, ${place}: each server-sent event is read before the backend writes the next`, async (t) => {
      const requested = nextRequest();
      const reader = read(t, body);
      const response = await requested;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const event of EVENTS) {
        response.write(event);
        await until('the event is read', () => reader.received().includes(event));
      }
      response.end();
    });
  }
}

test('a client that leaves ends the answer at the backend', async () => {
  const requested = nextRequest();
  const connection = new Connection(mesh.port);
  const body = BODIES['the name first'];
  connection.write(`POST ${PATH} HTTP/1.1\r\nhost: mesh\r\ncontent-length: ${body.length}\r\n\r\n`);
  connection.write(body);
  const response = await requested;
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(EVENTS[0]);
  await until('the event is read', () => connection.received.includes('Hel'));
  connection.destroy();
  await once(response, 'close');
  assert.equal(response.writableFinished, false);
});

test('a large answer comes back byte by byte, with status, headers and encoding as they were', async () => {
  onRequest = (response) => {
    response.writeHead(206, { 'content-encoding': 'x-none', 'x-request-cost': '7' });
    response.end(Buffer.from(Uint8Array.from({ length: 5_000_000 }, (_, i) => i * 7)));
  };
  const url = mesh.url + PATH;
  const answer = await exchange({ url, method: 'POST', body: BODIES['the name last'] });
  assert.equal(answer.status, 206);
  assert.equal(answer.headers['content-encoding'], 'x-none');
  assert.equal(answer.headers['x-request-cost'], '7');
  assert.ok(
    answer.body.equals(Buffer.from(Uint8Array.from({ length: 5_000_000 }, (_, i) => i * 7))),
  );
});

test("a backend's own errors come back as they are", async () => {
  for (const status of [400, 404, 413, 429, 500, 503]) {
    onRequest = (response) => response.writeHead(status).end(`{"detail":${status}}`);
    const url = mesh.url + PATH;
    const answer = await exchange({ url, method: 'POST', body: BODIES['the name first'] });
    assert.equal(answer.status, status);
    assert.equal(String(answer.body), `{"detail":${status}}`);
    assert.equal(answer.headers['x-modelweir-variant'], 'llm');
  }
});
