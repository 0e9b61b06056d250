/** Everything that a client can do wrong, and what it is told. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { EXAMPLES, inferBody, type PodProcess, startPod } from './pod-process.ts';

const LIMITS = ['--max-body-bytes', '20000', '--max-queue-rows', '64'];
const TENSOR_LIMITS = ['--max-tensors', '2', '--max-elements', '1000'];
let pod: PodProcess;
before(async () => {
  pod = await startPod(['--repository', EXAMPLES, ...LIMITS, ...TENSOR_LIMITS]);
});
after(() => pod?.stop());

describe('what is wrong is said', () => {
  const row = [1, 0, 1];
  const good = inferBody('x', [row]);
  const input = { name: 'x', shape: [1, 3], datatype: 'FP32', data: row };
  const posts: [string, string, unknown, number, RegExp][] = [
    ['an unknown model', '/v2/models/nope/infer', good, 404, /model "nope" is not served here/],
    [
      'an unknown version',
      '/v2/models/tiny/versions/7/infer',
      good,
      404,
      /has no version "7" here; it has 1/,
    ],
    ['an unknown path', '/v2/model/tiny', good, 404, /no such path: \/v2\/model\/tiny/],
    [
      'a wrong input name',
      '/v2/models/tiny/infer',
      inferBody('z', [row]),
      400,
      /"inputs\[0\].name" is "z"; .* inputs "x"/,
    ],
    [
      'a wrong datatype',
      '/v2/models/tiny/infer',
      { inputs: [{ ...input, datatype: 'INT32' }] },
      400,
      /the model takes "FP32"/,
    ],
    [
      'a wrong shape',
      '/v2/models/tiny/infer',
      inferBody('x', [[1, 0]]),
      400,
      /shape \[1,2\] does not fit the model's \[-1,3\]/,
    ],
    [
      'a wrong size',
      '/v2/models/tiny/infer',
      { inputs: [{ ...input, shape: [2, 3] }] },
      400,
      /has 3 elements, not 6/,
    ],
    [
      'JSON that ends too early',
      '/v2/models/tiny/infer',
      '{"inputs":[',
      400,
      /the body is not JSON/,
    ],
    ['an empty body', '/v2/models/tiny/infer', '', 400, /the body is not JSON/],
    [
      'too many rows',
      '/v2/models/tiny/infer',
      inferBody('x', Array(65).fill(row)),
      413,
      /has 65 rows; at most 64 .*--max-queue-rows/,
    ],
    [
      'too many bytes',
      '/v2/models/tiny/infer',
      ' '.repeat(20_001),
      413,
      /more than 20000 bytes; .*raise --max-body-bytes/,
    ],
    [
      'too many elements',
      '/v2/models/tiny/infer',
      { inputs: [{ ...input, shape: [334, 3] }] },
      413,
      /input "x": its shape makes 1002 elements .* at most 1000 .*--max-elements/,
    ],
    [
      'too many tensors',
      '/v2/models/tiny/infer',
      { inputs: [input, input, input] },
      413,
      /"inputs" lists 3 tensors; at most 2 .*--max-tensors/,
    ],
    [
      'a shape that overflows',
      '/v2/models/tiny/infer',
      { inputs: [{ ...input, shape: [2 ** 52, 3] }] },
      400,
      /input "x": the sizes of shape \[4503599627370496,3\] overflow/,
    ],
    ['POST where GET is meant', '/v2/models/tiny', '', 405, /POST is not allowed here; use GET/],
  ];
  for (const [name, path, body, status, message] of posts) {
    test(`${name}: ${status}`, async () => {
      const reply = await pod.post(path, body);
      assert.equal(reply.status, status, JSON.stringify(reply.json));
      assert.deepEqual(Object.keys(reply.json), ['error']);
      assert.match(reply.json.error, message);
    });
  }

  test('GET where POST is meant: 405 with Allow', async () => {
    const { status, headers, json } = await pod.get('/v2/models/tiny/infer');
    assert.deepEqual([status, headers.get('allow')], [405, 'POST']);
    assert.match(json.error, /use POST/);
  });

  test('a body of unknown length that is too large: 413 before it ends', async () => {
    let sent = 0;
    const endless = new ReadableStream({
      pull(controller) {
        sent += 1000;
        controller.enqueue(new Uint8Array(1000).fill(32));
        if (sent > 10_000_000) controller.close();
      },
    });
    const target = `http://127.0.0.1:${pod.port}/v2/models/tiny/infer`;
    const init = { method: 'POST', body: endless, duplex: 'half' } as RequestInit;
    const reply = await fetch(target, init);
    assert.equal(reply.status, 413);
  });

  const headerCases: [string, Record<string, string>, number, RegExp][] = [
    [
      'compressed bodies',
      { 'content-encoding': 'gzip' },
      415,
      /content-encoding gzip is not supported/,
    ],
    [
      'a length of the JSON beyond the body',
      { 'inference-header-content-length': '1000' },
      400,
      /inference-header-content-length is 1000, but the body has \d+ bytes/,
    ],
  ];
  for (const [name, headers, status, message] of headerCases) {
    test(`${name}: ${status}`, async () => {
      const reply = await pod.post('/v2/models/tiny/infer', good, headers);
      assert.equal(reply.status, status);
      assert.match(reply.json.error, message);
    });
  }

  test('a body that is not UTF-8: 400', async () => {
    const target = `http://127.0.0.1:${pod.port}/v2/models/tiny/infer`;
    const reply = await fetch(target, { method: 'POST', body: Buffer.from([0x22, 0xff, 0x22]) });
    const { error } = (await reply.json()) as { error: string };
    assert.equal(reply.status, 400);
    assert.match(error, /^the body is not UTF-8; if tensors follow its JSON/);
  });
});

describe('bytes that are no request get an answer too', () => {
  const cases: [string, string, RegExp][] = [
    ['no HTTP at all', 'GARBAGE\r\n\r\n', /^HTTP\/1.1 400 .*\{"error":"this is not HTTP\/1.1"\}$/s],
    [
      'headers without end',
      `GET /v2 HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`,
      /^HTTP\/1.1 431 .*headers are over 16 KiB/s,
    ],
  ];
  for (const [name, bytes, expected] of cases) {
    test(name, async () => {
      const socket = connect(pod.port, '127.0.0.1');
      socket.end(bytes);
      assert.match(await text(socket), expected);
      assert.equal((await pod.get('/v2/health/live')).status, 200);
    });
  }
});
