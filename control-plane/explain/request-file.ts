/** A request as people write it down: an HTTP/1.1 message, or what `curl -v` shows of one. */
import { HeaderSource } from '../../filters/wire/header-source.ts';

export interface RequestFile {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Lower-case name to the first value. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

/** What is wrong with the file, for its author. */
export class RequestFileError extends Error {}

const FORM = 'a line "METHOD /path", headers "name: value", an empty line, and the body';

/** Line ends are LF or CRLF; the body is taken byte by byte as it stands. */
export function parseRequestFile(bytes: Buffer): RequestFile {
  const { head, body } = split(bytes);
  const [first = '', ...lines] = head.split(/\r?\n/);
  const [, method, path] = /^([A-Z]+) +(\/\S*)( +HTTP\/\S+)?$/.exec(first) ?? [];
  if (method === undefined || path === undefined) {
    throw new RequestFileError(`line 1 is not "METHOD /path": a request is ${FORM}`);
  }
  const headers = new Map<string, string>();
  for (const [index, line] of lines.entries()) {
    const [, name, value] = /^([^\s:]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) {
      throw new RequestFileError(`line ${index + 2} is not "name: value": a request is ${FORM}`);
    }
    if (!headers.has(name.toLowerCase())) headers.set(name.toLowerCase(), value);
  }
  return { method, path, headers, body };
}

function split(bytes: Buffer): { head: string; body: Buffer } {
  const text = bytes.toString('latin1');
  const [end] = /\r?\n\r?\n/.exec(text) ?? [];
  if (end === undefined) return { head: text.trimEnd(), body: Buffer.alloc(0) };
  const at = text.indexOf(end);
  return { head: text.slice(0, at), body: bytes.subarray(at + end.length) };
}

/** The headers as the filters ask for them, pseudo-headers included. */
export class FileHeaders extends HeaderSource {
  private readonly request: RequestFile;

  constructor(request: RequestFile) {
    super();
    this.request = request;
  }

  override get(name: string): string {
    if (name === ':method') return this.request.method;
    if (name === ':path') return this.request.path;
    return this.request.headers.get(name === ':authority' ? 'host' : name) ?? '';
  }
}
