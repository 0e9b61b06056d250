/** The reader of forms against the platform's own parser, `Response.formData`. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { textEdit } from '../../../filters/rewriter/edits.ts';
import { READ_DONE, READ_NO_MODEL, READ_SECOND } from '../../../filters/wire/body-reader.ts';
import { boundaryOf, MultipartReader } from '../../../filters/wire/multipart-reader.ts';
import { ServedName } from '../../../filters/wire/served-name.ts';
import { randomSource } from '../../harness/random.ts';
import type { Random } from '../../harness/random-json.ts';
import { mutatedForm, type RandomForm, randomForm } from '../../harness/random-multipart.ts';
import { mutated, pick } from '../mutated.ts';
import { type ReadBody, readSplits } from '../read-splits.ts';
import type { FuzzCase, FuzzTarget } from '../target.ts';

interface FormSetting {
  readonly contentType: string;
  /** For the splits. */
  readonly seed: number;
  /** What was written; absent where the form was broken afterwards. */
  readonly written?: { readonly models: readonly string[]; readonly twins: number };
}

const CONTENT_TYPES: readonly ((boundary: string) => string)[] = [
  (boundary) => `multipart/form-data; boundary=${boundary}`,
  (boundary) => `multipart/form-data; boundary="${boundary}"`,
  (boundary) => `multipart/form-data; charset=utf-8; boundary=${boundary}`,
  (boundary) => `Multipart/Form-Data;boundary=${boundary}; x="a;b"`,
];

const FORM_PIECES = [
  '\r',
  '\n',
  '\r\n',
  '--',
  '-',
  '"',
  ';',
  '\0',
  ' ',
  '\t',
  '\r\n\r\n',
  '\x7f',
].concat(
  [
    'Content-Disposition: form-data; name="model"',
    'name=model',
    'name*=',
    '; filename="a"',
    '\xef\xbb\xbf',
  ],
  [
    'model',
    'Content-Type: text/plain; charset=',
    'Content-Transfer-Encoding: base64',
    '%22',
    '\\"',
  ],
);

const OTHER_NAME = 'another/model:1';
const SERVED = new ServedName(OTHER_NAME, '');

export const formTarget: FuzzTarget<FormSetting> = {
  name: 'form',
  claim: "a model that the reader finds is the one the platform's parser finds",
  mayShrink: ({ setting }) => setting.written === undefined,
  generate,
  check,
};

function generate(random: Random): FuzzCase<FormSetting> {
  const form = randomForm(random, false);
  const setting = {
    contentType: pick(CONTENT_TYPES, random)(form.boundary),
    seed: random(2 ** 31),
  };
  const kind = random(3);
  if (kind === 0) return { body: form.body, setting: { ...setting, written: written(form) } };
  const { body, boundary } = form;
  const pieces = [...FORM_PIECES, `\r\n--${boundary}`, `--${boundary}--`, `--${boundary}`];
  return {
    body: kind === 1 ? mutatedForm(body, boundary, random) : mutated(body, pieces, random),
    setting,
  };
}

function written({ models, twins }: RandomForm): { models: readonly string[]; twins: number } {
  return { models, twins };
}

async function check({ body, setting }: FuzzCase<FormSetting>): Promise<number> {
  const { contentType, seed } = setting;
  const boundary = boundaryOf(contentType);
  const newReader = (): MultipartReader => new MultipartReader(boundary);
  const { whole, reads } = readSplits(newReader, body, randomSource(seed));
  if (setting.written !== undefined) assertWritten(whole, setting.written);
  if (whole.status !== READ_DONE && whole.status !== READ_NO_MODEL) return reads;
  const platform = await platformForm(body, contentType);
  if (platform === null) return reads;
  const found = whole.status === READ_DONE ? [whole.name] : [];
  assert.deepEqual(textsOf(platform), found, "the platform's models");
  if (whole.status === READ_DONE) await assertEdit(body, whole, platform, contentType);
  return reads;
}

function assertWritten(
  whole: ReadBody,
  { models, twins }: NonNullable<FormSetting['written']>,
): void {
  const expected =
    models.length === 0 ? READ_NO_MODEL : models.length > 1 || twins > 0 ? READ_SECOND : READ_DONE;
  assert.equal(whole.status, expected, 'status of an unbroken form');
  if (expected === READ_DONE) assert.equal(whole.name, models[0], 'name in an unbroken form');
}

/** Null where the platform refuses the form, which it does more often than we do. */
async function platformForm(body: Uint8Array, contentType: string): Promise<FormData | null> {
  const response = new Response(Uint8Array.from(body), {
    headers: { 'content-type': contentType },
  });
  return await response.formData().catch(() => null);
}

function textsOf(form: FormData): string[] {
  return form.getAll('model').filter((value) => typeof value === 'string');
}

/** Another name is put where the reader says: the platform then reads that, and all else as before. */
async function assertEdit(
  body: Buffer,
  { name, offset, length }: ReadBody,
  before: FormData,
  contentType: string,
): Promise<void> {
  const edit = textEdit(SERVED, name, offset, length, false);
  // With nothing but dashes the platform's parser finds a delimiter two bytes too early.
  if (edit === null || /^-+$/.test(boundaryOf(contentType))) return;
  const edited = edit.apply(body, body.length);
  assert.ok(edited, 'the edit ends behind the body');
  assert.equal(edit.contentLength(String(body.length)), String(edited.length), 'content-length');
  const after = await platformForm(edited, contentType);
  assert.ok(after, 'the platform refuses the edited form');
  assert.deepEqual(textsOf(after), [OTHER_NAME], 'edited');
  assert.deepEqual(await otherParts(after), await otherParts(before), 'the other parts');
}

async function otherParts(form: FormData): Promise<unknown[]> {
  const parts = [...form].filter(([name, value]) => name !== 'model' || typeof value !== 'string');
  return Promise.all(
    parts.map(async ([name, value]) => {
      if (typeof value === 'string') return [name, value];
      return [
        name,
        value.name,
        value.type,
        Buffer.from(await value.arrayBuffer()).toString('latin1'),
      ];
    }),
  );
}
