/** Server-sent events get the public name each by itself: none waits for the next, and none is joined to it. */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:http2';
import { after, before, type TestContext, test } from 'node:test';
import { until } from '../../harness/until.ts';
import { Connection } from '../protocols/connection.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from '../protocols/resources.ts';
import { type ActingBackend, startActingBackend } from './acting-backend.ts';
import { CHAT_PATH, chat } from './asking.ts';

const SERVED = 'org/served-v2';
const MODELS = ['m', 'a-much-longer-public-name'] as const;

let backend: ActingBackend;
let mesh: ServedMesh;

before(async () => {
  backend = await startActingBackend();
  mesh = await serve([
    modelBackend('llm', backend.port, { protocol: 'OpenAI', model: { name: SERVED } }),
    ...MODELS.map((name) =>
      modelRoute(name, [name], ['llm'], { responses: { publicModel: true, countTokens: true } }),
    ),
  ]);
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
});

function eventsOf(model: string): string[] {
  const chunk = (content: string) =>
    `data: {"id":"1","model":"${model}","choices":[{"delta":{"content":"${content}"}}]}\n\n`;
  return [
    chunk('Hel'),
    ': a comment about "model"\n\n',
    chunk(`lo, w\\u00f6rld ${SERVED}`),
    `event: response.created\r\ndata: {"type":"x","response":{"id":"r","model":"${model}"}}\r\n\r\n`,
    `data: {"choices":[],"model":"${model}","usage":{"prompt_tokens":3,"completion_tokens":4}}\n\n`,
    'data: [DONE]\n\n',
  ];
}

interface Reader {
  received(): string;
}

function readHttp1(t: TestContext, body: string): Reader {
  const connection = new Connection(mesh.port);
  t.after(() => connection.destroy());
  const head = `POST ${CHAT_PATH} HTTP/1.1\r\nhost: mesh\r\ncontent-length: ${body.length}`;
  connection.write(`${head}\r\n\r\n${body}`);
  return { received: () => Buffer.from(connection.received, 'latin1').toString() };
}

function readHttp2(t: TestContext, body: string): Reader {
  const session = connect(`http://127.0.0.1:${mesh.port}`);
  t.after(() => session.destroy());
  const stream = session.request({ ':method': 'POST', ':path': CHAT_PATH });
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
  for (const model of MODELS) {
    test(`${protocol}, ${model}: each event is there, edited, before the backend writes the next`, async (t) => {
      const requested = new Promise<ServerResponse>((resolve) => {
        backend.act = (response) => resolve(response);
      });
      const reader = read(t, `{"model":"${model}","stream":true}`);
      const response = await requested;
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
      const edited = eventsOf(model);
      for (const [index, event] of eventsOf(SERVED).entries()) {
        response.write(event);
        await until(`event ${index} is read`, () =>
          reader.received().includes(edited[index] ?? ''),
        );
      }
      response.end();
    });
  }
}

test('an event that comes byte by byte is edited as one that comes at once', async () => {
  const events = eventsOf(SERVED).join('');
  for (const size of [1, 3, 1000]) {
    backend.act = async (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const bytes = Buffer.from(events);
      for (let at = 0; at < bytes.length; at += size) {
        response.write(bytes.subarray(at, at + size));
        await new Promise((resolve) => setImmediate(resolve));
      }
      response.end();
    };
    for (const model of MODELS) {
      const got = await chat({ url: mesh.url, model, body: { stream: true } });
      assert.equal(String(got.body), eventsOf(model).join(''), `pieces of ${size}`);
    }
  }
});

test('a stream of 20 MB passes in little memory, each event edited', async () => {
  const count = 40_000;
  const pad = 'x'.repeat(500);
  const event = (model: string) => `data: {"p":"${pad}","model":"${model}"}\n\n`;
  backend.act = (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    let left = count;
    const more = () => {
      while (left > 0) {
        left--;
        if (!response.write(event(SERVED))) return response.once('drain', more);
      }
      return response.end();
    };
    more();
  };
  const reader = await fetch(mesh.url + CHAT_PATH, { method: 'POST', body: '{"model":"m"}' });
  const whole = event('m');
  let rest = '';
  let read = 0;
  for await (const piece of (reader.body ?? []) as AsyncIterable<Uint8Array>) {
    rest += Buffer.from(piece).toString('latin1');
    while (rest.length >= whole.length) {
      assert.equal(rest.slice(0, whole.length), whole);
      rest = rest.slice(whole.length);
      read++;
    }
  }
  assert.equal(read, count);
  assert.equal(rest, '');
});
