/**
 * Random bodies of multipart/form-data, written as differently as clients do: fields and files in any
 * order, more headers than needed, and contents that look like the delimiter but are not.
 */
export type Random = (bound: number) => number;

export interface RandomForm {
  readonly boundary: string;
  readonly body: Buffer;
  /** Values of the fields named `model`, in their order. */
  readonly models: readonly string[];
  /** Fields whose name some frameworks take for `model`. */
  readonly twins: number;
}

interface Part {
  readonly bytes: Buffer;
  readonly model?: string;
  readonly isTwin?: boolean;
}

const MODELS = [
  'whisper-1',
  'a',
  'org/model:8b',
  'grüße',
  '日本😀',
  'a "b" c',
  '',
  '-',
  '--',
  ' a ',
];
const OTHER_NAMES = ['prompt', 'mode', 'models', 'xmodel', 'timestamp_granularities[]', 'a;b', ''];
const TWINS = ['Model', 'MODEL', ' model', 'model[]', 'model[0]'];
const FILENAMES = ['a.wav', 'a b.wav', 'ü.wav', 'model', 'a; b.wav', 'a=b', '%22.wav', 'C:\\a.wav'];
const EXTRA_HEADERS = ['X-Model: model', 'Content-Length: 3', 'x:', 'Content-Language: en; name=x'];
const TEXT_TYPES = ['text/plain', 'text/plain; charset=UTF-8', 'multipart/form-data'];

/** Boundaries of 27 bytes or more, which are all that some parsers take, unless `anyLength`. */
export function randomForm(next: Random, anyLength: boolean): RandomForm {
  const boundary = randomBoundary(next, anyLength);
  const parts = Array.from({ length: next(5) }, () => randomPart(next, boundary));
  const preamble = next(8) === 0 ? pick(['\r\n', 'a preamble\r\n', '-\r\n\r\n'], next) : '';
  const epilogue = pick(['\r\n', '\r\n', '', `\r\nmore\r\n--${boundary}\r\n`], next);
  const body = Buffer.concat([
    Buffer.from(preamble),
    ...parts.flatMap(({ bytes }) => [Buffer.from(`--${boundary}\r\n`), bytes, Buffer.from('\r\n')]),
    Buffer.from(`--${boundary}--${epilogue}`),
  ]);
  const models = parts.flatMap(({ model }) => (model === undefined ? [] : [model]));
  return { boundary, body, models, twins: parts.filter(({ isTwin }) => isTwin).length };
}

/** The body with some bytes removed or replaced by ones that matter in a form, or a piece moved. */
export function mutatedForm(body: Buffer, boundary: string, next: Random): Buffer {
  const pieces = ['\r', '\n', '\r\n', '-', '"', ';', '=', ':', ' ', '\\', '*', '\0', 'name=model'];
  pieces.push(`--${boundary}`, `\r\n--${boundary}\r\n`, 'filename=""', 'name="model"', '; ', '%');
  let out = body;
  for (let count = next(3); count >= 0; count--) {
    const at = next(out.length + 1);
    const insert =
      next(4) === 0
        ? body.subarray(next(body.length), next(body.length))
        : Buffer.from(next(3) === 0 ? '' : pick(pieces, next));
    const after = Math.min(out.length, at + next(3));
    out = Buffer.concat([out.subarray(0, at), insert, out.subarray(after)]);
  }
  return out;
}

function randomPart(next: Random, boundary: string): Part {
  const kind = next(8);
  if (kind <= 2) {
    const model = pick(MODELS, next);
    return { bytes: part(next, fieldHeaders(next, 'model'), Buffer.from(model)), model };
  }
  if (kind === 3 && next(4) === 0) {
    return {
      bytes: part(next, fieldHeaders(next, pick(TWINS, next)), Buffer.from('a')),
      isTwin: true,
    };
  }
  const content = randomContent(next, boundary);
  const name = next(6) === 0 ? 'model' : pick(OTHER_NAMES, next);
  const headers = kind <= 5 ? fileHeaders(next, name) : fieldHeaders(next, pick(OTHER_NAMES, next));
  return { bytes: part(next, headers, content) };
}

function part(next: Random, headers: readonly string[], content: Buffer): Buffer {
  const all = [...headers];
  while (next(6) === 0) all.splice(next(all.length + 1), 0, pick(EXTRA_HEADERS, next));
  return Buffer.concat([Buffer.from(`${all.join('\r\n')}\r\n\r\n`), content]);
}

function fieldHeaders(next: Random, name: string): string[] {
  const headers = [`${disposition(next)}${parameter(next, 'name', name)}`];
  if (next(4) === 0) headers.push(`Content-Type: ${pick(TEXT_TYPES, next)}`);
  if (next(8) === 0) headers.push('Content-Transfer-Encoding: 8bit');
  return headers;
}

function fileHeaders(next: Random, name: string): string[] {
  const parameters = [
    parameter(next, 'name', name),
    parameter(next, 'filename', pick(FILENAMES, next)),
  ];
  if (next(8) === 0) parameters.push("filename*=UTF-8''a.wav");
  if (next(4) === 0) parameters.reverse();
  const headers = [`${disposition(next)}${parameters.join('; ')}`];
  if (next(4) > 0) headers.push('Content-Type: application/octet-stream');
  return next(4) === 0 ? headers.toReversed() : headers;
}

function disposition(next: Random): string {
  return pick(
    [
      'Content-Disposition: form-data; ',
      'Content-Disposition: form-data; ',
      'content-disposition: form-data; ',
      'CONTENT-DISPOSITION:form-data;',
      'Content-Disposition: Form-Data ;\t',
    ],
    next,
  );
}

function parameter(next: Random, name: string, value: string): string {
  const isToken = /^[\w.-]+$/.test(value);
  return isToken && next(6) === 0 ? `${name}=${value}` : `${name}="${value}"`;
}

function randomContent(next: Random, boundary: string): Buffer {
  const delimiter = `--${boundary}`;
  const pieces: Buffer[] = [];
  for (let count = next(6); count > 0; count--) {
    const kind = next(7);
    if (kind === 0) pieces.push(Buffer.from(`x${delimiter}\r\n`));
    else if (kind <= 2)
      pieces.push(Buffer.from(`\r\n${delimiter.slice(0, next(delimiter.length))}`));
    else if (kind === 3)
      pieces.push(Buffer.from(pick(['\r', '\n', '\r\n', '\r\r\n', '\n\r'], next)));
    else if (kind === 4) pieces.push(Buffer.from(delimiter.slice(next(delimiter.length))));
    else pieces.push(Buffer.from(Array.from({ length: next(90) }, () => next(256))));
  }
  const content = Buffer.concat(pieces);
  const ends = ['\r', '\n'].some((end) => content.includes(`${end}${delimiter}`));
  return ends || content.indexOf(delimiter) === 0 ? Buffer.from('content') : content;
}

function randomBoundary(next: Random, anyLength: boolean): string {
  const dashes = '-'.repeat(pick([0, 2, 4, 24], next));
  const alphabet = pick(['-', 'ab', 'ab-', '0123456789abcdefXYZ_'], next);
  const size = anyLength ? 1 + next(30) : 27 + next(20);
  const rest = Array.from({ length: size }, () => alphabet.charAt(next(alphabet.length))).join('');
  return anyLength ? rest : dashes + rest;
}

function pick<T>(items: readonly T[], next: Random): T {
  return items[next(items.length)] as T;
}
