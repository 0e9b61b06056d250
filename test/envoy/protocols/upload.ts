/** A request whose body a test sends piece by piece, while it looks at what happens meanwhile. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { until } from '../../harness/until.ts';
import { Connection } from './connection.ts';

/** How a body travels to Envoy. */
export type Framing = 'content-length' | 'chunked' | 'HTTP/2';

export const FRAMINGS: readonly Framing[] = ['content-length', 'chunked', 'HTTP/2'];

export interface UploadOptions {
  readonly port: number;
  readonly path: string;
  /** Of the whole body; counts where the framing says it first. */
  readonly size: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Upload {
  /** Settles when the piece has left this process. */
  write(piece: string | Uint8Array): Promise<void>;
  /** The body is over. */
  end(): void;
  /** The status, or 0 where the request was reset without one, and what of the body came. */
  answer(): Promise<{ status: number; body: string }>;
  /** Settles when an answer has begun. */
  begun(): Promise<void>;
  /** Settles when the request, and an answer that has begun, end by a reset; fails where they end well. */
  reset(): Promise<void>;
  destroy(): void;
}

export function upload(framing: Framing, options: UploadOptions): Upload {
  return framing === 'HTTP/2' ? new Http2Upload(options) : new Http1Upload(framing, options);
}

export interface SendOptions extends Omit<UploadOptions, 'size'> {
  readonly parts: readonly (string | Uint8Array)[];
}

/** The bytes of a body in pieces, wherever these cut it. */
export function pieces(body: string | Uint8Array, size = 16_000): Uint8Array[] {
  const bytes = Buffer.from(body);
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

/** Sends the parts one by one for as long as anybody takes them. Status 0: a reset without an answer. */
export async function send(
  framing: Framing,
  { parts, ...options }: SendOptions,
): Promise<{ status: number; body: string }> {
  const size = parts.reduce((sum, part) => sum + Buffer.byteLength(part), 0);
  const sending = upload(framing, { ...options, size });
  const sent = (async () => {
    for (const part of parts) await sending.write(part);
    sending.end();
  })();
  try {
    return await sending.answer();
  } finally {
    sending.destroy();
    await sent;
  }
}

class Http1Upload implements Upload {
  readonly #connection: Connection;
  readonly #chunked: boolean;

  constructor(framing: Framing, { port, path, size, headers }: UploadOptions) {
    this.#connection = new Connection(port);
    this.#chunked = framing === 'chunked';
    const length = this.#chunked ? 'transfer-encoding: chunked' : `content-length: ${size}`;
    const all = { host: 'mesh', ...headers };
    const more = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#connection.write(`POST ${path} HTTP/1.1\r\n${length}\r\n${more.join('')}\r\n`);
  }

  async write(piece: string | Uint8Array): Promise<void> {
    if (this.#connection.isClosed) return;
    if (this.#chunked) this.#connection.write(`${Buffer.byteLength(piece).toString(16)}\r\n`);
    this.#connection.write(piece);
    if (this.#chunked) this.#connection.write('\r\n');
    await this.#connection.drain();
  }

  end(): void {
    if (this.#chunked) this.#connection.write('0\r\n\r\n');
  }

  async answer(): Promise<{ status: number; body: string }> {
    try {
      return await this.#connection.answer();
    } catch (error) {
      if (this.#connection.isClosed) return { status: 0, body: '' };
      throw error;
    }
  }

  async begun(): Promise<void> {
    await this.#connection.take(/\r\n\r\n/);
  }

  async reset(): Promise<void> {
    await this.#connection.whenClosed();
    if (/(^|\r\n)0\r\n\r\n$/.test(this.#connection.received))
      throw new Error('a whole answer came');
  }

  destroy(): void {
    this.#connection.destroy();
  }
}

class Http2Upload implements Upload {
  readonly #session: ClientHttp2Session;
  readonly #stream: ClientHttp2Stream;
  #status = 0;
  #body = '';

  constructor({ port, path, headers }: UploadOptions) {
    this.#session = connect(`http://127.0.0.1:${port}`);
    this.#stream = this.#session.request({
      ':method': 'POST',
      ':path': path,
      host: 'mesh',
      ...headers,
    });
    this.#stream.setEncoding('utf8');
    // A reset is one way to end.
    this.#stream.on('error', () => {});
    this.#stream.on('response', (got) => {
      this.#status = Number(got[':status']);
    });
    this.#stream.on('data', (data: string) => {
      this.#body += data;
    });
  }

  async write(piece: string | Uint8Array): Promise<void> {
    if (this.#stream.destroyed || this.#stream.writableEnded) return;
    await new Promise<void>((resolve) => {
      // A stream that is reset need not say what became of a write.
      this.#stream.once('close', resolve);
      this.#stream.write(piece, () => {
        this.#stream.off('close', resolve);
        resolve();
      });
    });
  }

  end(): void {
    if (!this.#stream.destroyed) this.#stream.end();
  }

  async answer(): Promise<{ status: number; body: string }> {
    await until('the stream ends', () => this.#stream.readableEnded || this.#stream.destroyed);
    return { status: this.#status, body: this.#body };
  }

  async begun(): Promise<void> {
    await until('an answer begins', () => this.#status > 0);
  }

  async reset(): Promise<void> {
    await until('the stream ends', () => this.#stream.destroyed);
    if (this.#stream.rstCode === 0) throw new Error('a whole answer came');
  }

  destroy(): void {
    this.#session.destroy();
  }
}
