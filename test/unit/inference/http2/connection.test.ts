/** The pod's HTTP/2 against Node's own client, and against clients that misbehave. */
import assert from 'node:assert/strict';
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2';
import { describe, type TestContext, test } from 'node:test';
import { Flag, FrameType, Setting } from '../../../../inference/server/http2/frames.ts';
import { ErrorCode } from '../../../../inference/server/http2/http2-error.ts';
import { randomSource } from '../../../harness/random.ts';
import { type EchoServer, POST, RawClient, startEcho } from './echo-server.ts';

function session(t: TestContext, port: number, settings = {}): ClientHttp2Session {
  const client = connect(`http://127.0.0.1:${port}`, { settings });
  client.on('error', () => undefined);
  t.after(() => client.destroy());
  return client;
}

interface Answer {
  readonly body: Buffer;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
}

function post(
  client: ClientHttp2Session,
  body: Buffer,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = client.request({ ':method': 'POST', ...headers });
    const chunks: Buffer[] = [];
    let [head, trailers]: IncomingHttpHeaders[] = [{}, {}];
    stream.on('response', (each) => {
      head = each;
    });
    stream.on('trailers', (each) => {
      trailers = each;
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('end', () =>
      resolve({ body: Buffer.concat(chunks), headers: head ?? {}, trailers: trailers ?? {} }),
    );
    stream.end(body);
  });
}

function randomBytes(random: (bound: number) => number, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random(256)));
}

describe("Node's client", () => {
  test('gets back what it sent, of any size, many at a time', async (t) => {
    const { port } = await startEcho(t);
    const client = session(t, port);
    const random = randomSource(1);
    const sizes = [0, 1, 9, 16_383, 16_384, 16_385, 70_000, 300_000, 1_000_000];
    const bodies = [...sizes, ...sizes].map((size) => randomBytes(random, size));
    const answers = await Promise.all(bodies.map((body) => post(client, body)));
    for (const [i, { body, headers, trailers }] of answers.entries()) {
      assert.ok(body.equals(bodies[i] as Buffer), `body ${i}`);
      assert.equal(headers[':status'], 200);
      assert.equal(trailers['x-end'], 'yes');
    }
  });

  for (const piecewise of [false, true]) {
    test(`gets it through a window of a few bytes, ${piecewise ? 'in pieces' : 'whole'}`, async (t) => {
      const { port } = await startEcho(t, { piecewise });
      const client = session(t, port, { initialWindowSize: 100 });
      const body = randomBytes(randomSource(2), 20_000);
      assert.ok((await post(client, body)).body.equals(body));
    });
  }

  test('is read whatever headers it sends, again and again', async (t) => {
    const { port, heads } = await startEcho(t);
    const client = session(t, port);
    const random = randomSource(3);
    const text = (): string =>
      Array.from({ length: random(40) }, () => String.fromCharCode(33 + random(94))).join('');
    const values = Array.from({ length: 30 }, text);
    for (let round = 0; round < 300; round++) {
      const sent: Record<string, string> = {};
      for (let i = 0; i < random(6); i++) {
        sent[`x-${random(40)}`] = random(2) === 0 ? (values[random(30)] ?? '') : text();
      }
      await post(client, Buffer.alloc(0), sent);
      const head = heads.at(-1);
      for (const [name, value] of Object.entries(sent)) {
        assert.equal(head?.get(name), value, `round ${round}: ${name}`);
      }
      assert.equal(head?.get('x-none'), undefined);
    }
  });

  test('is told of headers that are too many for one request, and goes on', async (t) => {
    const { port, heads } = await startEcho(t);
    const client = session(t, port);
    await post(client, Buffer.alloc(0), { 'x-large': 'x'.repeat(20_000) });
    assert.equal(heads.at(-1)?.tooLarge, true);
    await post(client, Buffer.alloc(0), { 'x-small': 'x' });
    assert.equal(heads.at(-1)?.tooLarge, false);
    assert.equal(heads.at(-1)?.get('x-small'), 'x');
  });

  test('that goes leaves no stream behind', async (t) => {
    const echo = await startEcho(t, { silent: true });
    const client = session(t, echo.port);
    for (let i = 0; i < 3; i++) client.request({ ':method': 'POST' }).on('error', () => undefined);
    await until(() => echo.heads.length === 3);
    client.destroy();
    await until(() => echo.closed === 3 && echo.connections.size === 0);
  });

  test('finishes what it has begun when the server goes, and is let go', async (t) => {
    const echo = await startEcho(t);
    const client = session(t, echo.port);
    const stream = client.request({ ':method': 'POST' });
    const answered = new Promise<string>((resolve) => {
      stream.setEncoding('utf8').once('data', resolve);
    });
    await until(() => echo.heads.length === 1);
    const gone = new Promise<number>((resolve) => client.once('goaway', resolve));
    const closed = new Promise((resolve) => client.once('close', resolve));
    for (const connection of echo.connections) connection.drain();
    assert.equal(await gone, ErrorCode.NO_ERROR);
    stream.end('last');
    assert.equal(await answered, 'last');
    await closed;
    await until(() => echo.connections.size === 0);
  });
});

describe('a client is stopped', () => {
  const floods: [string, (client: RawClient) => void][] = [
    ['that only pings', (client) => client.send(FrameType.PING, 0, 0, '12345678')],
    ['that only sends settings', (client) => client.send(FrameType.SETTINGS, 0, 0)],
    ['that only sends priorities', (client) => client.send(FrameType.PRIORITY, 0, 1, '\0\0\0\0\0')],
  ];
  for (const [name, send] of floods) {
    test(name, async (t) => {
      const { port } = await startEcho(t);
      const client = new RawClient(t, port);
      for (let i = 0; i < 3000; i++) send(client);
      await expectGoAway(client, ErrorCode.ENHANCE_YOUR_CALM);
    });
  }

  test('that resets its streams at once', async (t) => {
    const echo = await startEcho(t, { silent: true });
    const client = new RawClient(t, echo.port);
    for (let id = 1; id < 4000; id += 2) {
      client.send(FrameType.HEADERS, Flag.END_HEADERS, id, POST);
      client.send(FrameType.RST_STREAM, 0, id, Buffer.of(0, 0, 0, ErrorCode.CANCEL));
    }
    await expectGoAway(client, ErrorCode.ENHANCE_YOUR_CALM);
    assert.ok(echo.heads.length < 1000, `${echo.heads.length} streams`);
    assert.equal(echo.closed, echo.heads.length);
  });

  test('whose header block has no end', async (t) => {
    const { port, heads } = await startEcho(t);
    const client = new RawClient(t, port);
    client.send(FrameType.HEADERS, 0, 1, POST);
    for (let i = 0; i < 100; i++) client.send(FrameType.CONTINUATION, 0, 1, Buffer.alloc(16_000));
    await expectGoAway(client, ErrorCode.ENHANCE_YOUR_CALM);
    assert.equal(heads.length, 0);
  });

  test('that sends more than its window', async (t) => {
    const echo = await startEcho(t, { paused: true });
    const client = new RawClient(t, echo.port);
    client.send(FrameType.HEADERS, Flag.END_HEADERS, 1, POST);
    for (let i = 0; i < 16; i++) client.send(FrameType.DATA, 0, 1, Buffer.alloc(16_384));
    client.send(FrameType.PING, 0, 0, '12345678');
    await client.next(FrameType.PING);
    assert.equal(echo.closed, 0);
    client.send(FrameType.DATA, 0, 1, Buffer.alloc(1));
    const { payload } = await client.next(FrameType.RST_STREAM);
    assert.equal(payload.readUInt32BE(0), ErrorCode.FLOW_CONTROL_ERROR);
    assert.equal(echo.closed, 1);
  });

  test('that reads nothing gets no more than it may keep waiting', async (t) => {
    const echo = await startEcho(t, { piecewise: true });
    const client = new RawClient(t, echo.port, [[Setting.INITIAL_WINDOW_SIZE, 2 ** 31 - 1]]);
    client.send(FrameType.WINDOW_UPDATE, 0, 0, Buffer.of(0x7f, 0, 0, 0));
    client.socket.pause();
    client.send(FrameType.HEADERS, Flag.END_HEADERS, 1, POST);
    let sent = 0;
    const send = (): void => {
      // As far as the server lets it.
      while (sent < 64 * 1024 * 1024 && client.socket.writableLength < 1024 * 1024) {
        client.send(FrameType.DATA, 0, 1, Buffer.alloc(16_000));
        sent += 16_000;
      }
    };
    send();
    for (let round = 0; round < 50; round++) {
      await new Promise((resolve) => setImmediate(resolve));
      send();
    }
    assert.ok(sent < 32 * 1024 * 1024, `${sent} bytes were taken`);
  });
});

test('bytes that were changed end the connection or are read, and nothing else happens', async (t) => {
  const echo = await startEcho(t);
  const random = randomSource(7);
  for (let round = 0; round < 200; round++) {
    const client = new RawClient(t, echo.port);
    for (let i = 0; i < 20; i++) {
      const payload = random(3) === 0 ? POST : randomBytes(random, random(30));
      client.send(random(11), random(64), random(2) === 0 ? random(20) : 2 * i + 1, payload);
    }
    client.socket.end();
    await client.closed;
  }
  await until(() => echo.connections.size === 0);
  assert.equal(echo.closed, echo.heads.length);
  const answer = await post(session(t, echo.port), Buffer.from('still there'));
  assert.equal(answer.body.toString(), 'still there');
});

async function expectGoAway(client: RawClient, code: number): Promise<void> {
  const { payload } = await client.next(FrameType.GOAWAY);
  assert.equal(payload.readUInt32BE(4), code);
  await client.closed;
}

async function until(holds: (echo?: EchoServer) => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}
