import type { IncomingMessage } from 'node:http';
import { RequestError } from '../protocol/errors.ts';

export interface BodyLimits {
  /** Of one body. */
  readonly maxBodyBytes: number;
  /** Of all bodies whose requests are not yet answered. */
  readonly maxHeldBytes: number;
}

/** A body, and the memory it counts for until its request is answered. */
export interface HeldBody {
  readonly bytes: Buffer;
  /** Call once, when the request is answered. */
  release(): void;
}

/** Reads bodies within limits, counting what is held. */
export class BodyReader {
  readonly #limits: BodyLimits;
  #heldBytes = 0;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** One of the three is called, once; `onGone` when the client goes away first. */
  read(
    request: IncomingMessage,
    onBody: (body: HeldBody) => void,
    onError: (error: RequestError) => void,
    onGone?: () => void,
  ): void {
    const declared = Number(request.headers['content-length'] ?? 0);
    const refusal = this.#refuse(request, declared);
    if (refusal) {
      // What still comes is thrown away, so that the client gets to read the answer.
      request.resume();
      onError(refusal);
      return;
    }
    let chunks: Buffer[] = [];
    let length = 0;
    let done = false;
    const release = (): void => {
      this.#heldBytes -= length;
      length = 0;
    };
    request.on('data', (chunk: Buffer) => {
      if (done) return;
      const error = this.#checkSize(length + chunk.length, chunk.length);
      if (error) {
        done = true;
        chunks = [];
        release();
        onError(error);
        return;
      }
      this.#heldBytes += chunk.length;
      length += chunk.length;
      chunks.push(chunk);
    });
    request.on('end', () => {
      if (done) return;
      done = true;
      const [first] = chunks;
      onBody({ bytes: first && chunks.length === 1 ? first : Buffer.concat(chunks), release });
    });
    request.on('error', () => {
      if (done) return;
      done = true;
      release();
      onGone?.();
    });
  }

  #refuse(request: IncomingMessage, declaredBytes: number): RequestError | undefined {
    const encoding = request.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      return new RequestError(
        'unsupported-media',
        `content-encoding ${encoding} is not supported; send it plain`,
      );
    }
    return this.#checkSize(declaredBytes, 0);
  }

  #checkSize(bodyBytes: number, addedBytes: number): RequestError | undefined {
    const { maxBodyBytes, maxHeldBytes } = this.#limits;
    if (bodyBytes > maxBodyBytes) {
      return new RequestError(
        'too-large',
        `the body has more than ${maxBodyBytes} bytes; send fewer rows at a time, or raise --max-body-bytes`,
      );
    }
    if (this.#heldBytes + addedBytes > maxHeldBytes) {
      return new RequestError(
        'exhausted',
        `requests of ${maxHeldBytes} bytes are being answered (--max-held-bytes); try again later`,
      );
    }
    return undefined;
  }
}
