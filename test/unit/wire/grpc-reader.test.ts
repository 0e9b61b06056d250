/** The reader of gRPC bodies against tables, and against a protobuf library on random messages. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import {
  READ_COMPRESSED,
  READ_CUT_OFF,
  READ_DONE,
  READ_EMPTY,
  READ_FOUND,
  READ_MALFORMED,
  READ_MORE,
  READ_NO_MODEL,
  READ_NOT_STRING,
  READ_SECOND,
} from '../../../filters/wire/body-reader.ts';
import { GRPC_HEADER_BYTES, GrpcReader } from '../../../filters/wire/grpc-reader.ts';
import { randomSource } from '../../harness/random.ts';
import {
  fieldsOf,
  type GrpcField,
  grpcFrame,
  messagesOf,
  mutatedBytes,
  randomMessage,
  textOf,
} from '../../harness/random-grpc.ts';
import { everySplit, type ReadOutcome, readBody } from '../../harness/read-body.ts';

interface Fields {
  readonly modelField: number;
  readonly versionField: number;
}

/** ModelInferRequest and most others; RepositoryModelLoadRequest; and none that is known. */
const INFER: Fields = { modelField: 1, versionField: 2 };
const LOAD: Fields = { modelField: 2, versionField: 0 };
const REVERSED: Fields = { modelField: 7, versionField: 3 };

function read(body: Uint8Array, fields: Fields, streaming = false, cuts?: readonly number[]) {
  const reader = new GrpcReader(fields.modelField, fields.versionField);
  reader.streaming = streaming;
  return readBody(reader, body, cuts);
}

function message(...fields: readonly (readonly [number, string | number])[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const [number, value] of fields) {
    if (typeof value === 'string') writer.tag(number, WireType.LengthDelimited).string(value);
    else writer.tag(number, WireType.Varint).uint32(value);
  }
  return writer.finish();
}

function hex(text: string): Uint8Array {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

const OTHERS = hex('28 05  31 0102030405060708  3a 03 0a0162  4d 01020304');
const LONG_INPUT = 'the bytes \u0000 of \n a tensor'.repeat(9);

const FOUND: readonly {
  name: string;
  message: Uint8Array;
  fields?: Fields;
  model: string;
  version?: string;
  /** Bytes of the message that are read before it is known. */
  foundAt: number;
}[] = [
  { name: 'it is all there is', message: message([1, 'a']), model: 'a', foundAt: 3 },
  {
    name: 'a version follows',
    message: message([1, 'a'], [2, '10'], [5, LONG_INPUT]),
    model: 'a',
    version: '10',
    foundAt: 7,
  },
  {
    name: 'an empty version follows',
    message: message([1, 'a'], [2, ''], [5, LONG_INPUT]),
    model: 'a',
    foundAt: 5,
  },
  {
    name: 'no version follows',
    message: message([1, 'digits'], [3, 'id'], [5, LONG_INPUT]),
    model: 'digits',
    foundAt: 9,
  },
  {
    name: 'the version comes first',
    message: message([2, '1'], [1, 'a'], [5, LONG_INPUT]),
    model: 'a',
    version: '1',
    foundAt: 6,
  },
  {
    name: 'the inputs come first',
    message: message([5, LONG_INPUT], [7, 300], [1, 'a'], [2, '1']),
    model: 'a',
    version: '1',
    foundAt: message([5, LONG_INPUT], [7, 300]).length + 6,
  },
  {
    name: 'fields of all other kinds stand around it',
    message: Buffer.concat([OTHERS, message([1, 'a']), OTHERS]),
    model: 'a',
    foundAt: OTHERS.length + 4,
  },
  {
    name: 'it is in other letters',
    message: message([1, 'grüße-😀-日本'], [3, '']),
    model: 'grüße-😀-日本',
    foundAt: 22,
  },
  {
    name: 'it begins with a byte order mark',
    message: message([1, '\ufeffa']),
    model: '\ufeffa',
    foundAt: 6,
  },
  {
    name: 'its tag and its length are longer than they need to be',
    message: hex('8a80808000 8180808080808080 8000 61 8a01 00'),
    model: 'a',
    foundAt: 18,
  },
  {
    name: 'its message has no version',
    message: message([1, 'repository'], [2, 'a'], [3, 'x']),
    fields: LOAD,
    model: 'a',
    foundAt: 15,
  },
  {
    name: 'its field comes after that of the version',
    message: message([3, '1'], [7, 'a'], [8, 1]),
    fields: REVERSED,
    model: 'a',
    version: '1',
    foundAt: 6,
  },
  {
    name: 'a greater field than that of the version comes before it',
    message: message([5, 'x'], [7, 'a'], [3, '1'], [8, 1]),
    fields: REVERSED,
    model: 'a',
    version: '1',
    foundAt: 9,
  },
];

for (const { name, message, fields, model, version, foundAt } of FOUND) {
  test(`the model is found where ${name}, in every split`, () => {
    const body = grpcFrame(message);
    for (const cuts of everySplit(body.length)) {
      assert.deepEqual(
        read(body, fields ?? INFER, false, cuts),
        {
          status: READ_DONE,
          name: model,
          version: version ?? '',
          nameTooLong: false,
          token: Buffer.from(model).toString('latin1'),
          foundAt: GRPC_HEADER_BYTES + foundAt,
        },
        `cut at ${cuts}`,
      );
    }
  });
}

const A = grpcFrame(message([1, 'a'], [3, 'id']));
const A_1 = grpcFrame(message([1, 'a'], [2, '1']));
const NAMELESS = grpcFrame(message([3, 'id']));
const INPUT = message([5, LONG_INPUT]);

const REFUSED: readonly { name: string; body: Uint8Array; fields?: Fields; status: number }[] = [
  { name: 'an empty body', body: hex(''), status: READ_EMPTY },
  { name: 'half a header', body: hex('00 0000'), status: READ_CUT_OFF },
  { name: 'a header without its message', body: hex('00 00000003'), status: READ_CUT_OFF },
  { name: 'a message that is cut off', body: A.subarray(0, -1), status: READ_CUT_OFF },
  { name: 'a name that is cut off', body: hex('00 00000005 0a 03 61'), status: READ_CUT_OFF },
  { name: 'a compressed message', body: hex('01 00000003 0a0161'), status: READ_COMPRESSED },
  { name: 'a flag of another kind', body: hex('80 00000003 0a0161'), status: READ_MALFORMED },
  { name: 'a body that is JSON', body: Buffer.from('{"model":"a"}'), status: READ_MALFORMED },
  { name: 'a message of 2 GiB', body: hex('00 80000000 0a0161'), status: READ_MALFORMED },
  { name: 'an empty message', body: grpcFrame(hex('')), status: READ_NO_MODEL },
  { name: 'a message without a name', body: NAMELESS, status: READ_NO_MODEL },
  { name: 'an empty name', body: grpcFrame(message([1, ''], [3, 'x'])), status: READ_NO_MODEL },
  { name: 'an empty name at the end', body: grpcFrame(message([1, ''])), status: READ_NO_MODEL },
  { name: 'a name that is a number', body: grpcFrame(message([1, 5])), status: READ_NOT_STRING },
  {
    name: 'a name that is a fixed number',
    body: grpcFrame(hex('0d 01020304')),
    status: READ_NOT_STRING,
  },
  {
    name: 'a version that is a number',
    body: grpcFrame(message([1, 'a'], [2, 1])),
    status: READ_MALFORMED,
  },
  { name: 'a name that is not UTF-8', body: grpcFrame(hex('0a01ff')), status: READ_MALFORMED },
  {
    name: 'a name with an overlong slash',
    body: grpcFrame(hex('0a02c0af')),
    status: READ_MALFORMED,
  },
  {
    name: 'a name with half a surrogate pair',
    body: grpcFrame(hex('0a03eda080')),
    status: READ_MALFORMED,
  },
  {
    name: 'a version that is not UTF-8',
    body: grpcFrame(hex('0a0161 1201ff')),
    status: READ_MALFORMED,
  },
  {
    name: 'a version of unlikely length',
    body: grpcFrame(message([1, 'a'], [2, '1'.repeat(254)])),
    status: READ_MALFORMED,
  },
  { name: 'field number 0', body: grpcFrame(hex('0a0161 0201ff')), status: READ_MALFORMED },
  { name: 'a group', body: grpcFrame(hex('0a0161 1b 1c')), status: READ_MALFORMED },
  { name: "a group's end", body: grpcFrame(hex('1c 0a0161')), status: READ_MALFORMED },
  { name: 'wire type 6', body: grpcFrame(hex('1e 0a0161')), status: READ_MALFORMED },
  { name: 'wire type 7', body: grpcFrame(hex('0a0161 1f00')), status: READ_MALFORMED },
  { name: 'a tag alone', body: grpcFrame(hex('0a0161 1a')), status: READ_MALFORMED },
  { name: 'half a tag', body: grpcFrame(hex('0a0161 9a')), status: READ_MALFORMED },
  { name: 'half a length', body: grpcFrame(hex('0a0161 1a80')), status: READ_MALFORMED },
  { name: 'half a number', body: grpcFrame(hex('0a0161 1880')), status: READ_MALFORMED },
  { name: 'half a fixed number', body: grpcFrame(hex('0a0161 1d010203')), status: READ_MALFORMED },
  {
    name: 'half a long fixed number',
    body: grpcFrame(hex('0a0161 1901020304')),
    status: READ_MALFORMED,
  },
  { name: 'a name beyond its message', body: grpcFrame(hex('0a0261')), status: READ_MALFORMED },
  {
    name: 'a field beyond its message',
    body: Buffer.concat([grpcFrame(hex('0a0161 1a0462')), hex('626262')]),
    status: READ_MALFORMED,
  },
  {
    name: 'a number of eleven bytes',
    body: grpcFrame(hex('18 8080808080808080808000 0a0161')),
    status: READ_MALFORMED,
  },
  {
    name: 'a tag of six bytes',
    body: grpcFrame(hex('8a8080808000 0161')),
    status: READ_MALFORMED,
  },
  {
    name: 'a tag whose lower 32 bits are those of the name',
    body: grpcFrame(hex('8a80808010 0161')),
    status: READ_MALFORMED,
  },
  {
    name: 'a length whose lower 32 bits would fit',
    body: grpcFrame(hex('0a 8180808010 61')),
    status: READ_MALFORMED,
  },
  {
    name: 'a length whose upper bits are in its sixth byte',
    body: grpcFrame(hex('0a 818080808001 61')),
    status: READ_MALFORMED,
  },
  {
    name: 'a length of 2 GiB',
    body: grpcFrame(hex('0a 8080808008 61')),
    status: READ_MALFORMED,
  },
  {
    name: 'a second, equal name',
    body: grpcFrame(message([1, 'a'], [1, 'a'])),
    status: READ_SECOND,
  },
  {
    name: 'a second, other name',
    body: grpcFrame(message([1, 'a'], [2, '1'], [1, 'b'])),
    status: READ_SECOND,
  },
  {
    name: 'a second name far behind',
    body: grpcFrame(Buffer.concat([message([1, 'a']), INPUT, message([1, 'b'])])),
    status: READ_SECOND,
  },
  {
    name: 'a second name after an empty one',
    body: grpcFrame(message([1, ''], [1, 'b'])),
    status: READ_SECOND,
  },
  {
    name: 'a second name that is a number',
    body: grpcFrame(message([1, 'a'], [3, 'x'], [1, 7])),
    status: READ_SECOND,
  },
  {
    name: 'a second name where there is no version',
    body: grpcFrame(message([2, 'a'], [2, 'b'])),
    fields: LOAD,
    status: READ_SECOND,
  },
  {
    name: 'a second version',
    body: grpcFrame(message([1, 'a'], [2, '1'], [2, '2'])),
    status: READ_SECOND,
  },
  {
    name: 'a second version before the name',
    body: grpcFrame(message([2, '1'], [2, '2'], [1, 'a'])),
    status: READ_SECOND,
  },
  {
    name: 'a version that comes too late',
    body: grpcFrame(Buffer.concat([message([1, 'a']), INPUT, message([2, '1'])])),
    status: READ_SECOND,
  },
  {
    name: 'a second message where one is wanted',
    body: Buffer.concat([A, A]),
    status: READ_MALFORMED,
  },
  {
    name: 'a byte after the only message',
    body: Buffer.concat([A_1, hex('00')]),
    status: READ_MALFORMED,
  },
];

for (const { name, body, fields, status } of REFUSED) {
  test(`${name} is told apart, in every split`, () => {
    for (const cuts of everySplit(body.length)) {
      assert.equal(read(body, fields ?? INFER, false, cuts).status, status, `cut at ${cuts}`);
    }
  });
}

const STREAMS: readonly { name: string; bodies: readonly Uint8Array[]; status: number }[] = [
  { name: 'one message', bodies: [A], status: READ_DONE },
  { name: 'messages for the same model', bodies: [A, A, A], status: READ_DONE },
  {
    name: 'a later message in other order',
    bodies: [A_1, grpcFrame(Buffer.concat([INPUT, message([2, '1'], [1, 'a'])]))],
    status: READ_DONE,
  },
  {
    name: 'a message for another model',
    bodies: [A, grpcFrame(message([1, 'b']))],
    status: READ_SECOND,
  },
  { name: 'a message for another version', bodies: [A, A_1], status: READ_SECOND },
  { name: 'a message for any version', bodies: [A_1, A], status: READ_SECOND },
  { name: 'a later message without a name', bodies: [A, NAMELESS], status: READ_SECOND },
  { name: 'a later message of nothing', bodies: [A, grpcFrame(hex(''))], status: READ_SECOND },
  {
    name: 'a later message with an empty name',
    bodies: [A, grpcFrame(message([1, '']))],
    status: READ_SECOND,
  },
  {
    name: 'a later message that names it twice',
    bodies: [A, grpcFrame(message([1, 'a'], [3, 'x'], [1, 'a']))],
    status: READ_SECOND,
  },
  {
    name: 'a later message that is compressed',
    bodies: [A, hex('01 00000003 0a0161')],
    status: READ_COMPRESSED,
  },
  {
    name: 'a later message that is malformed',
    bodies: [A, grpcFrame(hex('1f'))],
    status: READ_MALFORMED,
  },
  { name: 'a later message that is cut off', bodies: [A, A.subarray(0, -1)], status: READ_CUT_OFF },
  { name: 'a later header that is cut off', bodies: [A, hex('00')], status: READ_CUT_OFF },
  { name: 'a first message without a name', bodies: [NAMELESS, A], status: READ_NO_MODEL },
];

for (const { name, bodies, status } of STREAMS) {
  test(`in a stream, ${name} gives its status, in every split`, () => {
    const body = Buffer.concat(bodies);
    for (const cuts of everySplit(body.length)) {
      const outcome = read(body, INFER, true, cuts);
      assert.equal(outcome.status, status, `cut at ${cuts}`);
      if (status !== READ_NO_MODEL) assert.deepEqual([outcome.name, outcome.token], ['a', 'a']);
    }
  });
}

test('a name longer than any can be is not kept, however it comes', () => {
  for (const name of ['n'.repeat(513), 'n'.repeat(5000), 'ü'.repeat(600)]) {
    const body = grpcFrame(message([1, name], [3, 'x']));
    for (const cuts of [[], [8], [400, 600], Array.from(body.keys())]) {
      const outcome = read(body, INFER, false, cuts);
      assert.equal(outcome.status, READ_DONE);
      assert.deepEqual([outcome.nameTooLong, outcome.name], [true, '']);
      assert.equal(outcome.token.length, Buffer.from(name).length);
    }
  }
});

test('a name of the longest allowed length is kept, however it comes', () => {
  for (const name of ['n'.repeat(512), '日'.repeat(512), '😀'.repeat(256)]) {
    const body = grpcFrame(message([1, name], [3, 'x']));
    for (const cuts of [[], [8], [400, 600], Array.from(body.keys())]) {
      const outcome = read(body, INFER, false, cuts);
      assert.deepEqual([outcome.name, outcome.nameTooLong], [name, false]);
    }
  }
});

test('reading stops once the model is known, and the end is told by the next call', () => {
  const body = Buffer.concat([A, hex('00')]);
  const reader = new GrpcReader(1, 2);
  assert.equal(reader.feed(body, 0, 8), READ_MORE);
  assert.equal(reader.feed(body, 8, body.length), READ_FOUND);
  assert.deepEqual([reader.stoppedAt, reader.position], [9, 9]);
  assert.equal(reader.feed(body, 9, A.length), READ_DONE);
  assert.equal(reader.feed(body, A.length, body.length), READ_MALFORMED);
  assert.equal(reader.position, body.length);

  const whole = new GrpcReader(1, 2);
  assert.equal(whole.feed(A_1, 0, A_1.length), READ_FOUND);
  assert.equal(whole.stoppedAt, A_1.length);
  assert.equal(whole.finish(), READ_DONE);
});

const SEED = Number(process.env['SEED'] ?? 1);

test(`random messages give what a protobuf library gives, in every split (SEED=${SEED})`, () => {
  const next = randomSource(SEED);
  let done = 0;
  for (let round = 0; round < 400; round++) {
    const fields = [INFER, INFER, LOAD, REVERSED][next(4)] ?? INFER;
    const message = randomMessage(next, fields.modelField, fields.versionField);
    const body = grpcFrame(message);
    const whole = read(body, fields);
    const report = `round ${round}: ${Buffer.from(body).toString('hex')}`;
    const expected = meaning(fieldsOf(message), fields);
    assert.equal(whole.status, expected, report);
    if (whole.status === READ_DONE) {
      assertLastWins(whole, message, fields, report);
      assertEdits(body, fields, report);
      done++;
    }
    for (const cuts of everySplit(body.length)) {
      assert.deepEqual(read(body, fields, false, cuts), whole, `${report}, cut at ${cuts}`);
    }
  }
  assert.ok(done > 100, `only ${done} messages named one model`);
});

test(`random streams give one model for all messages, in every split (SEED=${SEED})`, () => {
  const next = randomSource(SEED + 1);
  let done = 0;
  for (let round = 0; round < 400; round++) {
    const pool = [randomMessage(next, 1, 2), randomMessage(next, 1, 2)];
    const messages = Array.from(
      { length: 1 + next(3) },
      () => pool[next(4) === 0 ? 1 : 0] ?? NAMELESS,
    );
    const body = Buffer.concat(messages.map((one) => grpcFrame(one)));
    const whole = read(body, INFER, true);
    const report = `round ${round}: ${body.toString('hex')}`;
    const meanings = messagesOf(body).map((one) => meaning(fieldsOf(one), INFER));
    if (whole.status === READ_DONE) {
      assert.ok(
        meanings.every((status) => status === READ_DONE),
        report,
      );
      for (const one of messagesOf(body)) assertLastWins(whole, one, INFER, report);
      done++;
    } else if (meanings[0] !== READ_DONE) {
      assert.equal(whole.status, meanings[0], report);
    }
    for (const cuts of everySplit(body.length)) {
      assert.deepEqual(read(body, INFER, true, cuts), whole, `${report}, cut at ${cuts}`);
    }
  }
  assert.ok(done > 100, `only ${done} streams named one model`);
});

test(`what a protobuf library refuses is never taken for complete (SEED=${SEED})`, () => {
  const next = randomSource(SEED + 2);
  let refused = 0;
  let done = 0;
  for (let round = 0; round < 20000; round++) {
    const streaming = next(2) === 0;
    const frames = Array.from({ length: streaming ? 1 + next(2) : 1 }, () =>
      next(2) === 0 ? A_1 : grpcFrame(randomMessage(next, 1, 2)),
    );
    const body = mutatedBytes(Buffer.concat(frames), next);
    const outcome = read(body, INFER, streaming);
    if (outcome.status !== READ_DONE) {
      refused++;
      continue;
    }
    done++;
    const report = `round ${round}: ${Buffer.from(body).toString('hex')}`;
    const messages = messagesOf(body);
    assert.ok(streaming || messages.length === 1, report);
    for (const one of messages) assertLastWins(outcome, one, INFER, report);
  }
  assert.ok(refused > 1000 && done > 1000, `${refused} bodies were bad and ${done} good`);
});

/** The status that a message of these fields has to give. */
function meaning(fields: readonly GrpcField[], { modelField, versionField }: Fields): number {
  const isWanted = (number: number): boolean => number === modelField || number === versionField;
  let settled = false;
  for (const [index, { number, bytes }] of fields.entries()) {
    const before = fields.slice(0, index).map((field) => field.number);
    const isRepeated = isWanted(number) && before.includes(number);
    if (isRepeated || (number === versionField && settled)) return READ_SECOND;
    if (isWanted(number) && bytes === undefined) {
      return number === modelField ? READ_NOT_STRING : READ_MALFORMED;
    }
    const seen = [...before, number];
    const isLater = number > modelField && number > versionField;
    const hasVersion = versionField === 0 || seen.includes(versionField);
    if (seen.includes(modelField) && (isLater || hasVersion)) settled = true;
    if (settled && textOf(fields.slice(0, index + 1), modelField) === '') return READ_NO_MODEL;
  }
  return textOf(fields, modelField) === '' ? READ_NO_MODEL : READ_DONE;
}

function assertLastWins(
  outcome: ReadOutcome,
  message: Uint8Array,
  { modelField, versionField }: Fields,
  report: string,
): void {
  const fields = fieldsOf(message);
  assert.equal(outcome.name, textOf(fields, modelField), report);
  assert.equal(outcome.token, Buffer.from(outcome.name).toString('latin1'), report);
  const version = versionField === 0 ? '' : textOf(fields, versionField);
  assert.equal(outcome.version, version, report);
}

/** Another name is put where the reader says; the library then reads that, and all else as before. */
function assertEdits(body: Uint8Array, fields: Fields, report: string): void {
  const reader = new GrpcReader(fields.modelField, fields.versionField);
  readBody(reader, body);
  const { nameLengthOffset, nameLengthSize, offset, length } = reader;
  assert.equal(nameLengthOffset + nameLengthSize, offset, report);
  assert.equal(reader.messageLength, body.length - GRPC_HEADER_BYTES, report);
  const name = 'another-name'.repeat(20);
  const edited = Buffer.concat([
    body.subarray(GRPC_HEADER_BYTES, nameLengthOffset),
    new BinaryWriter().string(name).finish(),
    body.subarray(offset + length),
  ]);
  const expected = fieldsOf(body.subarray(GRPC_HEADER_BYTES)).map((field) =>
    field.number === fields.modelField ? { ...field, bytes: Buffer.from(name) } : field,
  );
  const plain = (list: readonly GrpcField[]): unknown =>
    list.map((field) => [
      field.number,
      field.wireType,
      Buffer.from(field.bytes ?? []).toString('hex'),
    ]);
  assert.deepEqual(plain(fieldsOf(edited)), plain(expected), report);
}
