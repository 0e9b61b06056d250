/** Names on their way through paths and JSON: each codec against the platform's own. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KSERVE_V1, OPEN_INFERENCE, OPENAI } from '../../../filters/contract/protocols.ts';
import { formatDecimal, parseDecimal } from '../../../filters/wire/decimal.ts';
import { asciiBytes, errorBody, grpcStatusOf, Refusal } from '../../../filters/wire/error-body.ts';
import { decodeJsonString } from '../../../filters/wire/json-string.ts';
import { hasDotSegment, parseModelPath } from '../../../filters/wire/model-path.ts';
import { encodePathSegment, percentDecode } from '../../../filters/wire/percent.ts';
import { decodeUtf8, encodeUtf8 } from '../../../filters/wire/utf8.ts';
import { randomSource } from '../../harness/random.ts';

const NAMES = [
  'digits',
  'llama-3:8b',
  'org/model',
  'grüße',
  '日本',
  '😀',
  '100%',
  'a b',
  '',
  '\u007f',
];

test('UTF-8 is encoded and decoded as the platform does', () => {
  for (const name of NAMES) {
    const bytes = encodeUtf8(name);
    assert.deepEqual(Buffer.from(bytes), Buffer.from(name));
    assert.equal(decodeUtf8(bytes, 0, bytes.length), name);
  }
  assert.deepEqual(Buffer.from(encodeUtf8('\ud800a')), Buffer.from('\ufffda'));
});

test('random bytes are UTF-8 where the platform says so, and nowhere else', () => {
  const next = randomSource(7);
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const leads = [0x41, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xc1];
  let valid = 0;
  for (let round = 0; round < 20_000; round++) {
    const lead = leads[next(leads.length)] ?? 0;
    const bytes = Uint8Array.from([
      lead,
      ...Array.from({ length: next(4) }, () => 0x80 + next(80)),
    ]);
    let expected: string | null = null;
    try {
      expected = strict.decode(bytes);
      valid++;
    } catch {
      // Not UTF-8.
    }
    assert.equal(decodeUtf8(bytes, 0, bytes.length), expected, Buffer.from(bytes).toString('hex'));
  }
  assert.ok(valid > 500, `only ${valid} were valid`);
});

test('a JSON string is decoded as JSON.parse does, or refused as it does', () => {
  const contents = [
    ...NAMES.map((name) => JSON.stringify(name).slice(1, -1)),
    String.raw`\u0041\u00e9\ud83d\ude00\ud800\"\\\/\b\f\n\r\t`,
    String.raw`\u00`,
    String.raw`\u00gg`,
    String.raw`\x41`,
    '\\',
    '"',
    '\n',
  ];
  for (const content of contents) {
    const bytes = Buffer.from(content);
    let expected: string | null = null;
    try {
      expected = JSON.parse(`"${content}"`);
    } catch {
      // Not the content of a JSON string.
    }
    assert.equal(decodeJsonString(bytes, 0, bytes.length), expected, content);
  }
});

test('names survive paths, and cannot break out of their segment', () => {
  for (const name of NAMES) {
    assert.match(encodePathSegment(name), /^[\w\-.~!$&'()*+,;=:@%]*$/);
    assert.equal(percentDecode(encodePathSegment(name)), name);
    assert.equal(decodeURIComponent(encodePathSegment(name)), name);
  }
});

test('what is not percent-encoded UTF-8 is refused', () => {
  for (const text of ['%', '%4', '%zz', 'a%', '%ff', '%c0%af', '%ed%a0%80']) {
    assert.equal(percentDecode(text), null, text);
  }
  assert.equal(percentDecode('%41%2f%C3%BC'), 'A/ü');
});

/** What a path names, and what may be added to it. */
interface PathParts {
  readonly model: string;
  readonly version?: string;
  readonly protocol?: string;
  /** Absent: a version may be added. */
  readonly takesVersion?: false;
}

const REPOSITORY: PathParts = { model: 'm', takesVersion: false };
const KSERVE: PathParts = { model: 'm', protocol: KSERVE_V1, takesVersion: false };

const PATHS: readonly [path: string, parts: PathParts | null][] = [
  ['/v2/models/m', { model: 'm' }],
  ['/v2/models/m/', { model: 'm' }],
  ['/v2/models/m/infer', { model: 'm' }],
  ['/v2/models/m/infer?a=/v2/models/x', { model: 'm' }],
  ['/v2/models/m?a=/versions/1', { model: 'm' }],
  ['/v2/models/m#/versions/1', { model: 'm' }],
  ['/v2/models/m/versions/3', { model: 'm', version: '3' }],
  ['/v2/models/m/versions/3/infer', { model: 'm', version: '3' }],
  ['/v2/models/m/versions/3?x', { model: 'm', version: '3' }],
  ['/v2/models/m/versions/', { model: 'm' }],
  ['/v2/models/m/versions/?x', { model: 'm' }],
  ['/v2/models/m/versionsx/3', { model: 'm' }],
  ['/v2/models/org%2Fm/ready', { model: 'org%2Fm' }],
  ['/v2/models', null],
  ['/v2/models/', null],
  ['/v2/models//infer', null],
  ['/v2/models/?x', null],
  ['/v2/health/live', null],
  ['/v2', null],
  ['', null],
  ['/V2/models/m', null],
  ['/v2/repository/models/m/load', REPOSITORY],
  ['/v2/repository/models/m/unload?x', REPOSITORY],
  ['/v2/repository/models/m/versions/3', REPOSITORY],
  ['/v2/repository/models/m', null],
  ['/v2/repository/models//load', null],
  ['/v2/repository/index', null],
  ['/v1/models/m:predict', KSERVE],
  ['/v1/models/m:explain', KSERVE],
  ['/v1/models/m:predict?a=/b', KSERVE],
  ['/v1/models/llama-3:8b:predict', { ...KSERVE, model: 'llama-3:8b' }],
  ['/v1/models/m%3Apredict:predict', { ...KSERVE, model: 'm%3Apredict' }],
  ['/v1/models/:predict', null],
  ['/v1/models/m:classify', null],
  ['/v1/models/m:', null],
  ['/v1/models/m', null],
  ['/v1/models/m:predict/', null],
  ['/v1/models/m/x:predict', null],
  ['/v1/models/', null],
];

for (const [path, expected] of PATHS) {
  test(`path ${path} names ${expected ? `model ${expected.model}` : 'no model'}`, () => {
    const parts = parseModelPath(path);
    if (expected === null) {
      assert.equal(parts, null);
      return;
    }
    assert.ok(parts);
    assert.equal(path.slice(parts.modelFrom, parts.modelTo), expected.model);
    assert.equal(path.slice(parts.versionFrom, parts.versionTo), expected.version ?? '');
    assert.equal(parts.protocol, expected.protocol ?? OPEN_INFERENCE);
    assert.equal(parts.takesVersion, expected.takesVersion ?? true);
    assert.equal(path.slice(0, parts.pathTo), path.replace(/[?#].*/, ''));
  });
}

test('dot segments are seen, encoded or not', () => {
  for (const path of ['/..', '/a/../b', '/.', '/a/./b', '/%2e%2E/a', '/a/.%2e']) {
    assert.equal(hasDotSegment(path, 0, path.length), true, path);
  }
  for (const path of ['/a', '/a.b/c', '/...', '/a/..b', '/%2e%2ea', '/%2']) {
    assert.equal(hasDotSegment(path, 0, path.length), false, path);
  }
});

test('whole numbers are read and written exactly, and nothing else is taken for one', () => {
  for (const value of [0, 7, 1234567890, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    assert.equal(parseDecimal(String(value)), value);
    assert.equal(formatDecimal(value), String(value));
  }
  for (const text of [
    '',
    '-1',
    '+1',
    '1.0',
    '1e3',
    ' 1',
    '0x1',
    '9007199254740993',
    '9'.repeat(400),
  ]) {
    assert.equal(parseDecimal(text), -1, text);
  }
});

test('an error has the shape that its protocol knows', () => {
  const refusal = new Refusal(404, 'model_not_found', 'no "ü"');
  refusal.param = 'model';
  assert.deepEqual(JSON.parse(Buffer.from(asciiBytes(errorBody(OPENAI, refusal))).toString()), {
    error: {
      message: 'no "ü"',
      type: 'invalid_request_error',
      param: 'model',
      code: 'model_not_found',
    },
  });
  assert.deepEqual(JSON.parse(errorBody(OPEN_INFERENCE, refusal)), { error: 'no "ü"' });
  assert.deepEqual(JSON.parse(errorBody(KSERVE_V1, refusal)), { error: 'no "ü"' });
  const { error } = JSON.parse(errorBody(OPENAI, new Refusal(500, 'x', 'y')));
  assert.deepEqual(error, { message: 'y', type: 'server_error', param: null, code: 'x' });
});

test('a status of HTTP has the gRPC status that says the same', () => {
  const statuses: [http: number, grpc: number][] = [
    [400, 3],
    [404, 5],
    [413, 8],
    [415, 12],
    [429, 8],
    [500, 13],
    [501, 12],
    [503, 14],
    [504, 4],
  ];
  for (const [http, grpc] of statuses) {
    assert.equal(grpcStatusOf(new Refusal(http, 'x', 'y')), grpc, String(http));
  }
});
