/** Writes header blocks (HPACK) without a table of its own, so that they mean the same on every connection. */

/** Literal without indexing, with a name that follows. */
const LITERAL = 0;
/** Index 8 of the fixed table: `:status: 200`. */
const STATUS_200 = 0x88;
/** `:status` with another value. */
const STATUS_INDEX = 8;

export function headerBlock(
  status: number | undefined,
  headers: readonly [string, string][],
): Buffer {
  const parts: Buffer[] = [];
  if (status === 200) parts.push(Buffer.of(STATUS_200));
  else if (status !== undefined) parts.push(Buffer.of(STATUS_INDEX), text(String(status)));
  for (const [name, value] of headers) parts.push(Buffer.of(LITERAL), text(name), text(value));
  return Buffer.concat(parts);
}

/** Characters beyond latin1 must not be in it. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  return Buffer.concat([integer(bytes.length), bytes]);
}

/** With a prefix of 7 bits, as lengths of texts that are not Huffman-coded have. */
function integer(value: number): Buffer {
  if (value < 127) return Buffer.of(value);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}
