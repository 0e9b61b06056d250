/**
 * Random JSON bodies in bytes, a character a byte: equal keys, keys in other case, long and deep values, all
 * spellings of strings and numbers. Simple, as millions of them are wanted.
 */
import type { Random } from '../../harness/random-json.ts';
import { pick } from '../mutated.ts';

const binary = (text: string): string => Buffer.from(text).toString('latin1');

const TWINS = ['Model', 'MODEL', 'moDel'];
const OTHER_KEYS = [
  'messages',
  'mode',
  'models',
  ' model',
  '',
  'x',
  'mod',
  'model\\u0000',
  'm"',
].concat(['modèl', '模型', 'user.name', 'metadata.tenant'].map(binary));
const FIELD_KEYS = [
  'user',
  'stream',
  'metadata',
  'metadata',
  'tenant',
  'User',
  'use',
  'users',
  'n',
];
const STRINGS = [
  '',
  'a',
  'gpt-4o',
  'org/llama-3:8b',
  'model',
  '"',
  '\\',
  '\n',
  '\t',
  '/',
  '{"a":[',
].concat(
  ['grüße', '日本', '😀', 'a string that is longer than sixteen bytes', '\u2028'].map(binary),
  ['\x7f', '\xff', '\xc3', '\xed\xa0\x80'],
);
const ESCAPES = [
  '\\ud83d\\ude00',
  '\\ud83d',
  '\\u0000',
  '\\u00E9',
  '\\b\\f\\r',
  '\\/',
  '\\"',
  '\\\\',
];
const NUMBERS = [
  '0',
  '-0',
  '7',
  '12',
  '-3.25',
  '1e5',
  '1E-2',
  '0.5e+10',
  '-0.0',
  '123456789012345',
];
const BLANKS = [' ', '\n', '\t', '\r\n', '  '];

/** What breaks or bends a JSON text. */
export const JSON_PIECES = [
  '"',
  '\\',
  ',',
  ':',
  '{',
  '}',
  '[',
  ']',
  '0',
  '-',
  '.',
  'e',
  '\0',
  '\\u',
].concat(
  [
    '"model":"x"',
    ',"model":1',
    ',"Model":""',
    '"user":"u",',
    'null',
    'true',
    '\xef\xbb\xbf',
    '\x7f',
  ],
  ['{"model":', '\\u006d', 'm', 'M', ' ', '\n', '\x0b', '\xc2\xa0', '//', "'", '01', '+1', 'NaN'],
);

/** `withFields`: most keys are those that routes may want, at the top and inside. */
export function randomJson(random: Random, withFields: boolean): string {
  const mark = random(40) === 0 ? '\xef\xbb\xbf' : '';
  const entries: string[] = [];
  for (let count = random(5); count >= 0; count--) entries.push(entry(random, withFields, 1));
  if (random(6) > 0) entries.splice(random(entries.length + 1), 0, modelEntry(random));
  const object = `{${blank(random)}${entries.join(',')}${blank(random)}}`;
  return random(60) === 0 ? value(random, 2) : mark + blank(random) + object + blank(random);
}

function modelEntry(random: Random): string {
  const key = text(random(10) === 0 ? pick(TWINS, random) : 'model', random);
  const kind = random(40);
  const name = kind === 0 ? value(random, 2) : kind === 1 ? longString(random) : string(random);
  return `${blank(random)}${key}${blank(random)}:${blank(random)}${name}`;
}

function entry(random: Random, withFields: boolean, depth: number): string {
  const pool = random(24) === 0 ? ['model', ...TWINS] : withFields ? FIELD_KEYS : OTHER_KEYS;
  const key = text(pick(pool, random), random);
  return `${blank(random)}${key}:${blank(random)}${value(random, depth, withFields)}`;
}

function value(random: Random, depth: number, withFields = false): string {
  const kind = random(depth < 4 ? 10 : 6);
  if (kind <= 1) return string(random);
  if (kind === 2) return pick(['true', 'false', 'null'], random);
  if (kind === 3)
    return random(30) === 0 ? `1${'0'.repeat(1018 + random(10))}` : pick(NUMBERS, random);
  if (kind === 4 && random(20) === 0) return longString(random);
  if (kind === 5 && random(60) === 0) return deep(random);
  if (kind < 6) return pick(NUMBERS, random);
  const items: string[] = [];
  for (let count = random(4); count > 0; count--) {
    items.push(kind > 7 ? entry(random, withFields, depth + 1) : value(random, depth + 1));
  }
  const inner = items.join(`${blank(random)},`) || blank(random);
  return kind > 7 ? `{${inner}}` : `[${inner}]`;
}

function string(random: Random): string {
  if (random(12) === 0) return `"${pick(ESCAPES, random)}${pick(ESCAPES, random)}"`;
  return text(pick(STRINGS, random), random);
}

/** Around the longest name, and around the longest value of a field. */
function longString(random: Random): string {
  const unit = pick(['n', binary('ü'), binary('日'), binary('😀'), '\\u0061', '\xff'], random);
  const units = pick([510, 1022, 3070], random) + random(6);
  return `"${unit.repeat(Math.ceil(units / (random(2) === 0 ? 1 : unit.length)))}"`;
}

/** Around the deepest nesting. */
function deep(random: Random): string {
  const levels = 505 + random(10);
  return random(2) === 0
    ? '['.repeat(levels) + ']'.repeat(levels)
    : `${'{"model":'.repeat(levels)}1${'}'.repeat(levels)}`;
}

/** A JSON string of `plain`'s bytes, some of them escaped that need not be. */
function text(plain: string, random: Random): string {
  const escapesMore = random(4) === 0;
  let out = '"';
  for (let i = 0; i < plain.length; i++) {
    const c = plain.charCodeAt(i);
    if (c < 0x20 || (escapesMore && c < 0x80 && random(3) === 0)) {
      const hex = c.toString(16).padStart(4, '0');
      out += `\\u${random(2) === 0 ? hex : hex.toUpperCase()}`;
    } else if (c === 0x22 || (c === 0x5c && plain.length === 1)) {
      out += `\\${plain[i]}`;
    } else {
      out += plain[i];
    }
  }
  return `${out}"`;
}

function blank(random: Random): string {
  return random(5) === 0 ? pick(BLANKS, random) : '';
}
