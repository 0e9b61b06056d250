import assert from 'node:assert/strict';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { TokenText } from '../../../../inference/text/generation/token-text.ts';
import { TextTokenizer } from '../../../../inference/text/text-tokenizer.ts';
import { EXAMPLES } from '../../../e2e/inference/pod-process.ts';

const END = 258;

describe('text of tokens that are bytes', () => {
  let tokenizer: TextTokenizer;
  before(async () => {
    tokenizer = await TextTokenizer.load(path.join(EXAMPLES, 'tiny-chat', '1'));
  });

  /** What is told token by token, and at the end. */
  const told = (tokens: Iterable<number>): string[] => {
    const text = new TokenText((ids) => tokenizer.decode(ids));
    return [...Array.from(tokens, (token) => text.push(token)), text.end()];
  };

  test('a character comes whole, with its last byte', () => {
    assert.deepEqual(told(Buffer.from('aß')), ['a', '', 'ß', '']);
    assert.deepEqual(told(Buffer.from('👋!')), ['', '', '', '👋', '!', '']);
  });

  test('nothing told has half a character, and all of it together is the text', () => {
    const text = 'Grüße: naïve, 日本語, 👩‍👩‍👧 and €.';
    const pieces = told(Buffer.from(text));
    assert.equal(pieces.join(''), text);
    assert.ok(pieces.every((piece) => !piece.includes('\uFFFD') && piece.isWellFormed()));
  });

  test('half a character at the end becomes a replacement character', () => {
    assert.deepEqual(told(Buffer.from('a👋').subarray(0, 3)), ['a', '', '', '\uFFFD']);
  });

  test('bytes that never become a character are told after a while, and nothing is lost', () => {
    const tokens = [...new Array<number>(20).fill(0x80), ...Buffer.from('ok')];
    const pieces = told(tokens);
    assert.equal(pieces.join(''), `${'\uFFFD'.repeat(20)}ok`);
    assert.notEqual(pieces.slice(0, 10).join(''), '');
  });

  test('special tokens have no text', () => {
    assert.deepEqual(told([END, 97, END, 98]), ['', 'a', '', 'b', '']);
  });
});

test('a space that depends on the token before is told', () => {
  const words = ['Once', 'upon', 'a', 'time'];
  const text = new TokenText((ids) => ids.map((id) => words[id]).join(' '));
  assert.deepEqual(
    [0, 1, 2, 3].map((id) => text.push(id)),
    ['Once', ' upon', ' a', ' time'],
  );
});
