/** Bodies that somebody broke: bytes changed, taken out, doubled, moved, or put in between. */
import type { Random } from '../harness/random-json.ts';

const MAX_MUTATIONS = 4;
const MAX_RUN = 12;

/** What breaks UTF-8 in a way of its own: cut off, overlong, a surrogate, too high, a stray byte. */
const BAD_UTF8 = [
  '\xc3',
  '\xc0\xaf',
  '\xed\xa0\x80',
  '\xf4\x90\x80\x80',
  '\x80',
  '\xff',
  '\xe2\x82',
];

/** The body with up to four changes. `pieces` are what matters in its format, a character a byte. */
export function mutated(body: Buffer, pieces: readonly string[], random: Random): Buffer {
  let out = body;
  for (let count = random(MAX_MUTATIONS); count >= 0; count--) out = mutation(out, pieces, random);
  return out;
}

function mutation(body: Buffer, pieces: readonly string[], random: Random): Buffer {
  const at = random(body.length + 1);
  const to = Math.min(body.length, at + 1 + random(MAX_RUN));
  switch (random(8)) {
    case 0:
      return spliced(body, at, to, Buffer.alloc(0));
    case 1:
      return spliced(body, at, at, Buffer.of(random(256)));
    case 2:
      return spliced(body, at, Math.min(body.length, at + 1), Buffer.of(random(256)));
    case 3:
      return spliced(body, random(body.length + 1), null, body.subarray(at, to));
    case 4:
      return spliced(body, at, at, Buffer.from(pick(BAD_UTF8, random), 'latin1'));
    case 5:
      return body.subarray(0, at);
    default:
      return spliced(body, at, null, Buffer.from(pick(pieces, random), 'latin1'));
  }
}

/** `bytes` in the place of those from `from` to `to`; null: of none. */
function spliced(body: Buffer, from: number, to: number | null, bytes: Buffer): Buffer {
  return Buffer.concat([body.subarray(0, from), bytes, body.subarray(to ?? from)]);
}

export function pick<T>(items: readonly T[], random: Random): T {
  return items[random(items.length)] as T;
}
