/**
 * What has to become of an answer, told from whole bodies: by JSON.parse and a walk over what it took, and by
 * a protobuf library. Knows nothing of pieces. A character a byte, everywhere.
 */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { messagesOf } from '../../harness/random-grpc.ts';
import { walk } from '../json/tokens.ts';

/** Written out again: an oracle that took them from the editors would follow their mistakes. */
const MAX_TOKEN_BYTES = 512 * 6 + 2;
const MAX_NUMBER_BYTES = 32;
const MAX_NAME_BYTES = 512 * 3;
const MAX_BYTES_BEFORE_NAME = 128;
const USAGE_IN = ['usage.prompt_tokens', 'usage.input_tokens'];
const USAGE_OUT = ['usage.completion_tokens', 'usage.output_tokens'];

export interface ExpectedAnswer {
  readonly text: string;
  readonly replaced: number;
  readonly tokensIn: number;
  readonly tokensOut: number;
}

/** What is looked for in a JSON text. */
export interface JsonWish {
  readonly names: readonly string[];
  /** The public name as it is written into the text; null: the name stays. */
  readonly token: string | null;
  readonly countTokens: boolean;
  /** Objects below which it is looked for, as at the top. */
  readonly below: readonly string[];
}

export class JsonOracle {
  replaced = 0;
  tokensIn = -1;
  tokensOut = -1;
  private readonly wish: JsonWish;

  constructor(wish: JsonWish) {
    this.wish = wish;
  }

  /** The places of what is replaced in a text, begin and end; null where JSON.parse refuses it. */
  edits(text: string): readonly (readonly [number, number])[] | null {
    try {
      JSON.parse(text);
    } catch {
      return null;
    }
    const edits: [number, number][] = [];
    let named = false;
    walk(text, {
      begin: (path, token, _depth, from) => {
        if (path === null || path.length === 0) return;
        const isBelow = path.length > 1 && this.wish.below.includes(path[0] ?? '');
        const place = isBelow ? path.slice(1) : path;
        if (this.wish.countTokens && place.length === 2) this.count(place.join('.'), token);
        const isName = place.length === 1 && this.wish.names.includes(place[0] ?? '');
        if (named || !isName || !token.startsWith('"') || this.wish.token === null) return;
        named = true;
        if (token.length > MAX_TOKEN_BYTES || token === this.wish.token) return;
        edits.push([from, from + token.length]);
      },
    });
    this.replaced += edits.length;
    return edits;
  }

  private count(place: string, token: string): void {
    const value = Number(token);
    const isCount = /^\d/.test(token) && token.length <= MAX_NUMBER_BYTES;
    if (!isCount || !Number.isSafeInteger(value)) return;
    if (USAGE_IN.includes(place)) this.tokensIn = value;
    if (USAGE_OUT.includes(place)) this.tokensOut = value;
  }
}

/** A body whose first `jsonBytes` are JSON; null where they are not. */
export function expectedJsonAnswer(
  body: string,
  wish: JsonWish,
  jsonBytes: number,
): ExpectedAnswer | null {
  const oracle = new JsonOracle(wish);
  const mark = body.startsWith('\xef\xbb\xbf') ? 3 : 0;
  const edits = oracle.edits(body.slice(mark, jsonBytes));
  if (edits === null) return null;
  const shifted = edits.map(([from, to]): [number, number] => [from + mark, to + mark]);
  return { ...countsOf(oracle), text: replaced(body, shifted, wish.token ?? '') };
}

/** A stream of events; null where the data of one of them is not JSON, or is none by itself. */
export function expectedEvents(body: string, wish: JsonWish): ExpectedAnswer | null {
  const oracle = new JsonOracle(wish);
  const edits: [number, number][] = [];
  for (const places of dataOf(body)) {
    const text = places.map((at) => body[at] ?? '').join('');
    if (text === '[DONE]' || text === '') continue;
    const found = oracle.edits(text);
    if (found === null) return null;
    // A name never goes over the end of a line.
    for (const [from, to] of found) edits.push([places[from] ?? 0, (places[to - 1] ?? 0) + 1]);
  }
  return { ...countsOf(oracle), text: replaced(body, edits, wish.token ?? '') };
}

function countsOf({ replaced, tokensIn, tokensOut }: JsonOracle): Omit<ExpectedAnswer, 'text'> {
  return { replaced, tokensIn, tokensOut };
}

/** Of each event the places of its data's characters, ends of lines included, trimmed. */
function dataOf(body: string): number[][] {
  const events: number[][] = [];
  let data: number[] = [];
  let from = body.startsWith('\xef\xbb\xbf') ? 3 : 0;
  while (from < body.length) {
    const end = /\r\n|\r|\n|$/g;
    end.lastIndex = from;
    const match = end.exec(body);
    const to = match?.index ?? body.length;
    const next = to + Math.max(match?.[0].length ?? 0, 1);
    const line = body.slice(from, to);
    const prefix = /^data: ?/.exec(line);
    if (line === '') {
      events.push(data);
      data = [];
    } else if (prefix !== null) {
      for (let at = from + prefix[0].length; at < next; at++) data.push(at);
    }
    from = next;
  }
  events.push(data);
  return events.map((places) => {
    const blank = (at: number | undefined): boolean =>
      at !== undefined && /\s/.test(body[at] ?? ' ');
    let size = places.length;
    while (size > 0 && blank(places[size - 1])) size--;
    return places.slice(0, size);
  });
}

function replaced(body: string, edits: readonly (readonly [number, number])[], by: string): string {
  let out = '';
  let at = 0;
  for (const [from, to] of edits) {
    out += body.slice(at, from) + by;
    at = to;
  }
  return out + body.slice(at);
}

/** gRPC frames whose messages a library takes; `path` are the fields that lead to the name. */
export function expectedMessages(
  body: Uint8Array,
  path: readonly number[],
  name: string,
  onlyFirst: boolean,
): ExpectedAnswer {
  let count = 0;
  const frames = messagesOf(body).map((message, index) => {
    const edited = index > 0 && onlyFirst ? null : renamed(message, 5, path, name);
    if (edited !== null) count++;
    const out = edited ?? message;
    const header = Buffer.alloc(5);
    header.writeUInt32BE(out.length, 1);
    return Buffer.concat([header, out]);
  });
  const text = Buffer.concat(frames).toString('latin1');
  return { text, replaced: count, tokensIn: -1, tokensOut: -1 };
}

/** The message with the first field on the path renamed; null: it stays. `offset` is its place in the frame. */
function renamed(
  message: Uint8Array,
  offset: number,
  [wanted, ...rest]: readonly number[],
  name: string,
): Uint8Array | null {
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len && offset + reader.pos < MAX_BYTES_BEFORE_NAME) {
    const [number, wireType] = reader.tag();
    if (number >= 2 ** 28 || wireType === WireType.StartGroup) return null;
    if (number !== wanted) {
      reader.skip(wireType, number);
      continue;
    }
    if (wireType !== WireType.LengthDelimited) return null;
    const from = reader.pos;
    const before = reader.bytes();
    const valueAt = reader.pos - before.length;
    const value =
      rest.length > 0 ? renamed(before, offset + valueAt, rest, name) : named(before, name);
    if (value === null) return null;
    const length = new BinaryWriter().bytes(value).finish();
    return Buffer.concat([message.subarray(0, from), length, message.subarray(reader.pos)]);
  }
  return null;
}

function named(before: Uint8Array, name: string): Uint8Array | null {
  const value = Buffer.from(name);
  return before.length > MAX_NAME_BYTES || value.equals(before) ? null : value;
}
