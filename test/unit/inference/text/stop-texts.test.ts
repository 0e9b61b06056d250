import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StopTexts } from '../../../../inference/text/generation/stop-texts.ts';

/** What is told of the pieces, and whether it ended at a stop text. */
function told(stops: readonly string[], pieces: readonly string[]): [string[], boolean] {
  const search = new StopTexts(stops);
  const texts: string[] = [];
  for (const piece of pieces) {
    const { text, stopped } = search.push(piece);
    texts.push(text);
    if (stopped) return [texts, true];
  }
  return [[...texts, search.end()], false];
}

test('without stop texts every piece is told at once', () => {
  assert.deepEqual(told([], ['a', 'b']), [['a', 'b', ''], false]);
  assert.deepEqual(told([''], ['a', 'b']), [['a', 'b', ''], false]);
});

test('the answer ends before a stop text', () => {
  assert.deepEqual(told(['END'], ['one END two']), [['one '], true]);
});

test('a stop text that is spread over pieces is found, and no part of it is told', () => {
  assert.deepEqual(told(['\n\n'], ['a\n', '\nb']), [['a', ''], true]);
  assert.deepEqual(told(['abc'], ['xa', 'b', 'c']), [['x', '', ''], true]);
});

test('what looked like the start of one is told when it is none', () => {
  assert.deepEqual(told(['abc'], ['xab', 'd']), [['x', 'abd', ''], false]);
  assert.deepEqual(told(['aab'], ['aa', 'a', 'b']), [['', 'a', ''], true]);
});

test('what was kept back is told at the end', () => {
  assert.deepEqual(told(['abc'], ['xab']), [['x', 'ab'], false]);
});

test('of several stop texts the one that comes first counts', () => {
  assert.deepEqual(told(['two', 'one'], ['one two']), [[''], true]);
});

test('however a text is cut, what is told is the same', () => {
  const text = 'the cat sat on the mat, that is that';
  for (let a = 0; a <= text.length; a++) {
    for (let b = a; b <= text.length; b++) {
      const pieces = [text.slice(0, a), text.slice(a, b), text.slice(b)];
      const [texts, stopped] = told(['that is', 'dog'], pieces);
      assert.equal(texts.join(''), 'the cat sat on the mat, ');
      assert.equal(stopped, true);
    }
  }
});
