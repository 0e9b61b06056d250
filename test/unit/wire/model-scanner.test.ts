/** The scanner against tables, and against JSON.parse on random bodies in every split. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  READ_CUT_OFF,
  READ_DONE,
  READ_EMPTY,
  READ_FOUND,
  READ_MALFORMED,
  READ_MORE,
  READ_NO_MODEL,
  READ_NOT_OBJECT,
  READ_NOT_STRING,
  READ_SECOND,
  READ_TOO_DEEP,
} from '../../../filters/wire/body-reader.ts';
import { MAX_SCAN_DEPTH, ModelScanner } from '../../../filters/wire/model-scanner.ts';
import { StringRun } from '../../../filters/wire/string-run.ts';
import { randomSource } from '../../harness/random.ts';
import { mutated, randomBody } from '../../harness/random-json.ts';

interface Outcome {
  readonly status: number;
  readonly name: string;
  /** The bytes at the span, as text. */
  readonly token: string;
}

/** Feeds the pieces, all of what follows the name too, and ends the body. */
function scan(body: Buffer, cuts: readonly number[] = []): Outcome {
  const scanner = new ModelScanner(new StringRun(), null);
  const ends = [...cuts, body.length];
  let from = 0;
  for (const to of ends) {
    // Each piece stands in an array of its own, as chunks do.
    const piece = Uint8Array.from(body.subarray(from, to));
    scanner.feed(piece, 0, piece.length);
    if (scanner.stoppedAt < piece.length) scanner.feed(piece, scanner.stoppedAt, piece.length);
    from = to;
  }
  const status = scanner.finish();
  const token = body.subarray(scanner.offset, scanner.offset + scanner.length).toString();
  return { status, name: scanner.name, token };
}

function scanText(text: string): Outcome {
  return scan(Buffer.from(text));
}

const FOUND: readonly { name: string; body: string; model: string; token?: string }[] = [
  { name: 'the model comes first', body: '{"model":"a","input":"x"}', model: 'a' },
  { name: 'the model comes last', body: '{"input":"x","model":"a"}', model: 'a' },
  { name: 'blanks are everywhere', body: ' \t\r\n{ "model" \n:\t"a" , "x" : 1 } \n', model: 'a' },
  { name: 'there is a byte order mark', body: '\ufeff{"model":"a"}', model: 'a' },
  { name: 'the key is escaped', body: String.raw`{"mod\u0065l":"a"}`, model: 'a' },
  { name: 'the name is escaped', body: String.raw`{"model":"a\u0041\n\/"}`, model: 'aA\n/' },
  { name: 'the name is a surrogate pair', body: String.raw`{"model":"\ud83d\ude00"}`, model: '😀' },
  {
    name: 'the name has four-byte UTF-8',
    body: '{"model":"grüße-😀-日本"}',
    model: 'grüße-😀-日本',
  },
  { name: 'the name is empty', body: '{"model":""}', model: '' },
  { name: 'a nested model comes before', body: '{"a":{"model":"b"},"model":"a"}', model: 'a' },
  { name: 'a nested model comes after', body: '{"model":"a","x":[{"model":"b"}]}', model: 'a' },
  { name: 'the word model is a value', body: '{"x":"model","model":"a"}', model: 'a' },
  { name: 'a key begins with model', body: '{"models":"b","mode":"c","model":"a"}', model: 'a' },
  { name: 'a string has quotes and braces', body: '{"x":"\\"}{][,:","model":"a"}', model: 'a' },
  {
    name: 'all kinds of values come before',
    body: '{"x":[1,-2.5e+3,0,0.5,1E9,true,false,null,"",[],{}],"model":"a"}',
    model: 'a',
  },
];

for (const { name, body, model } of FOUND) {
  test(`the model is found where ${name}, in every split in two`, () => {
    const bytes = Buffer.from(body);
    const whole = scan(bytes);
    assert.deepEqual(
      { ...whole, token: JSON.parse(whole.token) },
      {
        status: READ_DONE,
        name: model,
        token: model,
      },
    );
    for (let cut = 0; cut <= bytes.length; cut++) {
      assert.deepEqual(scan(bytes, [cut]), whole, `cut at ${cut}`);
    }
  });
}

const OTHERS: readonly { name: string; body: string | Buffer; status: number }[] = [
  { name: 'an empty body', body: '', status: READ_EMPTY },
  { name: 'a body of blanks', body: ' \n', status: READ_EMPTY },
  { name: 'an object without a model', body: '{"x":1}', status: READ_NO_MODEL },
  { name: 'an empty object', body: '{}', status: READ_NO_MODEL },
  { name: 'a model in other case', body: '{"Model":"a"}', status: READ_NO_MODEL },
  { name: 'a model that is a number', body: '{"model":5}', status: READ_NOT_STRING },
  { name: 'a model that is null', body: '{"model":null}', status: READ_NOT_STRING },
  { name: 'a model that is an object', body: '{"model":{"model":"a"}}', status: READ_NOT_STRING },
  { name: 'an array', body: '[{"model":"a"}]', status: READ_NOT_OBJECT },
  { name: 'a string', body: '"model"', status: READ_NOT_OBJECT },
  { name: 'text that is not JSON', body: 'model=a', status: READ_MALFORMED },
  { name: 'an unclosed object', body: '{"model":"a"', status: READ_CUT_OFF },
  { name: 'an unclosed name', body: '{"model":"a', status: READ_CUT_OFF },
  { name: 'half a byte order mark', body: Buffer.from([0xef, 0xbb]), status: READ_CUT_OFF },
  {
    name: 'a torn byte order mark',
    body: Buffer.from('\xef {}', 'latin1'),
    status: READ_MALFORMED,
  },
  { name: 'UTF-16', body: Buffer.from('{"model":"a"}', 'utf16le'), status: READ_MALFORMED },
  { name: 'a trailing comma', body: '{"model":"a",}', status: READ_MALFORMED },
  { name: 'a key without quotes', body: '{model:"a"}', status: READ_MALFORMED },
  { name: 'a wrong bracket', body: '{"model":"a","x":[1}}', status: READ_MALFORMED },
  { name: 'a leading zero', body: '{"x":01,"model":"a"}', status: READ_MALFORMED },
  { name: 'a number with a bare point', body: '{"x":1.,"model":"a"}', status: READ_MALFORMED },
  { name: 'NaN', body: '{"model":"a","x":NaN}', status: READ_MALFORMED },
  { name: 'a misspelt word', body: '{"x":nul,"model":"a"}', status: READ_MALFORMED },
  { name: 'an unknown escape', body: '{"x":"\\x","model":"a"}', status: READ_MALFORMED },
  { name: 'a broken unicode escape', body: '{"x":"\\u00g0","model":"a"}', status: READ_MALFORMED },
  { name: 'a bare line break in a string', body: '{"x":"\n","model":"a"}', status: READ_MALFORMED },
  { name: 'a bare control character in a key', body: '{"mod\tel":1}', status: READ_MALFORMED },
  { name: 'a second document', body: '{"model":"a"} {"model":"b"}', status: READ_MALFORMED },
  {
    name: 'a name that is not UTF-8',
    body: Buffer.from('{"model":"\xff"}', 'latin1'),
    status: READ_MALFORMED,
  },
  {
    name: 'a name with an overlong slash',
    body: Buffer.from('{"model":"\xc0\xaf"}', 'latin1'),
    status: READ_MALFORMED,
  },
  { name: 'a second, different model', body: '{"model":"a","model":"b"}', status: READ_SECOND },
  { name: 'a second, equal model', body: '{"model":"a","model":"a"}', status: READ_SECOND },
  { name: 'a second, escaped model', body: '{"model":"a","\\u006dodel":"b"}', status: READ_SECOND },
  { name: 'a second model in other case', body: '{"model":"a","MODEL":"b"}', status: READ_SECOND },
  { name: 'a twin in other case before', body: '{"Model":"b","model":"a"}', status: READ_SECOND },
  { name: 'a second model that is a number', body: '{"model":"a","model":1}', status: READ_SECOND },
];

for (const { name, body, status } of OTHERS) {
  test(`${name} is told apart, in every split in two`, () => {
    const bytes = Buffer.from(body as Uint8Array);
    for (let cut = 0; cut <= bytes.length; cut++) {
      assert.equal(scan(bytes, [cut]).status, status, `cut at ${cut}`);
    }
  });
}

test('nesting is followed to its limit and refused beyond', () => {
  const nested = (depth: number): string =>
    `{"x":${'[{"y":'.repeat((depth - 1) / 2)}1${'}]'.repeat((depth - 1) / 2)},"model":"a"}`;
  assert.equal(scanText(nested(MAX_SCAN_DEPTH - 1)).status, READ_DONE);
  assert.equal(scanText(nested(MAX_SCAN_DEPTH + 1)).status, READ_TOO_DEEP);
});

test('a name longer than any can be is not kept, however it comes', () => {
  const name = 'n'.repeat(5000);
  const bytes = Buffer.from(`{"model":"${name}","x":1}`);
  for (const cuts of [[], [2000, 4000], Array.from(bytes.keys())]) {
    const scanner = new ModelScanner(new StringRun(), null);
    let from = 0;
    for (const to of [...cuts, bytes.length]) {
      scanner.feed(bytes, from, to);
      if (scanner.stoppedAt < to) scanner.feed(bytes, scanner.stoppedAt, to);
      from = to;
    }
    assert.equal(scanner.finish(), READ_DONE);
    assert.equal(scanner.nameTooLong, true);
    assert.equal(scanner.name, '');
    assert.equal(scanner.length, name.length + 2);
  }
});

test('a name of the longest allowed length, all escaped, is kept', () => {
  const bytes = Buffer.from(`{"model":"${'\\u0061'.repeat(512)}"}`);
  for (const cut of [0, 11, 1000, 3000]) {
    assert.equal(scan(bytes, [cut]).name, 'a'.repeat(512));
  }
});

test('scanning stops right after the name, so that a caller may stop there', () => {
  const bytes = Buffer.from('{"x":1,"model":"a","y":"not scanned');
  const scanner = new ModelScanner(new StringRun(), null);
  assert.equal(scanner.feed(bytes, 0, 9), READ_MORE);
  assert.equal(scanner.feed(bytes, 9, bytes.length), READ_FOUND);
  assert.equal(scanner.stoppedAt, 18);
  assert.equal(scanner.position, 18);
  assert.deepEqual([scanner.offset, scanner.length], [15, 3]);
});

const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));

test(`random bodies give what JSON.parse gives, in every split (SEED=${SEED})`, () => {
  const next = randomSource(SEED);
  for (let round = 0; round < 300; round++) {
    const { text, models } = randomBody(next);
    const bytes = Buffer.from(text);
    const whole = scan(bytes);
    const [first] = models;
    const message = `round ${round}: ${text}`;
    JSON.parse(text);
    if (first === undefined) assert.equal(whole.status, READ_NO_MODEL, message);
    else if (typeof first !== 'string') assert.equal(whole.status, READ_NOT_STRING, message);
    else if (models.length > 1) assert.equal(whole.status, READ_SECOND, message);
    else {
      assert.deepEqual([whole.status, whole.name], [READ_DONE, first], message);
      assert.equal(JSON.parse(whole.token), first, message);
    }
    for (let cut = 0; cut <= bytes.length; cut++) {
      assert.deepEqual(scan(bytes, [cut]), whole, `${message}, cut at ${cut}`);
    }
    assert.deepEqual(scan(bytes, [...bytes.keys()]), whole, `${message}, byte by byte`);
  }
});

test(`what JSON.parse refuses is never taken for complete (SEED=${SEED})`, () => {
  const next = randomSource(SEED + 1);
  let refused = 0;
  for (let round = 0; round < 5000; round++) {
    const text = mutated(randomBody(next).text, next);
    const { status, name } = scanText(text);
    const value = parsed(text);
    const message = `round ${round}: ${text}`;
    if (value === undefined) {
      refused++;
      assert.notEqual(status, READ_DONE, message);
    } else {
      assert.ok(status !== READ_MALFORMED && status !== READ_CUT_OFF, message);
      if (status === READ_DONE) assert.equal(name, (value as { model: unknown }).model, message);
    }
  }
  assert.ok(refused > 500, `only ${refused} bodies were bad`);
});

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
