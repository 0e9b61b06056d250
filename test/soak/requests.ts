/** What the clients of a soak send: written once, sent a million times, each with the answer it must get. */
import { randomSource } from '../harness/random.ts';

export interface SoakRequest {
  readonly name: string;
  /** Of all requests, relative to the other shares. */
  readonly share: number;
  /** Head and body of HTTP/1.1. */
  readonly bytes: Buffer;
  /** Status of its answer; null: the client hangs up once it has sent this. */
  readonly expected: number | null;
  /** The bytes of its answer's body, each as a letter; left out: any. */
  readonly answer?: string;
  /** Another status that is right, with any body. */
  readonly orElse?: number;
}

/** Longer ones are not sent again and again: they would be all that a soak does. */
const MAX_BURST_BYTES = 50_000;

/**
 * The next request, from a seed: so many of the mix, then as many of one kind, of each kind in turn, as a
 * client's mistake comes many times. Who hangs up needs a new connection: of those only a few.
 */
export function requestMix(
  requests: readonly SoakRequest[],
  seed: number,
  burst: number,
): () => SoakRequest {
  const random = randomSource(seed);
  const total = requests.reduce((sum, { share }) => sum + share, 0);
  const kinds = requests.filter(
    ({ bytes, expected }) => bytes.length < MAX_BURST_BYTES && expected !== null,
  );
  let count = 0;
  return () => {
    const segment = Math.floor(count++ / burst);
    if (segment % 2 === 1) return kinds[((segment - 1) / 2) % kinds.length] as SoakRequest;
    let point = random(total);
    const found = requests.find(({ share }) => {
      point -= share;
      return point < 0;
    });
    return found as SoakRequest;
  };
}

/** Head and body as they go over a connection. */
export function requestBytes(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string | Buffer,
): Buffer {
  const bytes = Buffer.from(body);
  const all = { host: 'mesh', ...headers, 'content-length': String(bytes.length) };
  const lines = Object.entries(all).map(([key, value]) => `${key}: ${value}\r\n`);
  const head = `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
  return Buffer.concat([Buffer.from(head), bytes]);
}
