/** Joining and slicing on bytes, against a JSON library. A failed run prints the seed that repeats it. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinRequests } from '../../../filters/wire/tensor-join.ts';
import {
  type InferRequest,
  isCompatible,
  readInferRequest,
} from '../../../filters/wire/tensor-request.ts';
import { readInferResponse } from '../../../filters/wire/tensor-response.ts';
import {
  type Message,
  pick,
  type Random,
  randomLeaves,
  requestText,
  responseText,
  type Tensor,
  volume,
} from '../../harness/infer-messages.ts';
import { randomSource } from '../../harness/random.ts';

interface Json {
  id?: string;
  inputs?: JsonTensor[];
  outputs?: JsonTensor[];
}

interface JsonTensor {
  name: string;
  shape: number[];
  datatype: string;
  data: unknown[];
}

const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function read(text: string): InferRequest {
  const request = readInferRequest(bytesOf(text));
  assert.ok(request, `cannot be joined: ${text}`);
  return request;
}

const ONE = '{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]}';

test('two requests become one whose first dimension is the sum', () => {
  const two = ONE.replace('[1,2]', '[2,2]').replace('[1,2]', '[3, 4 ,5,6]');
  const joined = textOf(joinRequests([read(ONE), read(two)]));
  assert.equal(
    joined,
    '{"inputs":[{"name":"x","shape":[3,2],"datatype":"FP32","data":[1,2,3, 4 ,5,6]}]}',
  );
});

test('one request joined with nobody is itself', () => {
  assert.equal(textOf(joinRequests([read(ONE)])), ONE);
});

test('numbers keep their spelling', () => {
  const odd = ONE.replace('[1,2]}', '[1.000,2E+05]}');
  assert.match(textOf(joinRequests([read(odd), read(odd)])), /\[1\.000,2E\+05,1\.000,2E\+05\]/);
});

const ALONE: readonly (readonly [string, string])[] = [
  ['no JSON', 'x'],
  ['nothing', ''],
  ['a list', '[]'],
  ['an empty object', '{}'],
  ['a truncated message', ONE.slice(0, -2)],
  ['text after the message', `${ONE}{}`],
  ['no inputs', '{"inputs":[]}'],
  ['an unknown field', ONE.replace('{"inputs"', '{"x":1,"inputs"')],
  ['an unknown field of a tensor', ONE.replace('"name"', '"y":1,"name"')],
  ['inputs twice', ONE.replace(']}]}', ']}],"inputs":[]}')],
  ['data twice', ONE.replace('"data"', '"data":[1,2],"data"')],
  ['an escaped key', ONE.replace('"inputs"', '"input\\u0073"')],
  ['no data', ONE.replace(',"data":[1,2]', '')],
  ['no shape', ONE.replace('"shape":[1,2],', '')],
  ['an empty shape', ONE.replace('"shape":[1,2]', '"shape":[]')],
  ['no rows', ONE.replace('"shape":[1,2]', '"shape":[0,2]').replace('[1,2]}', '[]}')],
  ['a negative dimension', ONE.replace('"shape":[1,2]', '"shape":[-1,2]')],
  ['a dimension with a fraction', ONE.replace('"shape":[1,2]', '"shape":[1.0,2]')],
  ['a dimension beyond 32 bits', ONE.replace('"shape":[1,2]', '"shape":[4294967297,2]')],
  ['a dimension with a leading zero', ONE.replace('"shape":[1,2]', '"shape":[01,2]')],
  ['a number too few', ONE.replace('[1,2]}', '[1]}')],
  ['a number too many', ONE.replace('[1,2]}', '[1,2,3]}')],
  [
    'rows of different lengths',
    ONE.replace('[1,2],', '[2,2],').replace('[1,2]}', '[[1],[2,3,4]]}'),
  ],
  ['rows that the shape does not have', ONE.replace('[1,2]}', '[[1],[2]]}')],
  ['flat and nested at once', ONE.replace('[1,2]}', '[1,[2]]}')],
  ['a word that is no JSON', ONE.replace('[1,2]}', '[1,NaN]}')],
  ['two numbers without a comma', ONE.replace('[1,2]}', '[1 2]}')],
  ['a comma at the end', ONE.replace('[1,2]}', '[1,2,]}')],
  ['an object as data', ONE.replace('[1,2]}', '[1,{}]}')],
  ['an id that is no string', ONE.replace('{"inputs"', '{"id":7,"inputs"')],
  ['a sequence', ONE.replace('{"inputs"', '{"parameters":{"sequence_id":7},"inputs"')],
  [
    'a binary answer',
    ONE.replace('{"inputs"', '{"parameters":{"binary_data_output":true},"inputs"'),
  ],
  ['nesting without end', ONE.replace('[1,2]}', `${'['.repeat(5000)}`)],
  ['parameters nested without end', ONE.replace('{"inputs"', `{"parameters":${'['.repeat(5000)}`)],
  [
    'inputs that disagree about their rows',
    '{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]},' +
      '{"name":"y","shape":[2],"datatype":"FP32","data":[1,2]}]}',
  ],
];

for (const [name, text] of ALONE) {
  test(`a request with ${name} goes on alone`, () => {
    assert.equal(readInferRequest(bytesOf(text)), null);
  });
}

const WITH = (text: string): string => ONE.replace('{"inputs"', `{${text},"inputs"`);
const APART: readonly (readonly [string, string, string])[] = [
  ['names', ONE, ONE.replace('"x"', '"y"')],
  ['datatypes', ONE, ONE.replace('FP32', 'FP64')],
  ['row shapes', ONE, ONE.replace('[1,2],', '[1,3],').replace('[1,2]}', '[1,2,3]}')],
  ['numbers of dimensions', ONE, ONE.replace('[1,2],', '[1,2,1],')],
  ['layouts of the data', ONE, ONE.replace('[1,2]}', '[[1,2]]}')],
  ['parameters', WITH('"parameters":{"a":1}'), WITH('"parameters":{"a":2}')],
  ['requested outputs', WITH('"outputs":[{"name":"a"}]'), ONE],
  ['an id and none', WITH('"id":"1"'), ONE],
  ['tensor parameters', ONE, ONE.replace('"name"', '"parameters":{},"name"')],
];

for (const [name, left, right] of APART) {
  test(`requests with different ${name} are not joined`, () => {
    assert.ok(isCompatible(read(left), read(left)));
    assert.ok(!isCompatible(read(left), read(right)));
    assert.ok(!isCompatible(read(right), read(left)));
  });
}

test('requests that differ in id, rows and numbers only are joined', () => {
  const other = WITH('"id":"b"').replace('[1,2],', '[2,2],').replace('[1,2]}', '[1,2,3,4]}');
  assert.ok(isCompatible(read(WITH('"id":"a"')), read(other)));
});

const ANSWER =
  '{"model_name":"m","id":"a","outputs":[{"name":"y","datatype":"FP32","shape":[3, 2],"data":[1, 2, 3, 4, 5, 6]}]}';

test('each member gets its rows, its id and everything else as it stood', () => {
  const response = readInferResponse(bytesOf(ANSWER), [1, 2]);
  assert.ok(response);
  assert.equal(
    textOf(response.slice(0, bytesOf('"me"'))),
    '{"model_name":"m","id":"me","outputs":[{"name":"y","datatype":"FP32","shape":[1, 2],"data":[1, 2]}]}',
  );
  assert.equal(
    textOf(response.slice(1, new Uint8Array(0))),
    '{"model_name":"m","id":"a","outputs":[{"name":"y","datatype":"FP32","shape":[2, 2],"data":[3, 4, 5, 6]}]}',
  );
});

const UNREADABLE: readonly (readonly [string, string])[] = [
  ['fewer rows', ANSWER.replace('[3, 2]', '[2, 2]').replace(', 5, 6', '')],
  ['more rows', ANSWER.replace('[3, 2]', '[4, 2]').replace('6]', '6,7,8]')],
  ['a shape that its data does not have', ANSWER.replace(', 6', '')],
  ['no shape', ANSWER.replace('"shape":[3, 2],', '')],
  ['no data', ANSWER.replace(',"data":[1, 2, 3, 4, 5, 6]', '')],
  [
    'an output that is not batched',
    ANSWER.replace('[3, 2]', '[1]').replace('1, 2, 3, 4, 5, 6', '1'),
  ],
  ['an error', '{"error":"no"}'],
  ['no outputs', '{"outputs":[]}'],
  ['a truncated text', ANSWER.slice(0, -5)],
  ['outputs twice', ANSWER.replace(']}]}', ']}],"outputs":[]}')],
  ['rows of different lengths', ANSWER.replace('1, 2, 3, 4, 5, 6', '[1],[2,3],[4,5,6]')],
];

for (const [name, text] of UNREADABLE) {
  test(`an answer with ${name} is not cut`, () => {
    assert.equal(readInferResponse(bytesOf(text), [1, 2]), null);
  });
}

/** Members of one batch: alike in all but id, rows and numbers. */
function randomMembers(random: Random): { members: Message[]; nested: boolean } {
  const shapes = Array.from({ length: 1 + random(3) }, () => {
    return Array.from({ length: random(3) }, () => 1 + random(4));
  });
  const datatypes = shapes.map(() => pick(random, ['FP32', 'INT64', 'BYTES', 'BOOL']));
  const withId = random(2) === 0;
  const outputs = pick(random, [undefined, '[{"name":"y"}]']);
  const members = Array.from({ length: 1 + random(8) }, (_, index) => {
    const rows = 1 + random(4);
    const tensors = shapes.map((rest, i): Tensor => {
      const datatype = datatypes[i] ?? '';
      const leaves = randomLeaves(random, datatype, rows * volume(rest));
      return { name: `t${i}`, datatype, shape: [rows, ...rest], leaves };
    });
    return {
      tensors,
      ...(withId && { id: JSON.stringify(`id "${index}"`) }),
      ...(outputs && { outputs }),
    };
  });
  return { members, nested: random(2) === 0 };
}

function rowsOf(message: Message): number {
  return message.tensors[0]?.shape[0] ?? 0;
}

function meaning(message: Message, kind: 'inputs' | 'outputs', nested: boolean): unknown {
  const random = () => 0;
  const text =
    kind === 'inputs'
      ? requestText(message, { nested, random })
      : responseText(message, { nested, random });
  const parsed: Json = JSON.parse(text);
  return { id: parsed.id, tensors: (parsed[kind] ?? []).map(sortTensor) };
}

function sortTensor(tensor: JsonTensor): unknown[] {
  return [tensor.name, tensor.shape, tensor.datatype, tensor.data];
}

function together(members: readonly Message[]): Message {
  const first = members[0];
  assert.ok(first);
  const total = members.reduce((sum, member) => sum + rowsOf(member), 0);
  const tensors = first.tensors.map((tensor, i) => ({
    ...tensor,
    shape: [total, ...tensor.shape.slice(1)],
    leaves: members.flatMap((member) => member.tensors[i]?.leaves ?? []),
  }));
  return { ...first, tensors };
}

test(`any members joined mean what a JSON library makes of them (FUZZ_SEED=${SEED})`, () => {
  const random = randomSource(SEED);
  for (let round = 0; round < 1500; round++) {
    const { members, nested } = randomMembers(random);
    const requests = members.map((member) => read(requestText(member, { nested, random })));
    for (const request of requests) {
      assert.ok(isCompatible(requests[0] as InferRequest, request), `round ${round}`);
    }
    const joined: Json = JSON.parse(textOf(joinRequests(requests)));
    const sorted = (joined.inputs ?? []).map(sortTensor);
    assert.deepEqual(
      { id: joined.id, tensors: sorted },
      meaning(together(members), 'inputs', nested),
      `round ${round}`,
    );
  }
});

test(`any answer is cut into what each member would have got alone (FUZZ_SEED=${SEED})`, () => {
  const random = randomSource(SEED + 1);
  for (let round = 0; round < 1500; round++) {
    const { members, nested } = randomMembers(random);
    const text = responseText(together(members), { nested, random });
    const response = readInferResponse(bytesOf(text), members.map(rowsOf));
    assert.ok(response, `round ${round}: ${text}`);
    members.forEach((member, index) => {
      const slice: Json = JSON.parse(textOf(response.slice(index, bytesOf(member.id ?? ''))));
      const sorted = (slice.outputs ?? []).map(sortTensor);
      assert.deepEqual(
        { id: slice.id, tensors: sorted },
        meaning(member, 'outputs', nested),
        `round ${round}: ${text}`,
      );
    });
  }
});

test(`broken bytes never trap and never mix members (FUZZ_SEED=${SEED})`, () => {
  const random = randomSource(SEED + 2);
  const alphabet = bytesOf('[]{},:"\\ 0123456789-+.eEtfnaxus\u0001');
  for (let round = 0; round < 6000; round++) {
    const { members, nested } = randomMembers(random);
    const bytes = bytesOf(requestText(members[0] as Message, { nested, random }));
    for (let i = 0; i <= random(3); i++) bytes[random(bytes.length)] = pick(random, [...alphabet]);
    const cut = random(5) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes;
    readInferResponse(cut, [1, 2]);
    const request = readInferRequest(cut);
    if (request === null) continue;
    let alone: Json;
    try {
      alone = JSON.parse(textOf(cut));
    } catch {
      // A number's grammar and a string's escapes are the server's business: it refuses the batch.
      continue;
    }
    const joined: Json = JSON.parse(textOf(joinRequests([request, request])));
    alone.inputs?.forEach((tensor, i) => {
      assert.equal(joined.inputs?.[i]?.shape[0], (tensor.shape[0] ?? 0) * 2);
      assert.deepEqual(joined.inputs?.[i]?.data, [...tensor.data, ...tensor.data]);
      assert.equal(tensor.data.flat(9).length, volume(tensor.shape));
    });
  }
});
