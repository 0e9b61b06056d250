/** Lines of a file, cut from its stream. A line that is too long costs no memory. */
import type { ReadStream } from 'node:fs';

const NEWLINE = 10;

/** Each line without its end; null for one over `maxBytes`, which is read past. */
export async function* textLines(
  stream: ReadStream,
  maxBytes: number,
): AsyncGenerator<string | null> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  const take = (last: Buffer): string | null => {
    const isOver = heldBytes + last.length > maxBytes;
    const line = isOver ? null : Buffer.concat([...held, last]).toString('utf8');
    held = [];
    heldBytes = 0;
    return line;
  };
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      yield take(chunk.subarray(start, end));
      start = end + 1;
    }
    heldBytes += chunk.length - start;
    if (heldBytes > maxBytes) held = [];
    else if (start < chunk.length) held.push(chunk.subarray(start));
  }
  if (heldBytes > 0) yield take(Buffer.alloc(0));
}
