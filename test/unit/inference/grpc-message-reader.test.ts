/** Messages of gRPC, however they are cut, compressed and paused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import type { RequestError } from '../../../inference/protocol/errors.ts';
import { messageEncoding, prefixed } from '../../../inference/server/grpc/message-coding.ts';
import { MessageReader } from '../../../inference/server/grpc/message-reader.ts';
import { encodeMessage } from '../../../inference/server/grpc/statuses.ts';
import { randomSource } from '../../harness/random.ts';

const MAX_BYTES = 10_000;

function compressed(bytes: Buffer): Buffer {
  const framed = prefixed(bytes);
  framed[0] = 1;
  return framed;
}

/** What is told of these bytes, in order; it settles with the end. */
function read(
  encoding: 'identity' | 'gzip' | 'deflate',
  feed: (reader: MessageReader) => void,
): Promise<string[]> {
  const told: string[] = [];
  return new Promise((resolve) => {
    const listener = {
      onMessage: (message: Buffer) => told.push(message.toString()),
      onEnd: () => resolve(told),
      onBroken: ({ code, message }: RequestError) => resolve([...told, `${code}: ${message}`]),
    };
    feed(new MessageReader(listener, encoding, MAX_BYTES));
  });
}

test('messages come in their order, compressed or not, however they are cut', async () => {
  const random = randomSource(4);
  for (let round = 0; round < 200; round++) {
    const gzip = random(2) === 0;
    const texts = Array.from({ length: random(6) }, (_, i) => `${i}`.repeat(random(300)));
    const bytes = Buffer.concat(
      texts.map((text) => {
        const plain = Buffer.from(text);
        if (random(2) === 0) return prefixed(plain);
        return compressed(gzip ? gzipSync(plain) : deflateSync(plain));
      }),
    );
    const told = await read(gzip ? 'gzip' : 'deflate', (reader) => {
      for (let at = 0; at < bytes.length; ) {
        const size = 1 + random(random(2) === 0 ? 4 : 400);
        if (random(8) === 0) {
          reader.pause();
          setImmediate(() => reader.resume());
        }
        reader.add(bytes.subarray(at, at + size));
        at += size;
      }
      reader.end();
    });
    assert.deepEqual(told, texts, `round ${round}`);
  }
});

test('what is no message is told once, and what comes after it is not', async () => {
  const bomb = gzipSync(Buffer.alloc(MAX_BYTES + 1));
  const cases: ['identity' | 'gzip', Buffer, RegExp][] = [
    ['identity', compressed(gzipSync('x')), /^internal: .*grpc-encoding does not say how/],
    ['identity', Buffer.of(2, 0, 0, 0, 0), /^internal: a message has the flags 2/],
    ['identity', Buffer.of(0, 0, 0, 0, 9, 1), /^internal: .*in the middle of a message/],
    ['gzip', compressed(Buffer.from('no gzip')), /^invalid-argument: the message is no gzip/],
    ['gzip', compressed(bomb), /^too-large: the message has more than 10000 bytes/],
  ];
  for (const [encoding, bytes, complaint] of cases) {
    const told = await read(encoding, (reader) => {
      reader.add(bytes);
      reader.end();
      reader.add(prefixed(Buffer.from('late')));
    });
    assert.equal(told.length, 1);
    assert.match(told[0] ?? '', complaint);
  }
});

test('encodings that are not there are known as such', () => {
  assert.equal(messageEncoding(undefined), 'identity');
  assert.equal(messageEncoding('gzip'), 'gzip');
  assert.equal(messageEncoding('snappy'), undefined);
});

test('a status text is ASCII, and says the same when it is decoded', () => {
  for (const text of ['plain', '100 %', 'Zürich\n', '模型', '\u{1f600} x', 'a%b\u007f\t']) {
    const encoded = encodeMessage(text);
    assert.match(encoded, /^[ -~]*$/);
    assert.equal(decodeURIComponent(encoded), text);
  }
});
