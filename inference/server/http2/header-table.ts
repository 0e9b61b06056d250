/** What HPACK (RFC 7541, appendix A) knows from the start, and what a connection adds to it. */

type Entry = readonly [name: string, value: string];

const STATIC: readonly Entry[] = [
  [':authority', ''],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  ...['200', '204', '206', '304', '400', '404', '500'].map((code): Entry => [':status', code]),
  ['accept-charset', ''],
  ['accept-encoding', 'gzip, deflate'],
  ...(
    'accept-language accept-ranges accept access-control-allow-origin age allow authorization ' +
    'cache-control content-disposition content-encoding content-language content-length ' +
    'content-location content-range content-type cookie date etag expect expires from host ' +
    'if-match if-modified-since if-none-match if-range if-unmodified-since last-modified link ' +
    'location max-forwards proxy-authenticate proxy-authorization range referer refresh ' +
    'retry-after server set-cookie strict-transport-security transfer-encoding user-agent vary ' +
    'via www-authenticate'
  )
    .split(' ')
    .map((name): Entry => [name, '']),
];

/** What an entry counts for beside its bytes. */
const OVERHEAD = 32;

/** Newest first behind the fixed ones; the oldest go when there is no room. */
export class HeaderTable {
  /** Oldest first. */
  readonly #entries: Entry[] = [];
  readonly #limit: number;
  #maxSize: number;
  #size = 0;
  /** Changes with every change of what indexes mean. */
  version = 0;

  /** `limit` in bytes, as HPACK counts them. */
  constructor(limit: number) {
    this.#limit = limit;
    this.#maxSize = limit;
  }

  /** @returns undefined when there is none; indexes begin with 1. */
  at(index: number): Entry | undefined {
    if (index <= STATIC.length) return STATIC[index - 1];
    return this.#entries[this.#entries.length - (index - STATIC.length)];
  }

  add(name: string, value: string): void {
    this.version++;
    this.#size += name.length + value.length + OVERHEAD;
    this.#entries.push([name, value]);
    this.#shrink();
  }

  /** @returns false when that is more than was allowed. */
  resize(maxSize: number): boolean {
    if (maxSize > this.#limit) return false;
    this.version++;
    this.#maxSize = maxSize;
    this.#shrink();
    return true;
  }

  #shrink(): void {
    while (this.#size > this.#maxSize) {
      const [name, value] = this.#entries.shift() as Entry;
      this.#size -= name.length + value.length + OVERHEAD;
    }
  }
}
