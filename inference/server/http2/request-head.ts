/** As RFC 9110 has it, without capitals. */
const NAME = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const BAD_VALUE = /[\0\r\n]/;
/** Of another version of HTTP. */
const CONNECTION_HEADERS = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);
const PSEUDO = new Set([':method', ':path', ':scheme', ':authority']);
/** Of all headers of a request, as HPACK counts them. */
export const MAX_HEADER_BYTES = 16_384;
/** What an entry counts for beside its bytes. */
const OVERHEAD = 32;

/** The headers of one request. */
export class RequestHead {
  /** Whether they keep to RFC 9113, section 8. */
  malformed = false;
  /** Whether they have more bytes than they may; what was too much is not here. */
  tooLarge = false;
  /** Names and values in turns, as they came. */
  readonly #list: string[] = [];
  readonly #maxBytes: number;
  readonly #trailers: boolean;
  #bytes = 0;
  #regular = false;

  constructor(maxBytes: number, trailers = false) {
    this.#maxBytes = maxBytes;
    this.#trailers = trailers;
  }

  get method(): string | undefined {
    return this.get(':method');
  }

  get path(): string | undefined {
    return this.get(':path');
  }

  /** The first of them. */
  get(name: string): string | undefined {
    const list = this.#list;
    for (let i = 0; i < list.length; i += 2) if (list[i] === name) return list[i + 1];
    return undefined;
  }

  readonly add = (name: string, value: string): void => {
    this.#bytes += name.length + value.length + OVERHEAD;
    if (this.#bytes > this.#maxBytes) {
      this.tooLarge = true;
      return;
    }
    this.malformed ||= !this.#fits(name, value);
    this.#list.push(name, value);
  };

  /** Call when all were added. */
  finish(): void {
    if (this.#trailers || this.tooLarge) return;
    const complete =
      this.method !== undefined && this.get(':scheme') !== undefined && (this.path ?? '') !== '';
    this.malformed ||= !complete;
  }

  #fits(name: string, value: string): boolean {
    if (!NAME.test(name) || BAD_VALUE.test(value)) return false;
    if (name.startsWith(':')) {
      return !this.#trailers && !this.#regular && PSEUDO.has(name) && this.get(name) === undefined;
    }
    this.#regular = true;
    if (name === 'te') return value === 'trailers';
    return !CONNECTION_HEADERS.has(name);
  }
}
