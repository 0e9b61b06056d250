/** What is written in the place of the model's public name: pure arithmetic on paths and bytes. */
import { formatDecimal, parseDecimal } from '../wire/decimal.ts';
import { decodeJsonString } from '../wire/json-string.ts';
import { parseOpenInferencePath } from '../wire/open-inference-path.ts';
import { percentDecode } from '../wire/percent.ts';
import { RewriterProgram } from './program.ts';

const QUOTE: i32 = 0x22;
const FIELDS: i32 = 4;

/**
 * A request as it was before its first attempt. All attempts share one header map, so a later one finds
 * the path and content-length of the one before, and the router's headers gone: each begins from here.
 */
export class Original {
  /** The model's public name, percent-encoded. */
  model: string = '';
  /** Where the body names it; empty where the path does. */
  span: string = '';
  /** Needed with a span; empty where the body is chunked. */
  contentLength: string = '';
  /** Needed without a span. */
  path: string = '';

  /** One line per field: header values have no line breaks. */
  encode(): string {
    const rest = this.span + '\n' + this.contentLength + '\n' + this.path;
    return this.model + '\n' + rest;
  }
}

/** What `encode` wrote, or null where the text is something else. */
export function decodeOriginal(text: string): Original | null {
  const lines = text.split('\n');
  if (lines.length != FIELDS) return null;
  const original = new Original();
  original.model = lines[0];
  original.span = lines[1];
  original.contentLength = lines[2];
  original.path = lines[3];
  return original;
}

/**
 * The path under which this backend serves `model`, or null where `path` does not name that model. A
 * version that the client named stays; the query stays.
 */
export function rewritePath(program: RewriterProgram, path: string, model: string): string | null {
  const parts = parseOpenInferencePath(path);
  if (parts === null) return null;
  const named = path.substring(parts.modelFrom, parts.modelTo);
  const decoded = percentDecode(named);
  if (decoded === null || decoded != model) return null;
  const other = program.servedModel.length > 0 && program.servedModel != model;
  let out = path.substring(0, parts.modelFrom) + (other ? program.modelSegment : named);
  if (!parts.versioned && program.versionSegment.length > 0) {
    out += '/versions/' + program.versionSegment;
  }
  return out + path.substring(parts.modelTo);
}

/**
 * One replacement in a body, and the only owner of its arithmetic: a content-length that differs from
 * the bytes sent makes the next request on the connection begin inside this one.
 */
export class BodyEdit {
  /** First byte of the token, and its length, quotes included. */
  private offset: i32;
  private length: i32;
  /** The name that must stand there. */
  private model: string;
  private replacement: Uint8Array;

  constructor(offset: i32, length: i32, model: string, replacement: Uint8Array) {
    this.offset = offset;
    this.length = length;
    this.model = model;
    this.replacement = replacement;
  }

  /** The content-length after the edit; empty where `before` is none or ends inside the token. */
  contentLength(before: string): string {
    const length = parseDecimal(before);
    if (length < f64(this.end())) return '';
    return formatDecimal(length - f64(this.length) + f64(this.replacement.length));
  }

  /** Index after the token: this many bytes must be there before the edit can be made. */
  end(): i32 {
    return this.offset + this.length;
  }

  /** Whether the first `size` bytes name the model where they should. */
  matches(bytes: Uint8Array, size: i32): boolean {
    if (size < this.end()) return false;
    const first: i32 = bytes[this.offset];
    const last: i32 = bytes[this.end() - 1];
    if (first != QUOTE || last != QUOTE) return false;
    const name = decodeJsonString(bytes, this.offset + 1, this.end() - 1);
    return name !== null && name == this.model;
  }

  /** The first `size` bytes of the body, edited, as a new array. */
  apply(bytes: Uint8Array, size: i32): Uint8Array {
    const out: Uint8Array = new Uint8Array(size - this.length + this.replacement.length);
    out.set(bytes.subarray(0, this.offset));
    out.set(this.replacement, this.offset);
    out.set(bytes.subarray(this.end(), size), this.offset + this.replacement.length);
    return out;
  }
}

/** The edit at a span `offset+length`, or null where that is none. */
export function parseBodyEdit(span: string, model: string, token: Uint8Array): BodyEdit | null {
  const plus = span.indexOf('+');
  if (plus < 0) return null;
  const offset = parseDecimal(span.substring(0, plus));
  const length = parseDecimal(span.substring(plus + 1));
  if (offset < 0 || length < 2 || offset + length > f64(i32.MAX_VALUE)) return null;
  return new BodyEdit(i32(offset), i32(length), model, token);
}
