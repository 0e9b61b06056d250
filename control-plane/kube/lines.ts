/** Lines out of chunks, each of a bounded length. */

/**
 * Returns what takes the chunks. A line that is not complete when they end is dropped.
 * @throws {Error} from the returned function, when a line grows beyond `maxBytes`.
 */
export function createLines(maxBytes: number, onLine: (line: string) => void) {
  let pieces: Buffer[] = [];
  let held = 0;
  const hold = (piece: Buffer): void => {
    held += piece.length;
    if (held > maxBytes) throw new Error(`a line of more than ${maxBytes} bytes`);
    pieces.push(piece);
  };
  return (chunk: Buffer): void => {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(10, start);
      if (end < 0) break;
      hold(chunk.subarray(start, end));
      const line = Buffer.concat(pieces).toString();
      pieces = [];
      held = 0;
      start = end + 1;
      if (line !== '') onLine(line);
    }
    if (start < chunk.length) hold(chunk.subarray(start));
  };
}
