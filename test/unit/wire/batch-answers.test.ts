/** Which answers to a joined call can be cut, and what each member gets of them. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apportion } from '../../../filters/wire/batch/apportion.ts';
import {
  BATCH_EMBEDDINGS,
  BATCH_KSERVE_V1,
  BATCH_OPEN_INFERENCE,
} from '../../../filters/wire/batch/batch-request.ts';
import { type BatchShare, shareOf } from '../../../filters/wire/batch/batch-share.ts';
import { readBatchAnswer } from '../../../filters/wire/batch/read-answer.ts';
import { readBatchRequest } from '../../../filters/wire/batch/read-request.ts';

type Case = readonly [string, string];

function shareOfTexts(kind: number, ...texts: string[]): BatchShare {
  const requests = texts.map((text) => readBatchRequest(kind, Buffer.from(text), -1));
  return shareOf(requests.filter((request) => request !== null));
}

function infer(rows: number, id?: string): string {
  const data = `"data":[${Array.from({ length: rows }, (_, i) => i)}]`;
  const field = id === undefined ? '' : `"id":${id},`;
  return `{${field}"inputs":[{"name":"x","shape":[${rows}],"datatype":"FP32",${data}}]}`;
}

/** What each member gets; the JSON's length is checked where there is a header. */
function parts(share: BatchShare, answer: string | Buffer, jsonBytes = -1): string[] | null {
  const cut = readBatchAnswer(share, Buffer.from(answer), jsonBytes);
  if (cut === null) return null;
  return share.rows.map((_, index) => {
    const part = cut.slice(index);
    const text = Buffer.from(part.bytes).toString('latin1');
    if (jsonBytes < 0) assert.equal(part.jsonBytes, -1);
    else JSON.parse(text.slice(0, part.jsonBytes));
    return text;
  });
}

const ONE_AND_TWO = shareOfTexts(BATCH_OPEN_INFERENCE, infer(1), infer(2));
const WITH_IDS = shareOfTexts(BATCH_OPEN_INFERENCE, infer(1, '"one"'), infer(2, '"a \\" ü"'));
const ANSWER =
  '{"model_name":"m","id":"one","parameters":{"p":1.0},"outputs":[{"name":"y","datatype":"FP32","shape":[3, 2],"data":[1, 2.50, 3, 4, 5e0, 6 ]}]}';

test('each member gets its rows, its id, and everything else as it stood', () => {
  const own = (id: string, shape: string, data: string): string =>
    Buffer.from(
      `{"model_name":"m","id":${id},"parameters":{"p":1.0},"outputs":[{"name":"y","datatype":"FP32","shape":${shape},"data":[${data}]}]}`,
    ).toString('latin1');
  assert.deepEqual(parts(WITH_IDS, ANSWER), [
    own('"one"', '[1, 2]', '1, 2.50'),
    own('"a \\" ü"', '[2, 2]', '3, 4, 5e0, 6'),
  ]);
});

test('an id that the server made up is kept, and one that it does not tell is not invented', () => {
  assert.match(parts(ONE_AND_TWO, ANSWER)?.[1] ?? '', /"id":"one"/);
  const without = ANSWER.replace('"id":"one",', '');
  assert.doesNotMatch(parts(WITH_IDS, without)?.[1] ?? '', /"id"/);
});

test('data is cut wherever it stands: before its shape, nested, as words and texts', () => {
  const answer =
    '{"outputs":[{"data":[[["a"]],[["],["]],[[""]]],"shape":[3,1,1]},{"data":[true,false,null],"shape":[3]}]}';
  assert.deepEqual(parts(ONE_AND_TWO, answer), [
    '{"outputs":[{"data":[[["a"]]],"shape":[1,1,1]},{"data":[true],"shape":[1]}]}',
    '{"outputs":[{"data":[[["],["]],[[""]]],"shape":[2,1,1]},{"data":[false,null],"shape":[2]}]}',
  ]);
});

test('rows of nothing are cut into rows of nothing', () => {
  const answer = '{"outputs":[{"shape":[3,0],"data":[]},{"shape":[3,0],"data":[[],[],[]]}]}';
  assert.deepEqual(parts(ONE_AND_TWO, answer), [
    '{"outputs":[{"shape":[1,0],"data":[]},{"shape":[1,0],"data":[[]]}]}',
    '{"outputs":[{"shape":[2,0],"data":[]},{"shape":[2,0],"data":[[],[]]}]}',
  ]);
});

test('NaN and Infinity, as Python writes them, are cut like numbers', () => {
  const answer = '{"outputs":[{"shape":[3],"data":[NaN,-Infinity,Infinity]}]}';
  assert.deepEqual(parts(ONE_AND_TWO, answer), [
    '{"outputs":[{"shape":[1],"data":[NaN]}]}',
    '{"outputs":[{"shape":[2],"data":[-Infinity,Infinity]}]}',
  ]);
});

const UNCUT: readonly Case[] = [
  ['nothing in it', ''],
  ['an error', '{"error":"no"}'],
  ['no outputs', '{"outputs":[]}'],
  ['a text cut off', ANSWER.slice(0, -5)],
  ['something after its end', `${ANSWER}{}`],
  ['outputs twice', ANSWER.replace(/\}$/, ',"outputs":[]}')],
  ['ids twice', ANSWER.replace('"id"', '"id":"x","id"')],
  ['an escaped key', ANSWER.replace('"id"', '"\\u0069d"')],
  ['fewer rows', ANSWER.replace('[3, 2]', '[2, 2]').replace(', 5e0, 6', '')],
  ['more rows', ANSWER.replace('[3, 2]', '[4, 2]').replace('6 ]', '6,7,8]')],
  ['more rows than it says', ANSWER.replace('6 ]', '6,7,8]')],
  ['a number too few', ANSWER.replace(', 6', '')],
  ['no shape', ANSWER.replace('"shape":[3, 2],', '')],
  ['an empty shape', ANSWER.replace('[3, 2]', '[]')],
  ['a shape twice', ANSWER.replace('"shape"', '"shape":[3,2],"shape"')],
  ['a dimension with a fraction', ANSWER.replace('[3, 2]', '[3.0, 2]')],
  ['a shape that overflows', ANSWER.replace('[3, 2]', '[3, 2147483647, 2147483647, 4]')],
  ['no data', ANSWER.replace(/,"data":[^\]]*\]/, '')],
  ['data that is no list', ANSWER.replace(/"data":[^\]]*\]/, '"data":{}')],
  ['data twice', ANSWER.replace('"data"', '"data":[],"data"')],
  ['data twice before the shape', ANSWER.replace('"shape"', '"data":[1,2,3,4,5,6],"shape"')],
  ['an output that is not batched', ANSWER.replace('[3, 2]', '[1]').replace(/1, 2[^\]]*/, '1')],
  ['one row for all', ANSWER.replace('[3, 2]', '[1, 6]')],
  ['rows of different lengths', ANSWER.replace(/1, 2[^\]]*/, '[1],[2,3],[4,5,6]')],
  ['rows that its shape does not have', ANSWER.replace(/1, 2[^\]]*/, '[1,2,3],[4,5,6]')],
  ['flat and nested at once', ANSWER.replace(/1, 2[^\]]*/, '1,2,3,[4,5,6]')],
  [
    'parameters of an output twice',
    ANSWER.replace('"name"', `${'"parameters":{},'.repeat(2)}"name"`),
  ],
  ['a size and no header', ANSWER.replace('"name"', '"parameters":{"binary_data_size":4},"name"')],
  ['a broken unknown field', ANSWER.replace('{', '{"x":[1,],')],
];

for (const [name, text] of UNCUT) {
  test(`an inference answer with ${name} is not cut`, () => {
    assert.ok(parts(ONE_AND_TWO, ANSWER));
    assert.equal(parts(ONE_AND_TWO, text), null);
  });
}

const BINARY =
  '{"outputs":[{"name":"a","datatype":"INT16","shape":[3,2],"parameters":{"binary_data_size":12}},' +
  '{"name":"j","shape":[3],"data":[1,2,3]},' +
  '{"parameters":{"x":1,"binary_data_size":15},"shape":[3],"name":"b","datatype":"BYTES"}]}';
const BLOB = 'aaaabbbbcccc\x02\0\0\0xy\0\0\0\0\x01\0\0\0z';

function binaryParts(json: string, blob: string, jsonBytes = json.length): string[] | null {
  return parts(ONE_AND_TWO, Buffer.from(json + blob, 'latin1'), jsonBytes);
}

test('outputs in JSON and binary ones are cut side by side, and their sizes are the new ones', () => {
  const own = (rows: number, sizes: readonly [number, number], data: string): string =>
    BINARY.replaceAll('[3', `[${rows}`)
      .replace(':12}', `:${sizes[0]}}`)
      .replace(':15}', `:${sizes[1]}}`)
      .replace('[1,2,3]', `[${data}]`);
  assert.deepEqual(binaryParts(BINARY, BLOB), [
    `${own(1, [4, 6], '1')}aaaa\x02\0\0\0xy`,
    `${own(2, [8, 9], '2,3')}bbbbcccc\0\0\0\0\x01\0\0\0z`,
  ]);
});

test('an answer in JSON that has a header anyway keeps it, with the right length', () => {
  const answer = readBatchAnswer(ONE_AND_TWO, Buffer.from(ANSWER), ANSWER.length);
  const part = answer?.slice(0);
  assert.equal(part?.jsonBytes, part?.bytes.length);
});

const LYING: readonly (readonly [string, string, string])[] = [
  ['a byte too few', BINARY, BLOB.slice(0, -1)],
  ['a byte too many', BINARY, `${BLOB}z`],
  ['no bytes at all', BINARY, ''],
  ['a size too small', BINARY.replace(':12', ':10'), BLOB.slice(2)],
  ['a size too large', BINARY.replace(':12', ':14'), `zz${BLOB}`],
  ['a size beyond 32 bits', BINARY.replace(':12', ':4294967308'), BLOB],
  ['a negative size', BINARY.replace(':12', ':-12'), BLOB],
  ['a size twice', BINARY.replace(':12', ':12,"binary_data_size":12'), BLOB],
  ['a size and data', BINARY.replace('"data"', '"parameters":{"binary_data_size":0},"data"'), BLOB],
  ['a size and no datatype', BINARY.replace('"datatype":"INT16",', ''), BLOB],
  ['two datatypes', BINARY.replace('"datatype"', '"datatype":"INT16","datatype"'), BLOB],
  ['a datatype of unknown size', BINARY.replace('INT16', 'INT15'), BLOB],
  ['a datatype of another size', BINARY.replace('INT16', 'INT32'), BLOB],
  ['two rows', BINARY.replace('[3,2]', '[2,3]'), BLOB],
  ['an element that takes those of the next', BINARY, BLOB.replace('\x02', '\x08')],
  ['an element of 4 GiB', BINARY, BLOB.replace('\x02\0\0\0', '\xff\xff\xff\xff')],
  ['more elements than bytes', BINARY.replace('[3],"name"', '[3,9999999],"name"'), BLOB],
];

for (const [name, json, blob] of LYING) {
  test(`a binary inference answer with ${name} is not cut`, () => {
    assert.equal(binaryParts(json, blob), null);
  });
}

test('a header that lies about the answer, or that says it has no JSON, is not believed', () => {
  for (const jsonBytes of [0, 1, BINARY.length - 1, BINARY.length + 1, 9999, -1]) {
    assert.equal(binaryParts(BINARY, BLOB, jsonBytes), null, `${jsonBytes}`);
  }
});

test('who asks for a member that is not there gets nothing', () => {
  const answer = readBatchAnswer(ONE_AND_TWO, Buffer.from(ANSWER), -1);
  assert.equal(answer?.slice(2).bytes.length, 0);
  assert.equal(answer?.slice(-1).bytes.length, 0);
});

const V1_SHARE = shareOfTexts(BATCH_KSERVE_V1, '{"instances":[1]}', '{"instances":[2,3]}');

test('predictions are cut at their commas, and plain fields beside them are kept', () => {
  const answer = '{"took":1.50, "predictions":[ {"a":[1,2]} , "],[" ,[[]] ],"model":"m","n":null}';
  assert.deepEqual(parts(V1_SHARE, answer), [
    '{"took":1.50, "predictions":[ {"a":[1,2]}],"model":"m","n":null}',
    '{"took":1.50, "predictions":[ "],[" ,[[]]],"model":"m","n":null}',
  ]);
});

const UNCUT_V1: readonly Case[] = [
  ['too few', '{"predictions":[1,2]}'],
  ['too many', '{"predictions":[1,2,3,4]}'],
  ['none', '{"predictions":[]}'],
  ['no list', '{"predictions":{"a":[1,2,3]}}'],
  ['outputs in columns', '{"outputs":[1,2,3]}'],
  ['an error', '{"error":"no"}'],
  ['two lists', '{"predictions":[1,2,3],"predictions":[1,2,3]}'],
  ['an escaped key', '{"predictions":[1,2,3],"predict\\u0069ons":[1,2,3]}'],
  ['a list beside them, which may be by instance', '{"predictions":[1,2,3],"scores":[1,2,3]}'],
  ['an object beside them, which may be by instance', '{"predictions":[1,2,3],"by":{"1":1}}'],
  ['an end too early', '{"predictions":[1,2,3]'],
  ['something after the end', '{"predictions":[1,2,3]}x'],
];

for (const [name, text] of UNCUT_V1) {
  test(`predictions are not cut with ${name}`, () => assert.equal(parts(V1_SHARE, text), null));
}

const TEXT_SHARE = shareOfTexts(
  BATCH_EMBEDDINGS,
  '{"input":"ab"}',
  '{"input":["abcd","abcd"]}',
  '{"input":["a"]}',
);
const EMBEDDINGS =
  '{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.10,-1e-3]},' +
  ' {"index": 1,"embedding":"AAAA"},{"index":2},{"index":3}],"model":"m",' +
  '"usage":{"prompt_tokens":12,"total_tokens":12,"details":{"cached":3,"note":null}}}';

test('embeddings are cut, counted from 0 again, and what was used is divided', () => {
  const head = '{"object":"list","data":[';
  const tail = (used: number, cached: number): string =>
    `],"model":"m","usage":{"prompt_tokens":${used},"total_tokens":${used},"details":{"cached":${cached},"note":null}}}`;
  assert.deepEqual(parts(TEXT_SHARE, EMBEDDINGS), [
    `${head}{"object":"embedding","index":0,"embedding":[0.10,-1e-3]}${tail(2, 1)}`,
    `${head}{"index": 0,"embedding":"AAAA"},{"index":1}${tail(9, 2)}`,
    `${head}{"index":0}${tail(1, 0)}`,
  ]);
});

test('indexes of two digits become ones of one', () => {
  const many = `{"input":[${Array.from({ length: 11 }, () => '[1]')}]}`;
  const share = shareOfTexts(BATCH_EMBEDDINGS, many, '{"input":[1,2]}');
  const data = Array.from({ length: 12 }, (_, index) => `{"index":${index}}`);
  const answer = `{"data":[${data}],"usage":{"total_tokens":13}}`;
  assert.deepEqual(parts(share, answer), [
    `{"data":[${data.slice(0, 11)}],"usage":{"total_tokens":11}}`,
    '{"data":[{"index":0}],"usage":{"total_tokens":2}}',
  ]);
});

test('an answer without usage, or with none, is cut as well', () => {
  for (const usage of ['', ',"usage":null', ',"usage":{}']) {
    const answer = EMBEDDINGS.replace(/,"usage".*/, `${usage}}`);
    assert.equal(parts(TEXT_SHARE, answer)?.length, 3);
  }
});

const UNCUT_EMBEDDINGS: readonly Case[] = [
  ['too few', EMBEDDINGS.replace(',{"index":3}', '')],
  ['too many', EMBEDDINGS.replace('{"index":3}', '{"index":3},{"index":4}')],
  ['no data', '{"object":"list"}'],
  ['an error', '{"error":{"message":"no"}}'],
  [
    'another order',
    EMBEDDINGS.replace('"index": 1', '"index": 2').replace('"index":2', '"index":1'),
  ],
  ['an index twice', EMBEDDINGS.replace('"index":3', '"index":2')],
  ['two indexes in an item', EMBEDDINGS.replace('"index":3', '"index":3,"index":3')],
  ['an item without an index', EMBEDDINGS.replace('{"index":3}', '{}')],
  ['an index that is a text', EMBEDDINGS.replace('"index":3', '"index":"3"')],
  ['an index with a fraction', EMBEDDINGS.replace('"index":3', '"index":3.0')],
  ['an item that is no object', EMBEDDINGS.replace('{"index":3}', '[3]')],
  ['a list beside them', EMBEDDINGS.replace('"model":"m"', '"scores":[1,2,3,4]')],
  ['data twice', EMBEDDINGS.replace('"model":"m"', '"data":[]')],
  ['usage twice', EMBEDDINGS.replace('"model":"m"', '"usage":{}')],
  ['usage that is a list', EMBEDDINGS.replace(/"usage".*/, '"usage":[]}')],
  ['a list in usage', EMBEDDINGS.replace('"cached":3', '"cached":[3]')],
  ['a cost with a fraction', EMBEDDINGS.replace('"cached":3', '"cost":0.3')],
  ['a cost below zero', EMBEDDINGS.replace('"cached":3', '"cost":-3')],
  ['a count beyond 32 bits', EMBEDDINGS.replace('"cached":3', '"cached":4294967299')],
  ['details without end', EMBEDDINGS.replace('"cached":3', `"a":${'{"a":'.repeat(5000)}`)],
  ['counts without end', EMBEDDINGS.replace('"cached":3', `"a":1${',"a":1'.repeat(99)}`)],
];

for (const [name, text] of UNCUT_EMBEDDINGS) {
  test(`embeddings are not cut with ${name}`, () => {
    assert.ok(parts(TEXT_SHARE, EMBEDDINGS));
    assert.equal(parts(TEXT_SHARE, text), null);
  });
}

test('a share of nobody, and one of a kind that nobody knows, cut nothing', () => {
  assert.equal(parts(shareOf([]), ANSWER), null);
  const share = shareOfTexts(BATCH_OPEN_INFERENCE, infer(3));
  assert.ok(parts(share, ANSWER));
});

const DIVIDED: readonly (readonly [string, number, number[], number[]])[] = [
  ['equally', 9, [1, 1, 1], [3, 3, 3]],
  ['with the rest to the largest remainders', 10, [3, 5, 2, 1], [3, 4, 2, 1]],
  ['with the rest to the first of equals', 5, [1, 1, 1], [2, 2, 1]],
  ['so that small ones may get nothing', 2, [1, 1000, 1], [0, 2, 0]],
  ['to one alone', 7, [9], [7]],
  ['when it is nothing', 0, [1, 2], [0, 0]],
  ['among those without any weight', 3, [0, 0], [2, 1]],
  ['when it is as large as can be', 2147483647, [1, 1], [1073741824, 1073741823]],
  ['among the heaviest', 2147483647, [2147483647, 2147483647], [1073741824, 1073741823]],
];

for (const [name, total, weights, expected] of DIVIDED) {
  test(`a number is divided ${name}`, () => assert.deepEqual(apportion(total, weights), expected));
}

test('the parts are the whole, and each is within one of its quota', () => {
  for (let total = 0; total < 2000; total += 7) {
    const weights = Array.from(
      { length: 1 + (total % 13) },
      (_, i) => 1 + ((total * 31 + i * i) % 97),
    );
    const sum = weights.reduce((all, weight) => all + weight, 0);
    const divided = apportion(total, weights);
    assert.equal(
      divided.reduce((all, part) => all + part, 0),
      total,
    );
    divided.forEach((part, i) => {
      assert.ok(Math.abs(part - (total * (weights[i] ?? 0)) / sum) < 1 + 1e-9);
    });
  }
});
