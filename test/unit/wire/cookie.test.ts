/** Cookies of a request, in the forms in which clients send them. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cookieValue } from '../../../filters/wire/cookie.ts';
import { randomSource } from '../../harness/random.ts';

const CASES: readonly (readonly [what: string, header: string, name: string, value: string])[] = [
  ['one cookie', 'cohort=beta', 'cohort', 'beta'],
  ['the last of several', 'a=1; b=2; cohort=beta', 'cohort', 'beta'],
  ['one in the middle', 'a=1; cohort=beta; b=2', 'cohort', 'beta'],
  ['the first of two with one name', 'cohort=beta; cohort=gamma', 'cohort', 'beta'],
  ['no blank after the semicolon', 'a=1;cohort=beta;b=2', 'cohort', 'beta'],
  ['blanks and tabs around', ' \t cohort\t= beta \t; b=2', 'cohort', 'beta'],
  ['quotes, which are part of the value', 'cohort="beta"', 'cohort', '"beta"'],
  ['a value with an equals sign', 'token=a=b==; x=1', 'token', 'a=b=='],
  ['an empty value', 'cohort=; b=2', 'cohort', ''],
  ['an empty value before a full one', 'cohort=; cohort=beta', 'cohort', ''],
  ['a name in other case', 'Cohort=beta', 'cohort', ''],
  ['a name that only begins so', 'cohort2=x', 'cohort', ''],
  ['a name that only ends so', 'my-cohort=x', 'cohort', ''],
  ['a name without a value', 'cohort; b=2', 'cohort', ''],
  ['a name without a value before one with', 'cohort; cohort=beta', 'cohort', 'beta'],
  ['nothing but marks', ';;=;; =', 'cohort', ''],
  ['a value without a name', '=beta', '', ''],
  ['no cookies', '', 'cohort', ''],
  ['no name', 'cohort=beta', '', ''],
  ['what another cookie has in its value', 'a="x;cohort=beta"', 'cohort', 'beta"'],
];

for (const [what, header, name, value] of CASES) {
  test(`${what}: ${JSON.stringify(header)}`, () => {
    assert.equal(cookieValue(header, name), value);
  });
}

test('random headers of marks, blanks and names are read as splitting at semicolons reads them', () => {
  const random = randomSource(11);
  const pieces = ['a', 'b', 'ab', '=', '=', ';', ';', ' ', '\t', '"', '%', 'ü'];
  for (let i = 0; i < 20_000; i++) {
    const header = Array.from({ length: random(12) }, () => pieces[random(pieces.length)]).join('');
    for (const name of ['a', 'ab']) assert.equal(cookieValue(header, name), bySplit(header, name));
  }
});

function bySplit(header: string, name: string): string {
  for (const pair of header.split(';')) {
    const [key = '', ...value] = pair.split('=');
    if (value.length > 0 && trim(key) === name) return trim(value.join('='));
  }
  return '';
}

function trim(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, '');
}
