/** The reader of gRPC bodies against a protobuf library, on what is said and on what is written into it. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
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
} from '../../harness/random-grpc.ts';
import type { Random } from '../../harness/random-json.ts';
import { mutated, pick } from '../mutated.ts';
import { type ReadBody, readSplits } from '../read-splits.ts';
import type { FuzzCase, FuzzTarget } from '../target.ts';
import { expectedGrpc, type GrpcFields } from './oracle.ts';

interface GrpcSetting extends GrpcFields {
  readonly streaming: boolean;
  /** For the splits. */
  readonly seed: number;
}

/** ModelInferRequest and most others; RepositoryModelLoadRequest; and none that is known. */
const FIELDS: readonly GrpcFields[] = [
  { modelField: 1, versionField: 2 },
  { modelField: 1, versionField: 2 },
  { modelField: 2, versionField: 0 },
  { modelField: 7, versionField: 3 },
];

/** Tags, lengths, flags, and a name with its tag. */
const GRPC_PIECES = [
  '\0',
  '\x01',
  '\x02',
  '\x08',
  '\x0a',
  '\x12',
  '\x1a',
  '\x0b',
  '\x0c',
  '\x7f',
].concat(
  [
    '\x80',
    '\xff',
    '\x0a\x01a',
    '\x0a\x00',
    '\x12\x011',
    '\x0a\x81\x00b',
    '\x08\x01',
    '\x0d\0\0\0\0',
  ],
  [
    '\0\0\0\0\x03\x0a\x01a',
    '\x8a\x80\x80\x80\x00\x01a',
    '\xff\xff\xff\xff\x0f',
    '\x80\x80\x80\x80\x10',
  ],
);

/** Shorter and longer than the names of messages, whose lengths then take another number of bytes. */
const SERVED = ['s', 'another-name'.repeat(20)].map((name) => new ServedName(name, '7'));

export const grpcTarget: FuzzTarget<GrpcSetting> = {
  name: 'grpc',
  claim: 'a model that the reader finds is the one a protobuf library finds',
  generate,
  check,
};

function generate(random: Random): FuzzCase<GrpcSetting> {
  const fields = pick(FIELDS, random);
  const streaming = random(3) === 0;
  const message = (): Uint8Array => randomMessage(random, fields.modelField, fields.versionField);
  const first = message();
  const messages = [first];
  while (streaming && random(2) === 0) messages.push(random(4) === 0 ? message() : first);
  let body: Buffer = Buffer.concat(messages.map((one) => grpcFrame(one)));
  const kind = random(4);
  if (kind === 0) body = mutated(body, GRPC_PIECES, random);
  // Broken inside, with a length that is right: most of what is broken ends at its header.
  if (kind === 1) body = Buffer.from(grpcFrame(mutated(Buffer.from(first), GRPC_PIECES, random)));
  return { body, setting: { ...fields, streaming, seed: random(2 ** 31) } };
}

function check({ body, setting }: FuzzCase<GrpcSetting>): number {
  const { modelField, versionField, streaming, seed } = setting;
  const newReader = (): GrpcReader => {
    const reader = new GrpcReader(modelField, versionField);
    reader.streaming = streaming;
    return reader;
  };
  const { whole, reader, reads } = readSplits(newReader, body, randomSource(seed), spans);
  const expected = expectedGrpc(body, setting, streaming);
  if (expected === null) {
    assert.ok(whole.status > READ_DONE, `the library refuses it; the status is ${whole.status}`);
    return reads;
  }
  if (expected.status !== null) assert.equal(whole.status, expected.status, 'status');
  else assert.ok(whole.status > READ_DONE, `not plain, and the status is ${whole.status}`);
  if (whole.status !== READ_DONE) return reads;
  const { name, nameTooLong, version } = expected;
  assert.deepEqual(
    { name: whole.name, nameTooLong: whole.nameTooLong, version: whole.version },
    { name, nameTooLong, version },
  );
  if (!streaming && !nameTooLong)
    for (const served of SERVED) assertEdit(body, reader, served, whole, setting);
  return reads;
}

function spans({ nameLengthOffset, nameLengthSize, messageLength }: GrpcReader): string {
  return ` ${nameLengthOffset} ${nameLengthSize} ${messageLength}`;
}

/** Name and version are written where the reader says: the library reads them, and all else as before. */
function assertEdit(
  body: Buffer,
  reader: GrpcReader,
  served: ServedName,
  { name, version }: ReadBody,
  { modelField, versionField }: GrpcFields,
): void {
  const edit = messageEdit(served, name, placeOf(reader, versionField));
  if (edit === null) return;
  const edited = edit.apply(body, body.length);
  assert.ok(edited, 'the edit ends behind the body');
  assert.equal(edit.contentLength(String(body.length)), String(edited.length), 'content-length');
  const [before, after] = [body, edited].map((one) => messagesOf(one).flatMap(fieldsOf));
  const addsVersion = version === '' && versionField > 0;
  const isWritten = ({ number }: GrpcField): boolean =>
    number === modelField || (addsVersion && number === versionField);
  const rest = (fields: readonly GrpcField[] = []): string =>
    JSON.stringify(fields.filter((field) => !isWritten(field)).map(shown));
  assert.equal(rest(after), rest(before), 'the other fields');
  const written = (after ?? [])
    .filter(isWritten)
    .map(({ number, bytes = [] }) => [number, Buffer.from(bytes).toString()]);
  const expected: [number, string][] = [[modelField, served.model]];
  if (addsVersion) expected.push([versionField, served.version]);
  // An empty version that was there stays before the one that is added, and the last one counts.
  const lastOf = new Map(written as [number, string][]);
  assert.deepEqual([...lastOf].sort(), expected.sort(), 'what was written');
}

function shown({ number, wireType, bytes }: GrpcField): unknown {
  return [number, wireType, Buffer.from(bytes ?? []).toString('latin1')];
}
