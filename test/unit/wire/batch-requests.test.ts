/** Which requests may share a call, and what the joined body looks like. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BATCH_EMBEDDINGS,
  BATCH_KSERVE_V1,
  BATCH_OPEN_INFERENCE,
  type BatchRequest,
} from '../../../filters/wire/batch/batch-request.ts';
import { joinBatch } from '../../../filters/wire/batch/join.ts';
import { readBatchRequest } from '../../../filters/wire/batch/read-request.ts';

type Case = readonly [string, string];

function readText(kind: number, text: string, blob?: Buffer): BatchRequest | null {
  const json = Buffer.from(text);
  if (blob === undefined) return readBatchRequest(kind, json, -1);
  return readBatchRequest(kind, Buffer.concat([json, blob]), json.length);
}

function taken(kind: number, text: string, blob?: Buffer): BatchRequest {
  const request = readText(kind, text, blob);
  assert.ok(request, `goes alone: ${text}`);
  return request;
}

function joinedText(...requests: BatchRequest[]): string {
  const joined = joinBatch(requests);
  assert.ok(joined);
  return Buffer.from(joined.bytes).toString();
}

const INFER = '{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]}';
const V1 = '{"instances":[[1,2],[3,4]]}';
const TEXTS = '{"model":"m","input":["a","b"]}';

const withField = (field: string, text = INFER): string => text.replace('{', `{${field},`);
const withData = (data: string): string => INFER.replace('[1,2]}', `${data}}`);
const withShape = (shape: string, data = '[1,2]'): string =>
  INFER.replace('"shape":[1,2]', `"shape":${shape}`).replace('[1,2]}', `${data}}`);
const deep = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

const BROKEN_JSON: readonly Case[] = [
  ['nothing in it', ''],
  ['blanks only', '  \n'],
  ['no JSON', 'x'],
  ['a list', '[]'],
  ['an empty object', '{}'],
  ['a byte order mark', '\ufeff{}'],
];

/** What breaks any of them, done to a whole one. */
const BREAKS: readonly (readonly [string, (text: string) => string])[] = [
  ['an end too early', (text) => text.slice(0, -1)],
  ['something after its end', (text) => `${text}{}`],
  ['a comma before its end', (text) => text.replace(/\}$/, ',}')],
  ['a comma too many', (text) => text.replace(',', ',,')],
  ['no colon', (text) => text.replace(':', ' ')],
  ['a key without quotes', (text) => text.replace('{', '{a:1,')],
  ['a key with an escape', (text) => text.replace('{', '{"\\u0061":1,')],
  ['a control character in a text', (text) => text.replace('{', '{"a":"\u0001",')],
  ['an escape that JSON lacks', (text) => text.replace('{', '{"a":"\\x",')],
  ['an escape that is cut off', (text) => text.replace('{', '{"a":"\\u00g0",')],
  ['a comment', (text) => text.replace('{', '{/**/')],
  ['a number with a leading zero', (text) => text.replace('{', '{"parameters":{"a":01},')],
  ['a number with a plus', (text) => text.replace('{', '{"parameters":{"a":+1},')],
  ['a number that ends in a point', (text) => text.replace('{', '{"parameters":{"a":1.},')],
  ['a number that ends in an e', (text) => text.replace('{', '{"parameters":{"a":1e},')],
  ['a number that is none', (text) => text.replace('{', '{"parameters":{"a":NaN},')],
  ['a word that JSON lacks', (text) => text.replace('{', '{"parameters":{"a":nul},')],
  ['lists without end', (text) => text.replace('{', `{"parameters":${'['.repeat(9000)}`)],
  ['lists in lists beyond all reason', (text) => text.replace('{', `{"parameters":${deep(40)},`)],
  ['a bracket that closes another', (text) => text.replace('{', '{"parameters":[1},')],
  ['a field twice', (text) => text.replace('{', '{"parameters":{},"parameters":{},')],
];

const KINDS: readonly (readonly [string, number, string])[] = [
  ['an inference request', BATCH_OPEN_INFERENCE, INFER],
  ['a V1 request', BATCH_KSERVE_V1, V1],
  ['a request for embeddings', BATCH_EMBEDDINGS, TEXTS],
];

for (const [what, kind, text] of KINDS) {
  for (const [name, broken] of BROKEN_JSON) {
    test(`${what} with ${name} goes alone`, () => assert.equal(readText(kind, broken), null));
  }
  for (const [name, edit] of BREAKS) {
    test(`${what} with ${name} goes alone`, () => assert.equal(readText(kind, edit(text)), null));
  }
  test(`${what} with bytes that are not UTF-8 goes alone`, () => {
    for (const bad of ['\xc3', '\xc0\xaf', '\xed\xa0\x80', '\x80', '\xff']) {
      const broken = Buffer.from(text.replace('{', `{"parameters":{"a":"${bad}"},`), 'latin1');
      assert.equal(readBatchRequest(kind, broken, -1), null);
    }
  });
  test(`${what} is itself where it is joined with nobody`, () => {
    assert.equal(joinedText(taken(kind, text)), text);
  });
  test(`${what} joins with none of another protocol`, () => {
    const others = KINDS.filter(([, other]) => other !== kind);
    for (const [, other, otherText] of others) {
      assert.ok(!taken(kind, text).joinsWith(taken(other, otherText)));
      assert.equal(joinBatch([taken(kind, text), taken(other, otherText)]), null);
    }
  });
}

test('no request, and a kind that nobody knows, make no batch', () => {
  assert.equal(joinBatch([]), null);
  assert.equal(readText(7, INFER), null);
});

const ALONE_INFER: readonly Case[] = [
  ['no inputs', '{"inputs":[]}'],
  ['inputs that are no list', '{"inputs":{}}'],
  ['inputs twice', INFER.replace(/\}$/, ',"inputs":[]}')],
  ['two inputs of one name', INFER.replace(/(\{"name".*\})\]\}$/, '$1,$1]}')],
  ['a field that nobody knows', withField('"x":1')],
  ['a field of an input that nobody knows', INFER.replace('"name"', '"y":1,"name"')],
  ['data twice', INFER.replace('"data"', '"data":[1,2],"data"')],
  ['a shape twice', INFER.replace('"data"', '"shape":[1,2],"data"')],
  ['a name twice', INFER.replace('"data"', '"name":"x","data"')],
  ['a datatype twice', INFER.replace('"data"', '"datatype":"FP32","data"')],
  ['an id twice', withField('"id":"a","id":"b"')],
  ['no data', INFER.replace(',"data":[1,2]', '')],
  ['no shape', INFER.replace('"shape":[1,2],', '')],
  ['no name', INFER.replace('"name":"x",', '')],
  ['no datatype', INFER.replace('"datatype":"FP32",', '')],
  ['a datatype that nobody knows', INFER.replace('FP32', 'FP8')],
  ['an empty shape', withShape('[]')],
  ['no rows', withShape('[0,2]', '[]')],
  ['rows of nothing', withShape('[1,0]', '[]')],
  ['a negative dimension', withShape('[-1,2]')],
  ['a dimension with a fraction', withShape('[1.0,2]')],
  ['a dimension with a leading zero', withShape('[01,2]')],
  ['a dimension beyond 32 bits', withShape('[4294967297,2]')],
  ['dimensions whose product overflows', withShape('[1,65536,65536,65536,65536,65536]')],
  ['seventeen dimensions', withShape(`[1,2${',1'.repeat(15)}]`)],
  ['a number too few', withData('[1]')],
  ['a number too many', withData('[1,2,3]')],
  ['rows of different lengths', withShape('[2,2]', '[[1],[2,3,4]]')],
  ['rows that its shape does not have', withData('[[1],[2]]')],
  ['flat and nested at once', withData('[1,[2]]')],
  ['nested and flat at once', withShape('[2,1]', '[[1],2]')],
  ['two numbers without a comma', withData('[1 2]')],
  ['a comma at the end of its data', withData('[1,2,]')],
  ['an object as data', withData('[1,{}]')],
  ['no number where one should be', withData('[1,NaN]')],
  ['an id that is no text', withField('"id":7')],
  ['a sequence', withField('"parameters":{"sequence_id":7}')],
  ['a sequence at its input', INFER.replace('"name"', '"parameters":{"sequence_end":1},"name"')],
  ['shared memory', INFER.replace('"name"', '"parameters":{"shared_memory_region":"a"},"name"')],
  [
    'shared memory for an output',
    withField('"outputs":[{"name":"y","parameters":{"shared_memory_region":"a"}}]'),
  ],
  ['a parameter twice', withField('"parameters":{"a":1,"a":1}')],
  ['a parameter with an escape in its key', withField('"parameters":{"sequence\\u005fid":1}')],
  ['an output without a name', withField('"outputs":[{}]')],
  ['a field of an output that nobody knows', withField('"outputs":[{"name":"y","x":1}]')],
  [
    'a binary input and no header',
    INFER.replace('"data":[1,2]', '"parameters":{"binary_data_size":8}'),
  ],
  [
    'inputs that disagree about their rows',
    '{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]},' +
      '{"name":"y","shape":[2],"datatype":"FP32","data":[1,2]}]}',
  ],
];

for (const [name, text] of ALONE_INFER) {
  test(`an inference request with ${name} goes alone`, () => {
    assert.equal(readText(BATCH_OPEN_INFERENCE, text), null);
  });
}

const APART_INFER: readonly (readonly [string, string, string])[] = [
  ['names', INFER, INFER.replace('"x"', '"y"')],
  ['datatypes', INFER, INFER.replace('FP32', 'FP64')],
  ['row shapes', INFER, withShape('[1,3]', '[1,2,3]')],
  ['numbers of dimensions', INFER, withShape('[1,2,1]')],
  ['layouts of the data', INFER, withData('[[1,2]]')],
  ['parameters', withField('"parameters":{"a":1}'), withField('"parameters":{"a":2}')],
  ['priorities', withField('"parameters":{"priority":1}'), withField('"parameters":{}')],
  ['timeouts', withField('"parameters":{"timeout":1}'), withField('"parameters":{"timeout":2}')],
  ['requested outputs', withField('"outputs":[{"name":"a"}]'), INFER],
  ['outputs requested and an empty list of them', withField('"outputs":[]'), INFER],
  [
    'orders of requested outputs',
    withField('"outputs":[{"name":"a"},{"name":"b"}]'),
    withField('"outputs":[{"name":"b"},{"name":"a"}]'),
  ],
  [
    'forms of an output',
    withField('"outputs":[{"name":"a","parameters":{"binary_data":true}}]'),
    withField('"outputs":[{"name":"a"}]'),
  ],
  ['forms of all outputs', withField('"parameters":{"binary_data_output":true}'), INFER],
  ['ids, one has none', withField('"id":"1"'), INFER],
  ['tensor parameters', INFER, INFER.replace('"name"', '"parameters":{"a":1},"name"')],
  [
    'an output that is named like a parameter',
    withField('"outputs":[{"name":"a","parameters":{"b":1}}]'),
    withField('"outputs":[{"name":"a"},{"name":"b"}]'),
  ],
];

for (const [name, left, right] of APART_INFER) {
  test(`inference requests with different ${name} are not joined`, () => {
    const [a, b] = [taken(BATCH_OPEN_INFERENCE, left), taken(BATCH_OPEN_INFERENCE, right)];
    assert.ok(a.joinsWith(taken(BATCH_OPEN_INFERENCE, left)));
    assert.ok(!a.joinsWith(b) && !b.joinsWith(a));
    assert.equal(joinBatch([a, b]), null);
  });
}

test('inference requests are joined whatever the order of inputs, keys and parameters', () => {
  const x = '{"name":"x","shape":[1],"datatype":"FP32","data":[1.0]}';
  const y = '{"data":[ 2E+05 ],"datatype":"INT64","name":"y","shape":[ 1 ]}';
  const a = `{"id":"a","inputs":[${x},${y}],"parameters":{"p":1,"q":[1]}}`;
  const b = `{"inputs":[${y},${x}],"parameters":{"q":[1] , "p" : 1},"id":"b"}`;
  const joined = joinedText(taken(BATCH_OPEN_INFERENCE, a), taken(BATCH_OPEN_INFERENCE, b));
  assert.equal(
    joined,
    `{"id":"a","inputs":[${x},${y}],"parameters":{"p":1,"q":[1]}}`
      .replace('"shape":[1]', '"shape":[2]')
      .replace('[1.0]', '[1.0,1.0]')
      .replace('[ 2E+05 ]', '[ 2E+05 ,2E+05 ]')
      .replace('[ 1 ]', '[ 2 ]'),
  );
});

const BINARY =
  '{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}}]}';
const EIGHT = Buffer.from('abcdefgh');
const WORDS = BINARY.replace('FP32', 'BYTES').replace(':8}', ':11}');
const TWO_WORDS = Buffer.from('\x03\0\0\0abc\0\0\0\0', 'latin1');

test('binary tensors are joined behind the JSON, in the order of the first', () => {
  const first = `{"inputs":[{"name":"b","shape":[1],"datatype":"INT16","parameters":{"binary_data_size":2}},{"name":"j","shape":[1],"datatype":"FP32","data":[1]},{"name":"a","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":6}}]}`;
  const second = `{"inputs":[{"name":"a","shape":[10],"datatype":"BYTES","parameters":{"binary_data_size":40}},{"name":"b","shape":[10],"datatype":"INT16","parameters":{"binary_data_size":20}},{"name":"j","shape":[10],"datatype":"FP32","data":[2,3,4,5,6,7,8,9,10,11]}]}`;
  const joined = joinBatch([
    taken(BATCH_OPEN_INFERENCE, first, Buffer.from('bb\x02\0\0\0aa')),
    taken(BATCH_OPEN_INFERENCE, second, Buffer.concat([Buffer.alloc(40), Buffer.alloc(20, 'B')])),
  ]);
  assert.ok(joined);
  const text = Buffer.from(joined.bytes).toString('latin1');
  assert.equal(
    text.slice(0, joined.jsonBytes),
    first
      .replaceAll('"shape":[1]', '"shape":[11]')
      .replace('size":2}', 'size":22}')
      .replace('[1]}', '[1,2,3,4,5,6,7,8,9,10,11]}')
      .replace('size":6}', 'size":46}'),
  );
  const tail = `bb${'B'.repeat(20)}\x02\0\0\0aa${'\0'.repeat(40)}`;
  assert.equal(text.slice(joined.jsonBytes), tail);
});

const LYING: readonly (readonly [string, string, Buffer])[] = [
  ['too few bytes', BINARY, EIGHT.subarray(1)],
  ['too many bytes', BINARY, Buffer.concat([EIGHT, EIGHT])],
  ['a size that its shape does not have', BINARY.replace(':8', ':4'), EIGHT.subarray(4)],
  ['a size with a fraction', BINARY.replace(':8', ':8.0'), EIGHT],
  ['a size that is a text', BINARY.replace(':8', ':"8"'), EIGHT],
  ['a negative size', BINARY.replace(':8', ':-8'), EIGHT],
  ['a size beyond 32 bits', BINARY.replace(':8', ':4294967304'), EIGHT],
  ['a size twice', BINARY.replace(':8', ':8,"binary_data_size":8'), EIGHT],
  ['data and a size', BINARY.replace('"name"', '"data":[1,2],"name"'), EIGHT],
  ['neither data nor a size', BINARY.replace('"binary_data_size":8', ''), EIGHT],
  ['bytes behind inputs of JSON', INFER, EIGHT],
  ['a datatype of unknown size', BINARY.replace('FP32', 'FP31'), EIGHT],
  ['a shape that overflows', BINARY.replace('[1,2]', '[1,65536,65536,65536]'), EIGHT],
  ['an element that goes beyond its tensor', WORDS, Buffer.from('\x07\0\0\0abcdefg', 'latin1')],
  ['an element without a whole length', WORDS, Buffer.from('\x05\0\0\0abcde\0\0', 'latin1')],
  ['an element of 4 GiB', WORDS, Buffer.from('\xff\xff\xff\xff1234567', 'latin1')],
  [
    'an element whose length leads back',
    WORDS.replace(':11', ':262'),
    Buffer.concat([Buffer.alloc(4, 0xff), Buffer.alloc(258)]),
  ],
  ['an element too few', WORDS.replace('[1,2]', '[1,3]'), TWO_WORDS],
  ['an element too many', WORDS.replace('[1,2]', '[1,1]'), TWO_WORDS],
];

for (const [name, text, blob] of LYING) {
  test(`a binary inference request with ${name} goes alone`, () => {
    assert.ok(readText(BATCH_OPEN_INFERENCE, BINARY, EIGHT));
    assert.ok(readText(BATCH_OPEN_INFERENCE, WORDS, TWO_WORDS));
    assert.equal(readText(BATCH_OPEN_INFERENCE, text, blob), null);
  });
}

test('a header that lies about the JSON, or that says there is none, sends a request alone', () => {
  const body = Buffer.concat([Buffer.from(BINARY), EIGHT]);
  for (const jsonBytes of [0, 1, BINARY.length - 1, BINARY.length + 1, body.length, 9999, -1]) {
    assert.equal(readBatchRequest(BATCH_OPEN_INFERENCE, body, jsonBytes), null, `${jsonBytes}`);
  }
});

test('a binary input does not join one in JSON, nor a body with a header one without', () => {
  const binary = taken(BATCH_OPEN_INFERENCE, BINARY, EIGHT);
  assert.ok(!binary.joinsWith(taken(BATCH_OPEN_INFERENCE, INFER)));
  const withHeader = taken(BATCH_OPEN_INFERENCE, INFER, Buffer.alloc(0));
  assert.ok(!withHeader.joinsWith(taken(BATCH_OPEN_INFERENCE, INFER)));
  assert.equal(joinBatch([withHeader, withHeader])?.jsonBytes, INFER.length + 4);
});

const ALONE_V1: readonly Case[] = [
  ['no instances', '{"instances":[]}'],
  ['instances that are no list', '{"instances":{}}'],
  ['no field for instances', '{"signature_name":"a"}'],
  ['columns', '{"inputs":[1]}'],
  ['columns beside its rows', '{"instances":[1],"inputs":[1]}'],
  ['instances twice', '{"instances":[1],"instances":[1]}'],
  ['an instance that is broken', '{"instances":[{"a":]}'],
];

for (const [name, text] of ALONE_V1) {
  test(`a V1 request with ${name} goes alone`, () => {
    assert.equal(readText(BATCH_KSERVE_V1, text), null);
  });
}

test('V1 instances are joined at their commas, and what stands beside them must be equal', () => {
  const a = taken(
    BATCH_KSERVE_V1,
    '{"signature_name":"s", "instances":[ {"b":[1,2]} , {} ],"k":1}',
  );
  const b = taken(BATCH_KSERVE_V1, '{"k":1,"instances":[{"b":"],["}],"signature_name":"s"}');
  assert.equal(
    joinedText(a, b),
    '{"signature_name":"s", "instances":[ {"b":[1,2]} , {} ,{"b":"],["}],"k":1}',
  );
  assert.equal(a.rows, 2);
  for (const other of [
    '{"k":1,"instances":[{}],"signature_name":"t"}',
    '{"k":1.0,"instances":[{}],"signature_name":"s"}',
    '{"instances":[{}],"signature_name":"s"}',
    '{"k":1,"instances":[[]],"signature_name":"s"}',
    '{"k":1,"instances":[5],"signature_name":"s"}',
  ]) {
    assert.ok(!a.joinsWith(taken(BATCH_KSERVE_V1, other)), other);
  }
});

test('a header about binary tensors sends V1 requests and those for embeddings alone', () => {
  assert.equal(readText(BATCH_KSERVE_V1, V1, Buffer.alloc(0)), null);
  assert.equal(readText(BATCH_EMBEDDINGS, TEXTS, Buffer.alloc(0)), null);
});

const ALONE_EMBEDDINGS: readonly Case[] = [
  ['no input', '{"model":"m"}'],
  ['an empty list', '{"input":[]}'],
  ['an empty list of tokens', '{"input":[[]]}'],
  ['input twice', '{"input":"a","input":"b"}'],
  ['a number as input', '{"input":5}'],
  ['an object as input', '{"input":{"text":"a"}}'],
  ['objects as inputs', '{"input":[{"text":"a"}]}'],
  ['texts and tokens at once', '{"input":["a",[1]]}'],
  ['tokens and texts at once', '{"input":[[1],"a"]}'],
  ['tokens and lists of them at once', '{"input":[1,[1]]}'],
  ['a token with a fraction', '{"input":[1.5]}'],
  ['a negative token', '{"input":[-1]}'],
  ['null among its texts', '{"input":["a",null]}'],
];

for (const [name, text] of ALONE_EMBEDDINGS) {
  test(`a request for embeddings with ${name} goes alone`, () => {
    assert.equal(readText(BATCH_EMBEDDINGS, text), null);
  });
}

test('a text becomes one of a list, and a list of tokens is one input', () => {
  const request = (input: string): BatchRequest =>
    taken(BATCH_EMBEDDINGS, `{"input":${input},"model":"m"}`);
  const joined = (...inputs: string[]): string => joinedText(...inputs.map(request));
  assert.equal(joined('"a"', '[ "b","c" ]'), '{"input":["a", "b","c" ],"model":"m"}');
  assert.equal(joined('["b"]', '"a,]"'), '{"input":["b","a,]"],"model":"m"}');
  assert.equal(joined('[1,2]', '[[3],[4]]', '[5]'), '{"input":[[1,2],[3],[4],[5]],"model":"m"}');
  assert.equal(joined('[[3]]', '[1,2]'), '{"input":[[3],[1,2]],"model":"m"}');
  assert.deepEqual(
    ['"a"', '["b","c"]', '[1,2,3]', '[[1,2,3],[4]]'].map((input) => {
      const { rows, weight } = request(input);
      return [rows, weight];
    }),
    [
      [1, 1],
      [2, 2],
      [1, 3],
      [2, 4],
    ],
  );
});

test('requests for embeddings join only if all but the input is equal, and of one kind', () => {
  const a = taken(BATCH_EMBEDDINGS, '{"input":"a","model":"m","user":"u","dimensions":8}');
  const same = '{"dimensions":8,"user":"u","input":["b"],"model":"m"}';
  assert.ok(a.joinsWith(taken(BATCH_EMBEDDINGS, same)));
  for (const [from, to] of [
    ['"m"', '"n"'],
    ['"u"', '"v"'],
    [':8', ':9'],
    ['["b"]', '[1]'],
    ['"user":"u",', ''],
    ['{', '{"encoding_format":"base64",'],
  ] as const) {
    assert.ok(!a.joinsWith(taken(BATCH_EMBEDDINGS, same.replace(from, to))), to);
  }
});

test('what a request holds is its body and what it must share', () => {
  const request = taken(BATCH_OPEN_INFERENCE, INFER);
  assert.ok(request.size > INFER.length && request.size < INFER.length + 100);
});
