/** The scanner of JSON bodies against JSON.parse: the model's name, its place, and fields beside it. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { textEdit } from '../../../filters/rewriter/edits.ts';
import { FieldList, FieldValues } from '../../../filters/wire/body-fields.ts';
import {
  READ_CUT_OFF,
  READ_DONE,
  READ_EMPTY,
  READ_NO_MODEL,
} from '../../../filters/wire/body-reader.ts';
import { ModelScanner } from '../../../filters/wire/model-scanner.ts';
import { ServedName } from '../../../filters/wire/served-name.ts';
import { StringRun } from '../../../filters/wire/string-run.ts';
import { randomSource } from '../../harness/random.ts';
import { mutated } from '../mutated.ts';
import { type ReadBody, readPieces, readSplits } from '../read-splits.ts';
import type { FuzzCase, FuzzTarget } from '../target.ts';
import { type ExpectedJson, expectedJson } from './oracle.ts';
import { JSON_PIECES, randomJson } from './random-json-bytes.ts';

interface JsonSetting {
  /** For the splits. */
  readonly seed: number;
}

/** Two keys of one object, a whole object beside a field of it, and names that begin alike. */
const WANTED = ['user', 'metadata.tenant', 'stream', 'metadata', 'metadata.user', 'use', 'user.n'];

const OTHER_NAME = 'another/model:1';
const SERVED = new ServedName(OTHER_NAME, '');
const RUN = new StringRun();

export const jsonTarget: FuzzTarget<JsonSetting> = {
  name: 'json',
  claim: 'a model that the scanner finds is the only one JSON.parse finds',
  generate: (random) => generate(random, false),
  check: (fuzzCase) => check(fuzzCase, []),
};

export const fieldsTarget: FuzzTarget<JsonSetting> = {
  name: 'fields',
  claim: 'fields have the values of their first keys',
  generate: (random) => generate(random, true),
  check: (fuzzCase) => check(fuzzCase, WANTED),
};

function generate(random: (bound: number) => number, withFields: boolean): FuzzCase<JsonSetting> {
  const body = Buffer.from(randomJson(random, withFields), 'latin1');
  const isBroken = random(5) < 2;
  return {
    body: isBroken ? mutated(body, JSON_PIECES, random) : body,
    setting: { seed: random(2 ** 31) },
  };
}

function check({ body, setting }: FuzzCase<JsonSetting>, wanted: readonly string[]): number {
  const random = randomSource(setting.seed);
  const list = new FieldList();
  for (const path of wanted) list.add(path);
  const values = new WeakMap<ModelScanner, FieldValues>();
  const newScanner = (): ModelScanner => {
    if (wanted.length === 0) return new ModelScanner(RUN, null);
    const fields = new FieldValues(list);
    const scanner = new ModelScanner(RUN, fields);
    values.set(scanner, fields);
    return scanner;
  };
  const describe = (scanner: ModelScanner): string => textsOf(values.get(scanner), wanted);
  const { whole, reader, reads } = readSplits(newScanner, body, random, describe);
  const expected = expectedJson(body, wanted);
  if (expected === null) {
    assert.ok(whole.status > READ_DONE, `JSON.parse refuses it, and the status is ${whole.status}`);
    return reads;
  }
  assertExpected(whole, expected);
  if (whole.status === READ_DONE || whole.status === READ_NO_MODEL) {
    assert.equal(describe(reader), expectedTexts(expected, wanted), 'fields');
  }
  assertPrefix(newScanner(), body, whole, random(body.length + 1));
  if (whole.status === READ_DONE) {
    assertName(body, whole);
    assertEdit(body, whole, expected);
  }
  return reads + 1;
}

function textsOf(fields: FieldValues | undefined, wanted: readonly string[]): string {
  if (fields === undefined) return '';
  return JSON.stringify(wanted.map((_, at) => (fields.has(at) ? fields.text(at) : null)));
}

function expectedTexts({ fields }: ExpectedJson, wanted: readonly string[]): string {
  if (wanted.length === 0) return '';
  return JSON.stringify(wanted.map((path) => fields.get(path) ?? null));
}

function assertExpected(whole: ReadBody, expected: ExpectedJson): void {
  assert.equal(whole.status, expected.status, 'status');
  if (whole.status !== READ_DONE) return;
  const { name, nameTooLong, offset, length } = whole;
  assert.deepEqual(
    { name, nameTooLong, offset, length, foundAt: whole.foundAt },
    {
      name: expected.name,
      nameTooLong: expected.nameTooLong,
      offset: expected.offset,
      length: expected.length,
      foundAt: expected.offset + expected.length,
    },
  );
}

/** Where all of the body is UTF-8, JSON.parse can be asked for the name itself. */
function assertName(body: Buffer, { name, nameTooLong }: ReadBody): void {
  if (nameTooLong || !isUtf8(body)) return;
  const text = body.toString().replace(/^\ufeff/, '');
  assert.equal(name, (JSON.parse(text) as { model: string }).model, 'name');
}

/** A valid body that ends too early is told to be that, or what it was told to be as a whole. */
function assertPrefix(scanner: ModelScanner, body: Buffer, whole: ReadBody, size: number): void {
  const { status } = readPieces(scanner, body.subarray(0, size));
  const isKnown = status === READ_CUT_OFF || status === READ_EMPTY || status === whole.status;
  assert.ok(isKnown, `its first ${size} bytes have status ${status}`);
}

/** Another name is put where the scanner says: JSON.parse then reads that, and all else as before. */
function assertEdit(body: Buffer, whole: ReadBody, { value }: ExpectedJson): void {
  if (whole.nameTooLong || whole.name === OTHER_NAME) return;
  const edit = textEdit(SERVED, whole.name, whole.offset, whole.length, true);
  const edited = edit?.apply(body, body.length);
  assert.ok(edit && edited, 'no edit');
  assert.equal(edit.contentLength(String(body.length)), String(edited.length), 'content-length');
  const after = JSON.parse(
    Buffer.from(edited)
      .toString('latin1')
      .replace(/^\xef\xbb\xbf/, ''),
  );
  const before = { ...(value as object), model: OTHER_NAME };
  assert.equal(JSON.stringify(after), JSON.stringify(before), 'edited');
}
