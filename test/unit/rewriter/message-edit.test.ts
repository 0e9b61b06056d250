/** gRPC messages as a backend gets them, read back by a protobuf library. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { messageEdit } from '../../../filters/rewriter/edits.ts';
import { placeOf } from '../../../filters/rewriter/message-place.ts';
import { READ_DONE } from '../../../filters/wire/body-reader.ts';
import { GrpcReader } from '../../../filters/wire/grpc-reader.ts';
import { ServedName } from '../../../filters/wire/served-name.ts';
import { randomSource } from '../../harness/random.ts';
import {
  fieldsOf,
  type GrpcField,
  grpcFrame,
  messagesOf,
  randomMessage,
  textOf,
} from '../../harness/random-grpc.ts';

type Field = readonly [number: number, value: string];

function message(...fields: readonly Field[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const [number, value] of fields) {
    writer.tag(number, WireType.LengthDelimited).string(value);
  }
  return writer.finish();
}

/** The body after the edit that a backend of that name and version needs; null where it needs none. */
function edited(body: Uint8Array, served: ServedName, versionField = 2): Buffer | null {
  const reader = new GrpcReader(versionField === 0 ? 2 : 1, versionField);
  reader.feed(body, 0, body.length);
  reader.feed(body, reader.stoppedAt, body.length);
  assert.equal(reader.finish(), READ_DONE);
  const edit = messageEdit(served, reader.name, placeOf(reader, versionField));
  if (edit === null) return null;
  const out = edit.apply(body, body.length);
  assert.ok(out);
  assert.equal(edit.contentLength(String(body.length)), String(out.length));
  return Buffer.from(out);
}

/** All fields of the one message of a body, in their order. */
function read(body: Uint8Array): [number, string][] {
  const messages = messagesOf(body);
  assert.equal(messages.length, 1);
  return fieldsOf(messages[0] ?? new Uint8Array()).map(({ number, bytes }) => [
    number,
    Buffer.from(bytes ?? []).toString(),
  ]);
}

const LONG = 'x'.repeat(200);

const CASES: readonly {
  name: string;
  sent: readonly Field[];
  served?: string;
  version?: string;
  versionField?: number;
  expected: readonly Field[] | null;
}[] = [
  {
    name: 'the served name takes the place of the public one',
    sent: [
      [1, 'm'],
      [3, 'id'],
    ],
    served: 'größe 7',
    expected: [
      [1, 'größe 7'],
      [3, 'id'],
    ],
  },
  {
    name: 'a name whose length takes two bytes fits too, as does the frame around it',
    sent: [
      [1, 'm'],
      [5, LONG],
    ],
    served: LONG,
    expected: [
      [1, LONG],
      [5, LONG],
    ],
  },
  {
    name: 'a shorter name makes the message shorter',
    sent: [[1, LONG]],
    served: 's',
    expected: [[1, 's']],
  },
  {
    name: 'the served version is added behind the name',
    sent: [
      [1, 'm'],
      [5, 'x'],
    ],
    served: 's',
    version: '7',
    expected: [
      [1, 's'],
      [2, '7'],
      [5, 'x'],
    ],
  },
  {
    name: 'a version alone is added to the public name',
    sent: [
      [1, 'grüße'],
      [5, 'x'],
    ],
    version: '7',
    expected: [
      [1, 'grüße'],
      [2, '7'],
      [5, 'x'],
    ],
  },
  {
    name: 'a version that the client named stays, wherever it stands',
    sent: [
      [2, '3'],
      [1, 'm'],
    ],
    served: 's',
    version: '7',
    expected: [
      [2, '3'],
      [1, 's'],
    ],
  },
  {
    name: 'a name behind other fields is found',
    sent: [
      [5, 'x'],
      [1, 'm'],
      [2, '3'],
    ],
    served: 's',
    expected: [
      [5, 'x'],
      [1, 's'],
      [2, '3'],
    ],
  },
  {
    name: 'a message that has no version gets none',
    sent: [
      [1, 'repository'],
      [2, 'm'],
    ],
    served: 's',
    version: '7',
    versionField: 0,
    expected: [
      [1, 'repository'],
      [2, 's'],
    ],
  },
  { name: 'what is right already stays', sent: [[1, 'm']], served: 'm', expected: null },
  {
    name: 'a version is not added where the client named one, under its name',
    sent: [
      [1, 'm'],
      [2, '3'],
    ],
    version: '7',
    expected: null,
  },
];

for (const { name, sent, served, version, versionField, expected } of CASES) {
  test(`in a message ${name}`, () => {
    const backend = new ServedName(served ?? '', version ?? '');
    const out = edited(grpcFrame(message(...sent)), backend, versionField);
    assert.deepEqual(out && read(out), expected);
  });
}

test('the backend reads the added version also where the client wrote an empty one', () => {
  const backend = new ServedName('s', '7');
  for (const fields of [
    [[2, ''] as const, [1, 'm'] as const],
    [[1, 'm'] as const, [2, ''] as const],
  ]) {
    const out = edited(grpcFrame(message(...fields)), backend);
    const [first] = messagesOf(out ?? new Uint8Array());
    assert.equal(textOf(fieldsOf(first ?? new Uint8Array()), 2), '7', JSON.stringify(fields));
  }
});

test('of random messages a library reads the served name, and all else as it was', () => {
  const next = randomSource(20261125);
  let renamed = 0;
  for (let round = 0; round < 5_000; round++) {
    const sent = randomMessage(next, 1, 2);
    const body = grpcFrame(sent);
    const reader = new GrpcReader(1, 2);
    reader.feed(body, 0, body.length);
    if (reader.stoppedAt < body.length) reader.feed(body, reader.stoppedAt, body.length);
    if (reader.finish() !== READ_DONE) continue;
    const backend = new ServedName('größe', '7');
    const out = messageEdit(backend, reader.name, placeOf(reader, 2))?.apply(body, body.length);
    if (!out) continue;
    renamed++;
    const before = fieldsOf(sent);
    const after = fieldsOf(messagesOf(out)[0] ?? new Uint8Array());
    const rest = (fields: readonly GrpcField[]) =>
      fields
        .filter(({ number }) => number > 2)
        .map(({ bytes, ...field }) => ({ ...field, bytes: Buffer.from(bytes ?? []) }));
    assert.deepEqual(rest(after), rest(before), `round ${round}`);
    assert.equal(textOf(after, 1), 'größe', `round ${round}`);
    // An empty version of the client's is a case of its own, above.
    if (before.some(({ number }) => number === 2) && textOf(before, 2) === '') continue;
    assert.equal(textOf(after, 2), textOf(before, 2) || '7', `round ${round}`);
  }
  assert.ok(renamed > 1_000, `only ${renamed} were renamed`);
});
