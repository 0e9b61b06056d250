/** Edits of bodies, and what the content-length must then be. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BodyEdit } from '../../../filters/rewriter/body-edit.ts';
import { randomSource } from '../../harness/random.ts';

const MODEL = () => new BodyEdit().replace(9, 3, Buffer.from('"served"'));

test('an edit of a first part leaves the rest to come as it is', () => {
  const body = Buffer.from('{"model":"m","x":"0123456789"}');
  const edit = MODEL();
  for (let size = edit.end(); size <= body.length; size++) {
    const edited = edit.apply(body, size);
    assert.ok(edited);
    const out = Buffer.concat([edited, body.subarray(size)]);
    assert.equal(out.toString(), '{"model":"served","x":"0123456789"}');
  }
});

test('an edit is made only where all of what it replaces has come', () => {
  const body = Buffer.from('{"model":"m"}');
  const edit = MODEL();
  assert.equal(edit.end(), 12);
  assert.equal(edit.apply(body, 11), null);
  assert.equal(edit.apply(body, body.length + 1), null);
  assert.equal(edit.apply(body, -1), null);
});

test('a content-length that ends inside the edit, or is none, has no edit', () => {
  const edit = MODEL();
  assert.equal(edit.contentLength('12'), '17');
  assert.equal(edit.contentLength('6000000000'), '6000000005');
  for (const before of ['11', '0', '', '-5', '1e9', 'x', '12, 12', ' 12', '99999999999999999999']) {
    assert.equal(edit.contentLength(before), '', before);
  }
});

test('an edit without replacements changes neither body nor length', () => {
  const edit = new BodyEdit();
  const body = Buffer.from('body');
  assert.deepEqual(Buffer.from(edit.apply(body, 4) ?? []), body);
  assert.equal(edit.contentLength('0'), '0');
  assert.equal(edit.growth(), 0);
});

/** A body, replacements in it, and what slicing makes of them. */
interface RandomEdit {
  readonly body: Buffer;
  readonly edit: BodyEdit;
  readonly expected: Buffer;
}

/** At most one replacement changes the length, unless `anyLength`. */
function randomEdit(next: (bound: number) => number, anyLength: boolean): RandomEdit {
  const body = randomBytes(next, next(60));
  const edit = new BodyEdit();
  const expected: Buffer[] = [];
  const count = next(4);
  const changing = next(4);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const from = at + next(body.length - at + 1);
    const length = next(body.length - from + 1);
    const bytes = randomBytes(next, anyLength || i === changing ? next(20) : length);
    edit.replace(from, length, bytes);
    expected.push(body.subarray(at, from), bytes);
    at = from + length;
  }
  expected.push(body.subarray(at));
  return { body, edit, expected: Buffer.concat(expected) };
}

function randomBytes(next: (bound: number) => number, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => next(256)));
}

for (const anyLength of [false, true]) {
  const name = anyLength ? 'any of which may change the length' : 'one of which changes the length';
  test(`several replacements, ${name}, give what slicing gives, and the promised length`, () => {
    const next = randomSource(20261124);
    for (let round = 0; round < 2_000; round++) {
      const { body, edit, expected } = randomEdit(next, anyLength);
      const before = Buffer.from(body);
      const out = edit.apply(body, body.length);
      assert.deepEqual(out && Buffer.from(out), expected, `round ${round}`);
      assert.deepEqual(body, before, `round ${round}: the body itself has changed`);
      assert.equal(edit.contentLength(String(body.length)), String(expected.length));
    }
  });
}

test('an edit in place needs as much room as the body grows, before or behind it', () => {
  const next = randomSource(20261126);
  for (let round = 0; round < 2_000; round++) {
    const { body, edit, expected } = randomEdit(next, false);
    const room = Math.max(0, edit.growth());
    const bytes = Buffer.concat([Buffer.alloc(room), body, Buffer.alloc(room)]);
    const begin = edit.applyAt(bytes, room, body.length);
    assert.ok(begin >= 0, `round ${round}`);
    assert.deepEqual(bytes.subarray(begin, begin + expected.length), expected, `round ${round}`);
  }
});

test('without room an edit in place is not made, and nothing is written', () => {
  for (const [offset, body] of [
    [2, '0123456789'],
    [8, '0123456789'],
  ] as const) {
    const edit = new BodyEdit().replace(offset, 1, Buffer.from('xyz'));
    const bytes = Buffer.from(body);
    assert.equal(edit.applyAt(bytes, 0, bytes.length), -1);
    assert.equal(bytes.toString(), body);
    assert.equal(edit.applyAt(bytes, -1, 4), -1);
    assert.equal(edit.applyAt(bytes, 9, 4), -1);
  }
});
