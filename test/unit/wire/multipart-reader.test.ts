/** The reader of forms against tables, and against the platform's own parser on random forms. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  READ_CUT_OFF,
  READ_DONE,
  READ_EMPTY,
  READ_FOUND,
  READ_MALFORMED,
  READ_MORE,
  READ_NO_MODEL,
  READ_SECOND,
} from '../../../filters/wire/body-reader.ts';
import {
  boundaryOf,
  MAX_PART_HEADER_BYTES,
  MultipartReader,
} from '../../../filters/wire/multipart-reader.ts';
import { randomSource } from '../../harness/random.ts';
import { mutatedForm, randomForm } from '../../harness/random-multipart.ts';
import { everySplit, type ReadOutcome, readBody } from '../../harness/read-body.ts';

const B = '--AaB03x';
const DISPOSITION = 'Content-Disposition: form-data; ';
const MODEL = `${DISPOSITION}name="model"`;
const FILE = `${DISPOSITION}name="file"; filename="a.wav"\r\nContent-Type: audio/wav`;

function read(body: string, cuts?: readonly number[]): ReadOutcome {
  return readBody(new MultipartReader('AaB03x'), Buffer.from(body), cuts);
}

/** A whole form of parts, each given as its headers and its content. */
function form(...parts: readonly (readonly [string, string])[]): string {
  const texts = parts.map(([headers, content]) => `${B}\r\n${headers}\r\n\r\n${content}\r\n`);
  return `${texts.join('')}${B}--\r\n`;
}

const TYPES: readonly { type: string; boundary: string }[] = [
  { type: 'multipart/form-data; boundary=AaB03x', boundary: 'AaB03x' },
  { type: 'Multipart/Form-Data;BOUNDARY="AaB03x"', boundary: 'AaB03x' },
  { type: 'multipart/form-data; charset=utf-8; boundary=x; a="b; c"', boundary: 'x' },
  { type: 'multipart/form-data ;\tboundary=x ;', boundary: 'x' },
  { type: 'multipart/form-data; boundary="a b:c=d/e?(f),+_.\'g"', boundary: "a b:c=d/e?(f),+_.'g" },
  { type: `multipart/form-data; boundary=${'-'.repeat(70)}`, boundary: '-'.repeat(70) },
  { type: `multipart/form-data; boundary=${'-'.repeat(71)}`, boundary: '' },
  { type: '', boundary: '' },
  { type: 'multipart/form-data', boundary: '' },
  { type: 'multipart/form-data;', boundary: '' },
  { type: 'multipart/form-data; boundary', boundary: '' },
  { type: 'multipart/form-data; boundary=', boundary: '' },
  { type: 'multipart/form-data; boundary=""', boundary: '' },
  { type: 'multipart/form-data; boundary="x', boundary: '' },
  { type: 'multipart/form-data; boundary="x "', boundary: '' },
  { type: 'multipart/form-data; boundary="x\\y"', boundary: '' },
  { type: 'multipart/form-data; boundary="x\\"y"', boundary: '' },
  { type: 'multipart/form-data; boundary="x"y', boundary: '' },
  { type: 'multipart/form-data; boundary=x y', boundary: '' },
  { type: 'multipart/form-data; boundary=x,y', boundary: '' },
  { type: 'multipart/form-data; boundary = x', boundary: '' },
  { type: 'multipart/form-data; boundary=ü', boundary: '' },
  { type: 'multipart/form-data; boundary="ü"', boundary: '' },
  { type: 'multipart/form-data; boundary=x; boundary=y', boundary: '' },
  { type: 'multipart/form-data; boundary=x; boundary*=y', boundary: '' },
  { type: 'multipart/form-data; boundary=x;; a=b', boundary: '' },
  { type: 'multipart/form-data, boundary=x', boundary: '' },
  { type: 'multipart/form-data boundary=x', boundary: '' },
  { type: 'multipart/form-data/x; boundary=x', boundary: '' },
  { type: 'multipart/mixed; boundary=x', boundary: '' },
  { type: 'application/json; boundary=x', boundary: '' },
];

for (const { type, boundary } of TYPES) {
  test(`the boundary of '${type.slice(0, 60)}' is '${boundary.slice(0, 20)}'`, () => {
    assert.equal(boundaryOf(type), boundary);
  });
}

const FOUND: readonly { name: string; body: string; model: string }[] = [
  { name: 'it is all there is', body: form([MODEL, 'whisper-1']), model: 'whisper-1' },
  {
    name: 'nothing follows the last delimiter',
    body: `${form([MODEL, 'a']).slice(0, -2)}`,
    model: 'a',
  },
  { name: 'it comes before a file', body: form([MODEL, 'a'], [FILE, 'RIFF']), model: 'a' },
  { name: 'it comes after a file', body: form([FILE, 'RIFF'], [MODEL, 'a']), model: 'a' },
  { name: 'its name has no quotes', body: form([`${DISPOSITION}name=model`, 'a']), model: 'a' },
  {
    name: 'its headers are in other case',
    body: form(['CONTENT-disposition:Form-Data;NAME="model"', 'a']),
    model: 'a',
  },
  {
    name: 'it has more headers',
    body: form([`X: y\r\n${MODEL}\r\nContent-Type: text/plain; charset=UTF-8\r\nZ:`, 'a']),
    model: 'a',
  },
  {
    name: 'it has the content type of the whole',
    body: form([`Content-Type: multipart/form-data\r\n${MODEL}`, 'a']),
    model: 'a',
  },
  {
    name: 'it says that it is not encoded',
    body: form([`${MODEL}\r\nContent-Transfer-Encoding: 8BIT`, 'a']),
    model: 'a',
  },
  {
    name: 'the disposition says more, and ends with a semicolon',
    body: form([`${DISPOSITION}x="name=model"; name="model";`, 'a']),
    model: 'a',
  },
  { name: 'it is empty', body: form([MODEL, '']), model: '' },
  { name: 'it has blanks', body: form([MODEL, ' a b ']), model: ' a b ' },
  { name: 'it is in other letters', body: form([MODEL, 'grüße-😀-日本']), model: 'grüße-😀-日本' },
  { name: 'it has dashes', body: form([MODEL, 'a--AaB03x--']), model: 'a--AaB03x--' },
  {
    name: 'a preamble stands before',
    body: `a - b\r\n-c\r\n\r\n${form([MODEL, 'a'])}`,
    model: 'a',
  },
  { name: 'a line break stands before', body: `\r\n${form([MODEL, 'a'])}`, model: 'a' },
  {
    name: 'something stands after the last delimiter',
    body: `${form([MODEL, 'a'])}${B}\n\r\n${form([MODEL, 'b'])}`,
    model: 'a',
  },
  {
    name: 'a file is named model',
    body: form([`${DISPOSITION}name="model"; filename="b"`, 'b'], [MODEL, 'a']),
    model: 'a',
  },
  {
    name: 'a file has two names and an odd one',
    body: form(
      [`${DISPOSITION}filename*=UTF-8''a; filename="C:\\a;b\\c.wav"; name="x y"`, 'b'],
      [MODEL, 'a'],
    ),
    model: 'a',
  },
  {
    name: 'a file looks like delimiters',
    body: form(
      [FILE, `-\r\n--AaB03\r\n-\r\r\n-${B}x\r\n\n\r--\r\n\r\n--AaB03X\r\nx${B}`],
      [MODEL, 'a'],
    ),
    model: 'a',
  },
  { name: 'a file is empty', body: form([FILE, ''], [MODEL, 'a']), model: 'a' },
  {
    name: 'a file ends with line breaks',
    body: form([FILE, '\n\r\n\r'], [MODEL, 'a']),
    model: 'a',
  },
  {
    name: 'other fields have names like it',
    body: form(
      [`${DISPOSITION}name="models"`, 'b'],
      [`${DISPOSITION}name="model_id"`, 'b'],
      [`${DISPOSITION}name="image[model]"`, 'b'],
      [`${DISPOSITION}x=model`, 'b'],
      [`${DISPOSITION}filename="b"\r\nContent-Type: text/plain; name="model"`, 'b'],
      [`${DISPOSITION}name=""\r\nX-${MODEL}`, 'b'],
      [MODEL, 'a'],
    ),
    model: 'a',
  },
  {
    name: 'other parts are encoded',
    body: form([`${FILE}\r\nContent-Transfer-Encoding: base64`, 'YQ=='], [MODEL, 'a']),
    model: 'a',
  },
];

for (const { name, body, model } of FOUND) {
  test(`the model is found where ${name}, in every split`, () => {
    const bytes = Buffer.from(body);
    const token = Buffer.from(model).toString('latin1');
    const whole = read(body);
    assert.deepEqual(whole, {
      status: READ_DONE,
      name: model,
      version: '',
      nameTooLong: false,
      token,
      foundAt: whole.foundAt,
    });
    // It is known once the delimiter behind it is complete.
    assert.match(bytes.subarray(0, whole.foundAt).toString('latin1'), /\r\n--AaB03x(--|\r\n)$/);
    for (const cuts of everySplit(bytes.length)) {
      assert.deepEqual(read(body, cuts), whole, `cut at ${cuts}`);
    }
  });
}

const REFUSED: readonly { name: string; body: string; status: number }[] = [
  { name: 'an empty body', body: '', status: READ_EMPTY },
  { name: 'a form of nothing', body: `${B}--\r\n`, status: READ_NO_MODEL },
  { name: 'a form without the field', body: form([FILE, 'RIFF']), status: READ_NO_MODEL },
  {
    name: 'a file named model alone',
    body: form([`${DISPOSITION}name="model"; filename="model"`, 'b']),
    status: READ_NO_MODEL,
  },
  {
    name: 'a field in other case',
    body: form([`${DISPOSITION}name="Model"`, 'a']),
    status: READ_NO_MODEL,
  },
  { name: 'half a delimiter', body: '--Aa', status: READ_CUT_OFF },
  { name: 'a body without a delimiter', body: 'model=a\r\n', status: READ_CUT_OFF },
  { name: 'headers that are cut off', body: `${B}\r\n${MODEL}\r\n`, status: READ_CUT_OFF },
  { name: 'a name that is cut off', body: `${B}\r\n${MODEL}\r\n\r\na`, status: READ_CUT_OFF },
  { name: 'a form that is cut off', body: form([MODEL, 'a']).slice(0, -4), status: READ_CUT_OFF },
  { name: 'half a last delimiter', body: form([MODEL, 'a']).slice(0, -3), status: READ_CUT_OFF },
  {
    name: 'a file that is cut off',
    body: form([MODEL, 'a'], [FILE, 'R']).slice(0, -6),
    status: READ_CUT_OFF,
  },

  {
    name: 'line feeds alone',
    body: form([MODEL, 'a']).replaceAll('\r', ''),
    status: READ_MALFORMED,
  },
  {
    name: 'a line feed after the delimiter',
    body: form([MODEL, 'a']).replace('\r', ''),
    status: READ_MALFORMED,
  },
  { name: 'a line feed in a header', body: form([`X: y\n${MODEL}`, 'a']), status: READ_MALFORMED },
  {
    name: 'a bare return in a header',
    body: form([`X: y\r${MODEL}`, 'a']),
    status: READ_MALFORMED,
  },
  { name: 'a zero byte in a header', body: form([`${MODEL}\0`, 'a']), status: READ_MALFORMED },
  { name: 'a line feed in the preamble', body: `a\n${form([MODEL, 'a'])}`, status: READ_MALFORMED },
  {
    name: 'a delimiter within the preamble',
    body: `a${form([MODEL, 'a'])}`,
    status: READ_MALFORMED,
  },
  {
    name: 'another delimiter in the preamble',
    body: `--x\r\n${form([MODEL, 'a'])}`,
    status: READ_MALFORMED,
  },
  {
    name: 'a delimiter that goes on',
    body: form([MODEL, 'a']).replaceAll(B, `${B}x`),
    status: READ_MALFORMED,
  },
  {
    name: 'a delimiter with a blank behind',
    body: form([MODEL, 'a']).replace(B, `${B} `),
    status: READ_MALFORMED,
  },
  {
    name: 'half a closing delimiter',
    body: form([MODEL, 'a']).replace('--\r\n', '-\r\n'),
    status: READ_MALFORMED,
  },
  {
    name: 'a last delimiter that goes on',
    body: form([MODEL, 'a']).replace('--\r\n', '--x\r\n'),
    status: READ_MALFORMED,
  },
  {
    name: 'a line feed after the last delimiter',
    body: form([MODEL, 'a']).replace('--\r\n', '--\n'),
    status: READ_MALFORMED,
  },
  {
    name: 'a delimiter after a bare line feed in a file',
    body: form([FILE, `a\n${B}\r\n${MODEL}`]),
    status: READ_MALFORMED,
  },
  {
    name: 'a delimiter after a bare return in a file',
    body: form([FILE, `a\r${B}\r\n${MODEL}`]),
    status: READ_MALFORMED,
  },
  {
    name: 'a delimiter right after the headers of a file',
    body: form([FILE, `${B}\r\n${MODEL}`]),
    status: READ_MALFORMED,
  },
  {
    name: 'a longer delimiter in a file',
    body: form([FILE, `a\r\n${B}x\r\n`]),
    status: READ_MALFORMED,
  },

  { name: 'a name with a line break', body: form([MODEL, 'a\r\nb']), status: READ_MALFORMED },
  {
    name: 'a name that begins with a line break',
    body: form([MODEL, '\r\na']),
    status: READ_MALFORMED,
  },
  {
    name: 'a name that ends with a line break',
    body: form([MODEL, 'a\r\n']),
    status: READ_MALFORMED,
  },
  { name: 'a name with a line feed', body: form([MODEL, 'a\nb']), status: READ_MALFORMED },
  { name: 'a name with a tab', body: form([MODEL, 'a\tb']), status: READ_MALFORMED },
  { name: 'a name with a zero byte', body: form([MODEL, 'a\0']), status: READ_MALFORMED },
  { name: 'a name with a delete character', body: form([MODEL, 'a\x7f']), status: READ_MALFORMED },
  { name: 'a name that is a delimiter', body: form([MODEL, `${B}x`]), status: READ_MALFORMED },
  {
    name: 'a name with half a delimiter behind',
    body: form([MODEL, 'a\r\n--AaB']),
    status: READ_MALFORMED,
  },

  { name: 'a line without a colon', body: form([`${MODEL}\r\nx`, 'a']), status: READ_MALFORMED },
  { name: 'a header without a name', body: form([`${MODEL}\r\n: x`, 'a']), status: READ_MALFORMED },
  {
    name: 'a blank before the colon',
    body: form([MODEL.replace(':', ' :'), 'a']),
    status: READ_MALFORMED,
  },
  {
    name: 'a folded header',
    body: form([MODEL.replace('; ', ';\r\n '), 'a']),
    status: READ_MALFORMED,
  },
  {
    name: 'a part without a disposition',
    body: form(['Content-Type: text/plain; name="model"', 'b'], [MODEL, 'a']),
    status: READ_MALFORMED,
  },
  {
    name: 'an empty line before the headers',
    body: form([`\r\n${MODEL}`, 'a']),
    status: READ_MALFORMED,
  },
  { name: 'two dispositions', body: form([`${MODEL}\r\n${MODEL}`, 'a']), status: READ_MALFORMED },
  {
    name: 'two dispositions of another part',
    body: form([`${FILE}\r\n${MODEL}`, 'a']),
    status: READ_MALFORMED,
  },
  { name: 'two names in one', body: form([`${MODEL}; name="x"`, 'a']), status: READ_MALFORMED },
  {
    name: 'two names in one, in other case',
    body: form([`${DISPOSITION}name=x; Name=model`, 'a']),
    status: READ_MALFORMED,
  },
  {
    name: 'two file names',
    body: form([`${MODEL}; filename=a; filename=""`, 'a']),
    status: READ_MALFORMED,
  },
  {
    name: 'an extended name',
    body: form([`${DISPOSITION}name*=UTF-8''model`, 'a']),
    status: READ_MALFORMED,
  },
  {
    name: 'an extended name behind a plain one',
    body: form([`${DISPOSITION}name=x; name*=''model`, 'a']),
    status: READ_MALFORMED,
  },
  {
    name: 'a name in continuations',
    body: form([`${DISPOSITION}name*0=mod; name*1=el`, 'a']),
    status: READ_MALFORMED,
  },
  {
    name: 'a disposition of another kind',
    body: form([MODEL.replace('form-data', 'attachment'), 'a']),
    status: READ_MALFORMED,
  },
  {
    name: 'a disposition without a kind',
    body: form(['Content-Disposition: ; name="model"', 'a']),
    status: READ_MALFORMED,
  },
  {
    name: 'an empty file name',
    body: form([`${MODEL}; filename=""`, 'a']),
    status: READ_MALFORMED,
  },
  {
    name: 'only an extended file name',
    body: form([`${MODEL}; filename*=UTF-8''a`, 'a']),
    status: READ_MALFORMED,
  },
  {
    name: 'a type that some take for a file',
    body: form([`${MODEL}\r\nContent-Type: application/octet-stream`, 'a']),
    status: READ_MALFORMED,
  },
  {
    name: 'a charset that changes the name',
    body: form([`${MODEL}\r\nContent-Type: text/plain; charset=utf-7`, 'a']),
    status: READ_MALFORMED,
  },
  {
    name: 'a type that cannot be read',
    body: form([`${MODEL}\r\nContent-Type: text/plain; charset`, 'a']),
    status: READ_MALFORMED,
  },
  {
    name: 'parts within the field',
    body: form([`${MODEL}\r\nContent-Type: multipart/mixed; boundary=x`, 'a']),
    status: READ_MALFORMED,
  },
  {
    name: 'an encoded field',
    body: form([`${MODEL}\r\nContent-Transfer-Encoding: quoted-printable`, 'a']),
    status: READ_MALFORMED,
  },
  {
    name: 'an escaped quote in a file name',
    body: form([`${DISPOSITION}filename="a\\"; name="model"`, 'a']),
    status: READ_MALFORMED,
  },
  {
    name: 'a parameter within a file name',
    body: form([`${DISPOSITION}filename="a; name=model; "`, 'a']),
    status: READ_MALFORMED,
  },
  { name: 'an open quote', body: form([`${DISPOSITION}name="model`, 'a']), status: READ_MALFORMED },
  {
    name: 'text after a quote',
    body: form([`${DISPOSITION}name="mod"el`, 'a']),
    status: READ_MALFORMED,
  },
  {
    name: 'blanks around the equals sign',
    body: form([`${DISPOSITION}name = "model"`, 'a']),
    status: READ_MALFORMED,
  },
  {
    name: 'a parameter without a value',
    body: form([`${MODEL}; name`, 'a']),
    status: READ_MALFORMED,
  },
  {
    name: 'an empty parameter',
    body: form([`${DISPOSITION}; name="model"`, 'a']),
    status: READ_MALFORMED,
  },
  {
    name: 'quotes of another kind',
    body: form([`${DISPOSITION}name=model"`, 'a']),
    status: READ_MALFORMED,
  },

  { name: 'a second, other field', body: form([MODEL, 'a'], [MODEL, 'b']), status: READ_SECOND },
  {
    name: 'a second, equal field',
    body: form([MODEL, 'a'], [FILE, 'x'], [MODEL, 'a']),
    status: READ_SECOND,
  },
  {
    name: 'a second field in other case',
    body: form([MODEL, 'a'], [`${DISPOSITION}name="MODEL"`, 'b']),
    status: READ_SECOND,
  },
  {
    name: 'a twin in other case before',
    body: form([`${DISPOSITION}name="Model"`, 'b'], [MODEL, 'a']),
    status: READ_SECOND,
  },
  {
    name: 'a twin with blanks',
    body: form([MODEL, 'a'], [`${DISPOSITION}name=" model"`, 'b']),
    status: READ_SECOND,
  },
  {
    name: 'a twin that is a list',
    body: form([MODEL, 'a'], [`${DISPOSITION}name="model[]"`, 'b']),
    status: READ_SECOND,
  },
];

for (const { name, body, status } of REFUSED) {
  test(`${name} is told apart, in every split`, () => {
    for (const cuts of everySplit(Buffer.from(body).length)) {
      assert.equal(read(body, cuts).status, status, `cut at ${cuts}`);
    }
  });
}

const ESCAPED_NAMES = [
  'mod\\el',
  'model\\"',
  '\\model',
  'mod%65l',
  'model%22',
  '=?utf-8?q?model?=',
];

for (const name of ESCAPED_NAMES) {
  test(`a field named ${name} is malformed, as some parsers would decode it`, () => {
    assert.equal(read(form([`${DISPOSITION}name="${name}"`, 'a'])).status, READ_MALFORMED);
  });
}

test('bytes that are not UTF-8 are malformed in the name and let pass elsewhere', () => {
  const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
  const outcome = (body: Buffer): number => readBody(new MultipartReader('AaB03x'), body).status;
  for (const name of ['\xff', 'a\xc3', '\xc0\xaf', '\xed\xa0\x80']) {
    assert.equal(outcome(bytes(form([MODEL, name]))), READ_MALFORMED);
  }
  const file = `${DISPOSITION}name="f\xff"; filename="\xff"`;
  assert.equal(outcome(bytes(form([file, '\xff'], [MODEL, 'a']))), READ_DONE);
});

test('a reader without a boundary finds nothing', () => {
  assert.equal(
    readBody(new MultipartReader(''), Buffer.from(form([MODEL, 'a']))).status,
    READ_MALFORMED,
  );
});

test('the headers of a part have a limit, each part anew', () => {
  const padding = (bytes: number): string =>
    `X: ${'x'.repeat(bytes - MODEL.length - 9)}\r\n${MODEL}`;
  const fits = form([padding(MAX_PART_HEADER_BYTES), 'a']);
  assert.equal(read(form([FILE, 'x'], [FILE, 'x']).replace(`${B}--\r\n`, fits)).status, READ_DONE);
  assert.equal(read(form([padding(MAX_PART_HEADER_BYTES + 1), 'a'])).status, READ_MALFORMED);
  assert.equal(read(`${B}\r\nX: ${'x'.repeat(100_000)}`).status, READ_MALFORMED);
});

test('a name longer than any can be is not kept, however it comes', () => {
  for (const name of ['n'.repeat(513), 'n'.repeat(5000), 'ü'.repeat(600)]) {
    const body = form([MODEL, name], [FILE, 'x']);
    for (const cuts of [[], [400, 600], Array.from(Buffer.from(body).keys())]) {
      const outcome = read(body, cuts);
      assert.equal(outcome.status, READ_DONE);
      assert.deepEqual([outcome.nameTooLong, outcome.name], [true, '']);
      assert.equal(outcome.token.length, Buffer.from(name).length);
    }
  }
});

test('a name of the longest allowed length is kept, however it comes', () => {
  for (const name of ['n'.repeat(512), '日'.repeat(512), '😀'.repeat(256)]) {
    const body = form([MODEL, name], [FILE, 'x']);
    for (const cuts of [[], [400, 600], Array.from(Buffer.from(body).keys())]) {
      assert.equal(read(body, cuts).name, name);
    }
  }
});

test('reading stops once the model is known, and the end is told by the next call', () => {
  const body = Buffer.from(`${form([MODEL, 'a'])}epilogue`);
  const reader = new MultipartReader('AaB03x');
  const end = body.indexOf('--\r\nepilogue') + 2;
  assert.equal(reader.feed(body, 0, end - 1), READ_MORE);
  assert.equal(reader.feed(body, end - 1, body.length), READ_FOUND);
  assert.deepEqual([reader.stoppedAt, reader.position], [end, end]);
  assert.equal(reader.feed(body, end, body.length), READ_DONE);
  assert.equal(reader.stoppedAt, body.length);
  assert.equal(reader.finish(), READ_DONE);
});

const SEED = Number(process.env['SEED'] ?? 1);

/** The fields named `model` that the platform's parser finds; null where it refuses the form. */
async function platformModels(body: Uint8Array, boundary: string): Promise<string[] | null> {
  const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` };
  const parsed = await new Response(Uint8Array.from(body), { headers })
    .formData()
    .catch(() => null);
  if (parsed === null) return null;
  return parsed.getAll('model').filter((value) => typeof value === 'string');
}

test(`random forms give what was written, in every split (SEED=${SEED})`, () => {
  const next = randomSource(SEED);
  for (let round = 0; round < 150; round++) {
    const { boundary, body, models, twins } = randomForm(next, true);
    const report = `round ${round}: ${JSON.stringify(body.toString('latin1'))}`;
    const whole = readBody(new MultipartReader(boundary), body);
    if (models.length === 0) assert.equal(whole.status, READ_NO_MODEL, report);
    else if (models.length > 1 || twins > 0) assert.equal(whole.status, READ_SECOND, report);
    else assert.deepEqual([whole.status, whole.name], [READ_DONE, models[0]], report);
    for (const cuts of everySplit(body.length)) {
      const outcome = readBody(new MultipartReader(boundary), body, cuts);
      assert.deepEqual(outcome, whole, `${report}, cut at ${cuts}`);
    }
  }
});

test(`random forms give what the platform's parser gives (SEED=${SEED})`, async () => {
  const next = randomSource(SEED + 1);
  let compared = 0;
  for (let round = 0; round < 1000; round++) {
    const { boundary, body, models, twins } = randomForm(next, false);
    const platform = await platformModels(body, boundary);
    if (platform === null) continue;
    compared++;
    const report = `round ${round}: ${JSON.stringify(body.toString('latin1'))}`;
    assert.deepEqual(platform, models, report);
    const { status, name, token } = readBody(new MultipartReader(boundary), body);
    if (models.length === 1 && twins === 0) {
      assert.deepEqual([status, name], [READ_DONE, models[0]], report);
      assert.equal(Buffer.from(token, 'latin1').toString(), models[0], report);
    } else {
      assert.equal(status, models.length === 0 ? READ_NO_MODEL : READ_SECOND, report);
    }
  }
  assert.ok(compared > 300, `the platform read only ${compared} forms`);
});

test(`a form that two parsers accept names the same model in both (SEED=${SEED})`, async () => {
  const next = randomSource(SEED + 2);
  let compared = 0;
  let refused = 0;
  for (let round = 0; round < 5000; round++) {
    const { boundary, body } = randomForm(next, false);
    const mutated = mutatedForm(body, boundary, next);
    const { status, name } = readBody(new MultipartReader(boundary), mutated);
    if (status !== READ_DONE && status !== READ_NO_MODEL) {
      refused++;
      continue;
    }
    const platform = await platformModels(mutated, boundary);
    if (platform === null) continue;
    compared++;
    const report = `round ${round}: ${JSON.stringify(mutated.toString('latin1'))}`;
    assert.deepEqual(platform, status === READ_DONE ? [name] : [], report);
  }
  assert.ok(compared > 300 && refused > 1000, `${compared} were compared and ${refused} refused`);
});
