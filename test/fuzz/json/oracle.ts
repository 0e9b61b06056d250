/**
 * What has to be found in a body: told from JSON.parse and from a walk over what it took. Every byte counts
 * as a character of its own, as JSON's grammar is one of ASCII; only where a text is wanted must it be
 * UTF-8. Knows nothing of pieces.
 */
import {
  READ_DONE,
  READ_MALFORMED,
  READ_NO_MODEL,
  READ_NOT_OBJECT,
  READ_NOT_STRING,
  READ_SECOND,
  READ_TOO_DEEP,
} from '../../../filters/wire/body-reader.ts';
import { type Path, walk } from './tokens.ts';

/** Written out again: an oracle that took them from the scanner would follow its mistakes. */
const MAX_DEPTH = 512;
const MAX_NAME_UNITS = 512;
const MAX_NAME_BYTES = 512 * 6;
const MAX_FIELD_BYTES = 1024;

export interface ExpectedJson {
  /** As JSON.parse has it. */
  readonly value: unknown;
  readonly status: number;
  readonly name: string;
  readonly nameTooLong: boolean;
  /** Where the name's token stands, in bytes; -1: nowhere. */
  readonly offset: number;
  readonly length: number;
  /** By path; what is missing is not there. Only complete where the body was read to its end. */
  readonly fields: ReadonlyMap<string, string>;
}

/** Null where JSON.parse refuses the body. A byte order mark at its beginning is let pass. */
export function expectedJson(body: Buffer, wanted: readonly string[]): ExpectedJson | null {
  const hasMark = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf;
  const markBytes = hasMark ? 3 : 0;
  const text = body.toString('latin1', markBytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const search = new Search(wanted, markBytes);
  search.run(text, value);
  return { ...search.found, value, fields: search.fields };
}

/** Ends a walk: from here on nothing changes. */
class Settled {}

class Search {
  found = { status: READ_NO_MODEL, name: '', nameTooLong: false, offset: -1, length: 0 };
  readonly fields = new Map<string, string>();
  private readonly wanted: ReadonlySet<string>;
  private readonly markBytes: number;
  private hasTwin = false;

  constructor(wanted: readonly string[], markBytes: number) {
    this.wanted = new Set(wanted);
    this.markBytes = markBytes;
  }

  run(text: string, value: unknown): void {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.found.status = READ_NOT_OBJECT;
      return;
    }
    try {
      walk(text, {
        key: (key, depth) => this.key(key, depth),
        begin: (path, token, depth, from) => this.value(path, token, depth, from),
      });
    } catch (end) {
      if (!(end instanceof Settled)) throw end;
    }
  }

  private key(key: string, depth: number): void {
    if (depth > 1 || !/^model$/i.test(key)) return;
    if (this.found.status === READ_DONE) this.settle(READ_SECOND);
    if (key !== 'model') this.hasTwin = true;
  }

  private value(path: Path, token: string, depth: number, from: number): void {
    if (path?.length === 1 && path[0] === 'model') this.model(token, from);
    else if (path !== null && this.isWanted(path)) this.field(path.join('.'), token);
    const opens = token === '{' || token === '[';
    if (opens && depth >= MAX_DEPTH) this.settle(READ_TOO_DEEP);
  }

  /** A dot in a key is not that of a path. */
  private isWanted(path: readonly string[]): boolean {
    return !path.some((key) => key.includes('.')) && this.wanted.has(path.join('.'));
  }

  private model(token: string, from: number): void {
    if (!token.startsWith('"')) this.settle(READ_NOT_STRING);
    const name = textOf(token, MAX_NAME_BYTES);
    if (name === null) this.settle(READ_MALFORMED);
    const nameTooLong = name === undefined || name.length > MAX_NAME_UNITS;
    this.found = {
      status: READ_DONE,
      name: nameTooLong ? '' : name,
      nameTooLong,
      offset: from + this.markBytes,
      length: token.length,
    };
    if (this.hasTwin) this.settle(READ_SECOND);
  }

  private field(path: string, token: string): void {
    const text = token.startsWith('"') ? textOf(token, MAX_FIELD_BYTES) : plainText(token);
    if (text === null) this.settle(READ_MALFORMED);
    // The first of equal keys counts.
    if (!this.fields.has(path)) this.fields.set(path, text ?? '');
  }

  private settle(status: number): never {
    this.found.status = status;
    throw new Settled();
  }
}

/** A number or a word as it is written; nothing of anything else. */
function plainText(token: string): string {
  const isText = token === 'true' || token === 'false' || /^[-\d]/.test(token);
  return isText && token.length <= MAX_FIELD_BYTES ? token : '';
}

/** The text of a string's token, undefined where it is too long, null where it is not UTF-8. */
function textOf(token: string, maxBytes: number): string | null | undefined {
  if (token.length - 2 > maxBytes) return undefined;
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    return JSON.parse(decoder.decode(Buffer.from(token, 'latin1'))) as string;
  } catch {
    return null;
  }
}
