/** gRPC answers on their way back: the name in a message, and the lengths before it. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { grpcEditor } from '../../../filters/rewriter/answer/answer-editor.ts';
import { type EditedAnswer, editPieces, editSplits } from '../../fuzz/answer/edit-pieces.ts';
import { grpcFrame } from '../../harness/random-grpc.ts';
import { everySplit } from '../../harness/read-body.ts';

const SERVICE = '/inference.GRPCInferenceService/';

type Field = readonly [number, string | Uint8Array | number];

function message(...fields: readonly Field[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const [number, value] of fields) {
    if (typeof value === 'number') writer.tag(number, WireType.Varint).uint32(value);
    else writer.tag(number, WireType.LengthDelimited).bytes(Buffer.from(value));
  }
  return writer.finish();
}

function edited(method: string, body: Uint8Array, publicModel = 'digits'): EditedAnswer {
  const newEditor = () => grpcEditor(publicModel, true, SERVICE + method);
  const splits = body.length < 2000 ? everySplit(body.length) : [[3], [5, 700], [1600, 1700]];
  return editSplits(newEditor, body, splits).whole;
}

function assertEdit(
  method: string,
  before: readonly Uint8Array[],
  after: readonly Uint8Array[],
  publicModel = 'digits',
): void {
  const body = Buffer.concat(before.map(grpcFrame));
  const expected = Buffer.concat(after.map(grpcFrame));
  assert.equal(edited(method, body, publicModel).text, expected.toString('latin1'));
}

const REST: readonly Field[] = [
  [2, '7'],
  [5, message([1, 'probabilities'], [3, 10])],
  [6, new Uint8Array([0x0a, 0x01, 0x61])],
];

test('the name of an answer is replaced, shorter and longer ones, and all else stays', () => {
  for (const name of ['a', '', 'digits-7', 'n'.repeat(130), 'grüße', 'n'.repeat(1536)]) {
    assertEdit('ModelInfer', [message([1, name], ...REST)], [message([1, 'digits'], ...REST)]);
  }
  const long = 'ü'.repeat(200);
  assertEdit('ModelInfer', [message([1, 'a'], ...REST)], [message([1, long], ...REST)], long);
});

test('the name of a model that was asked about is replaced', () => {
  assertEdit(
    'ModelMetadata',
    [message([1, 'a'], [3, 'onnx'])],
    [message([1, 'digits'], [3, 'onnx'])],
  );
  const config = (name: string): Uint8Array =>
    message([1, message([1, name], [2, 'onnx'])], [3, 4]);
  assertEdit('ModelConfig', [config('a')], [config('digits')]);
});

test('each answer of a stream has it replaced, one that is an error has none', () => {
  const answer = (name: string): Uint8Array => message([2, message([1, name], ...REST)]);
  const error = message([1, 'a']);
  const failed = (name: string): Uint8Array => message([1, 'x'], [2, message([1, name], [2, '7'])]);
  assertEdit(
    'ModelStreamInfer',
    [answer('a'), error, answer('b'.repeat(200)), failed('c'), message()],
    [answer('digits'), error, answer('digits'), failed('digits'), message()],
  );
});

test('a field with a lower number, or a few others before it, do not hide the name', () => {
  assertEdit(
    'ModelInfer',
    [message([9, 7], [2, '7'], [1, 'a'])],
    [message([9, 7], [2, '7'], [1, 'digits'])],
  );
});

/** What stays as it is. */
const UNTOUCHED: readonly (readonly [string, string, Uint8Array])[] = [
  ['an answer without a name', 'ModelInfer', message(...REST)],
  ['an empty one', 'ModelInfer', message()],
  ['the public name', 'ModelInfer', message([1, 'digits'], ...REST)],
  ['a name longer than any', 'ModelInfer', message([1, 'n'.repeat(1537)], ...REST)],
  ['a name behind much else', 'ModelInfer', message([6, 'n'.repeat(200)], [1, 'a'])],
  ['a name that is a number', 'ModelInfer', message([1, 1], [1, 'a'])],
  ['whether a model is ready', 'ModelReady', message([1, 1])],
  ['an answer to a method that is not known', 'ServerMetadata', message([1, 'triton'])],
  ['a name longer than its message', 'ModelInfer', Uint8Array.of(0x0a, 0x09, 0x61)],
  ['a length that is cut off', 'ModelInfer', Uint8Array.of(0x0a, 0x80)],
  ['a group', 'ModelInfer', Uint8Array.of(0x13, 0x14, 0x0a, 0x01, 0x61)],
  ['a tag beyond 31 bits', 'ModelInfer', Uint8Array.of(0x8a, 0x80, 0x80, 0x80, 0x10, 0x01, 0x61)],
];

for (const [name, method, one] of UNTOUCHED) {
  test(`${name} stays as it is`, () => assertEdit(method, [one], [one]));
}

test('a compressed message is passed, and the next one of the stream is edited', () => {
  const answer = (name: string): Uint8Array => grpcFrame(message([2, message([1, name])]));
  const compressed = Uint8Array.from(answer('a'));
  compressed[0] = 1;
  const { text } = edited('ModelStreamInfer', Buffer.concat([compressed, answer('b')]));
  const expected = Buffer.concat([compressed, answer('digits')]);
  assert.equal(text, expected.toString('latin1'));
});

test('what is no frame, and what follows it, stays as it is', () => {
  const answer = grpcFrame(message([2, message([1, 'a'])]));
  for (const bad of [
    [7, 0, 0, 0, 0],
    [0, 0x80, 0, 0, 0],
    [0, 0x7f, 0xff, 0xff, 0xff],
    [0, 0, 0],
  ]) {
    const body = Buffer.concat([Uint8Array.from(bad), answer]);
    const isShort = bad.length < 5;
    const { text, replaced } = edited('ModelStreamInfer', isShort ? body.subarray(0, 3) : body);
    assert.equal(text, (isShort ? body.subarray(0, 3) : body).toString('latin1'));
    assert.equal(replaced, 0);
  }
});

test('its growth is settled once the only name of an answer is known', () => {
  const body = grpcFrame(message([1, 'a'], ...REST));
  const one = grpcEditor('digits', true, 'ModelInfer');
  one.transform(body, 8, false);
  assert.deepEqual([one.settled, one.growth], [true, 5]);
  const stream = grpcEditor('digits', true, 'ModelStreamInfer');
  stream.transform(body, body.length, false);
  assert.equal(stream.settled, false);
  assert.ok(grpcEditor('digits', false, 'ModelInfer').settled);
  assert.equal(editPieces(grpcEditor('digits', false, 'ModelInfer'), body).replaced, 0);
});
