/**
 * Reads a request for embeddings: `input` is a text, a list of texts, a list of tokens, which is one input,
 * or a list of such lists. All else must be the same for all who share a call.
 */
import { BatchRequest } from './batch-request.ts';
import { EDIT_LIST, Edit } from './edit.ts';
import { Fields } from './fields.ts';
import { END, JsonScan, MORE, OPEN_LIST } from './json-scan.ts';
import { Signature } from './signature.ts';
import { Span } from './span.ts';

const QUOTE: i32 = 0x22;
const TEXT: i32 = 0x74;
const TOKENS: i32 = 0x6e;

/** Fills in `request`. False where it must go on alone and unchanged. */
export function readEmbeddingsRequest(request: BatchRequest): boolean {
  if (request.hasHeader) return false;
  const scan = new JsonScan(request.bytes, request.jsonEnd, false);
  const fields = new Fields(request.bytes);
  const signature = new Signature();
  signature.byte(request.kind);
  let more = scan.firstKey();
  while (more == MORE) {
    if (scan.isText('input')) {
      const kind = request.slots.length > 0 ? -1 : readInput(scan, request);
      if (kind < 0) return false;
      signature.byte(kind);
    } else if (!fields.take(scan)) return false;
    more = scan.nextKey();
  }
  if (more != END || scan.peek() >= 0 || request.rows == 0) return false;
  fields.addTo(signature);
  request.signature = signature.finish();
  return true;
}

/** Returns TEXT, TOKENS, or -1 for what cannot be joined. */
function readInput(scan: JsonScan, request: BatchRequest): i32 {
  const c = scan.peek();
  const start = scan.at;
  if (c == QUOTE) {
    if (!scan.string()) return -1;
    addItem(request, scan.textEnd - scan.textStart);
    lone(request, start, scan.at);
    return TEXT;
  }
  if (c != OPEN_LIST) return -1;
  const inside = new JsonScan(request.bytes, request.jsonEnd, false);
  inside.at = start + 1;
  const first = inside.peek();
  if (first != QUOTE && first != OPEN_LIST) {
    const tokens = takeTokens(scan);
    if (tokens <= 0) return -1;
    addItem(request, tokens);
    lone(request, start, scan.at);
    return TOKENS;
  }
  if (!takeItems(scan, request, first)) return -1;
  place(request, start + 1, scan.at - 1);
  return first == QUOTE ? TEXT : TOKENS;
}

/** A list of texts or of token lists, not empty, whose items all begin with `first`. */
function takeItems(scan: JsonScan, request: BatchRequest, first: i32): boolean {
  let more = scan.firstItem();
  while (more == MORE) {
    if (scan.peek() != first) return false;
    if (first == QUOTE) {
      if (!scan.string()) return false;
      addItem(request, scan.textEnd - scan.textStart);
    } else {
      const tokens = takeTokens(scan);
      if (tokens <= 0) return false;
      addItem(request, tokens);
    }
    more = scan.nextItem();
  }
  return more == END;
}

/** Steps over a list of whole numbers and returns how many they are, or -1. */
function takeTokens(scan: JsonScan): i32 {
  let count: i32 = 0;
  let more = scan.firstItem();
  while (more == MORE) {
    if (scan.whole() < 0) return -1;
    count++;
    more = scan.nextItem();
  }
  return more == END ? count : -1;
}

/** An empty text costs something, too. */
function addItem(request: BatchRequest, weight: i32): void {
  request.rows++;
  request.weight += weight > 0 ? weight : 1;
}

function lone(request: BatchRequest, start: i32, end: i32): void {
  request.loneSlot = 0;
  place(request, start, end);
}

function place(request: BatchRequest, start: i32, end: i32): void {
  request.slots.push(new Span(start, end));
  request.edits.push(new Edit(EDIT_LIST, start, end, 0));
}
