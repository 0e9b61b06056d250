/** What `curl` does to a body and a connection, through a mesh: chunks, HTTP/2, Expect, forms. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { type OpenAiMesh, startOpenAiMesh } from './openai-mesh.ts';
import { runProgram } from './program.ts';

const CHAT = '/v1/chat/completions';
const TRANSCRIPTIONS = '/v1/audio/transcriptions';
const JSON_TYPE = ['--header', 'content-type: application/json'];
const CHUNKED = ['--header', 'transfer-encoding: chunked'];
/** Twice what the router holds. */
const TWO_MEBIBYTES = 2 << 20;
const SOUND = Buffer.alloc(300_000, 'sound');
const STATUS_LINE = /\n(\d+) HTTP\/(\S+)$/;

interface CurlAnswer {
  readonly status: number;
  /** `1.1` or `2`. */
  readonly version: string;
  readonly body: string;
  /** What curl says of the exchange, line by line. */
  readonly trace: string;
}

describe('curl', () => {
  let served: OpenAiMesh;

  const curl = async (path: string, args: string[], input?: string | Uint8Array) => {
    const { code, output, errors } = await runProgram({
      command: 'curl',
      args: [
        ...['--silent', '--show-error', '--verbose', '--no-buffer', '--max-time', '30'],
        ...['--write-out', '\n%{http_code} HTTP/%{http_version}', ...args, served.mesh.url + path],
      ],
      ...(input === undefined ? {} : { input }),
    });
    const [line, status, version] = STATUS_LINE.exec(output) ?? [];
    assert.ok(code === 0 && line !== undefined && version !== undefined, `${code}\n${errors}`);
    const body = output.slice(0, -line.length);
    return { status: Number(status), version, body, trace: errors } satisfies CurlAnswer;
  };

  before(async () => {
    served = await startOpenAiMesh();
  });
  after(async () => await served?.stop());

  test('a body in chunks, without a length, is routed and renamed', async () => {
    const answer = await curl(
      CHAT,
      [...JSON_TYPE, ...CHUNKED, '--data-binary', '@-'],
      chat('in chunks'),
    );
    assertEcho(answer, 'in chunks');
    assert.match(answer.trace, /> transfer-encoding: chunked/i);
  });

  test('a file that is sent in chunks while it is read is routed and renamed', async () => {
    const content = 'x'.repeat(300_000);
    const upload = ['--request', 'POST', '--upload-file', '-'];
    const answer = await curl(CHAT, [...JSON_TYPE, ...upload], chat(content));
    assertEcho(answer, content);
    assert.match(answer.trace, /> transfer-encoding: chunked/i);
  });

  test('a body in chunks whose client closes the connection after it is answered whole', async () => {
    const closing = ['--header', 'connection: close'];
    const content = 'y'.repeat(100_000);
    const args = [...JSON_TYPE, ...CHUNKED, ...closing, '--data-binary', '@-'];
    assertEcho(await curl(CHAT, args, chat(content)), content);
  });

  for (const content of ['short', 'z'.repeat(1_000_000)]) {
    test(`${content.length} letters go over HTTP/2 with prior knowledge`, async () => {
      const args = ['--http2-prior-knowledge', ...JSON_TYPE, '--data-binary', '@-'];
      const answer = await curl(CHAT, args, chat(content));
      assertEcho(answer, content);
      assert.equal(answer.version, '2');
    });
  }

  test('a file of unknown length goes over HTTP/2', async () => {
    const content = 'x'.repeat(300_000);
    const upload = ['--http2-prior-knowledge', '--request', 'POST', '--upload-file', '-'];
    const answer = await curl(CHAT, [...JSON_TYPE, ...upload], chat(content));
    assertEcho(answer, content);
    assert.doesNotMatch(answer.trace, /> content-length/i);
  });

  test('a request that offers an upgrade to HTTP/2 is answered over HTTP/1.1', async () => {
    const answer = await curl(CHAT, ['--http2', ...JSON_TYPE, '--data-binary', '@-'], chat('hi'));
    assertEcho(answer, 'hi');
    assert.match(answer.trace, /> upgrade: h2c/i);
  });

  for (const protocol of ['--http1.1', '--http2-prior-knowledge']) {
    test(`a stream comes whole with ${protocol}`, async () => {
      const body = chat('one two three', { stream: true });
      const answer = await curl(CHAT, [protocol, ...JSON_TYPE, '--data-binary', '@-'], body);
      assert.equal(answer.status, 200);
      const events = answer.body.split('\n\n').filter((event) => event !== '');
      assert.equal(events.length, 5);
      assert.equal(events.at(-1), 'data: [DONE]');
    });
  }

  test('a body of 2 MiB that waits for 100 Continue gets it, and arrives whole', async () => {
    const content = 'e'.repeat(TWO_MEBIBYTES);
    const expecting = ['--header', 'expect: 100-continue', '--expect100-timeout', '30'];
    const args = [...JSON_TYPE, ...expecting, '--data-binary', '@-'];
    const answer = await curl(CHAT, args, chat(content));
    assertEcho(answer, content);
    assert.match(answer.trace, /< HTTP\/1\.1 100 Continue/);
  });

  for (const kind of ['with a length', 'in chunks']) {
    test(`2 MiB ${kind} before the model are refused, and the refusal is readable`, async () => {
      const content = 'l'.repeat(TWO_MEBIBYTES);
      const body = JSON.stringify({ messages: [{ role: 'user', content }], model: 'talker' });
      const args = [...JSON_TYPE, ...(kind === 'in chunks' ? CHUNKED : [])];
      const answer = await curl(CHAT, [...args, '--data-binary', '@-'], body);
      assert.equal(answer.status, 413, answer.body);
      assert.equal(JSON.parse(answer.body).error.code, 'body_too_large');
    });
  }

  const file = ['--form', 'file=@-;filename=speech.wav;type=audio/wav'];
  const model = ['--form', 'model=ear'];
  const forms: readonly [string, string[]][] = [
    ['with the model first', [...model, ...file]],
    ['with the model last', [...file, ...model]],
    ['in chunks', [...CHUNKED, ...model, ...file]],
    ['over HTTP/2', ['--http2-prior-knowledge', ...model, ...file]],
    ['that waits for 100 Continue', ['--header', 'expect: 100-continue', ...model, ...file]],
  ];
  for (const [how, args] of forms) {
    test(`a form ${how} arrives with all its bytes`, async () => {
      const answer = await curl(TRANSCRIPTIONS, args, SOUND);
      assert.equal(answer.status, 200, answer.body);
      const got = JSON.parse(JSON.parse(answer.body).text);
      assert.equal(got.model, 'ear-large-v3');
      assert.equal(got.file.sha256, createHash('sha256').update(SOUND).digest('hex'));
    });
  }

  test('a form without a model is refused with what is missing', async () => {
    const answer = await curl(TRANSCRIPTIONS, file, SOUND);
    assert.equal(answer.status, 400);
    assert.equal(JSON.parse(answer.body).error.code, 'missing_model');
  });

  for (const protocol of ['--http1.1', '--http2-prior-knowledge']) {
    test(`models are listed with ${protocol}`, async () => {
      const answer = await curl('/v1/models', [protocol]);
      const names = JSON.parse(answer.body).data.map(({ id }: { id: string }) => id);
      assert.deepEqual(names, ['acme/embedder', 'ear', 'talker']);
    });
  }
});

function chat(content: string, more: object = {}): string {
  return JSON.stringify({ model: 'talker', messages: [{ role: 'user', content }], ...more });
}

function assertEcho(answer: CurlAnswer, content: string): void {
  assert.equal(answer.status, 200, answer.body);
  assert.ok(JSON.parse(answer.body).choices[0].message.content === content, 'another text came');
}
