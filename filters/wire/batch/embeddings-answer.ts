/**
 * Reads the answer to joined requests for embeddings: `data` has an item for each input, in their order,
 * and `usage` counts all of them. What a member used cannot be known: each number is divided in proportion
 * to the members' inputs, and the parts add up to it.
 */
import { apportion } from './apportion.ts';
import { BatchAnswer } from './batch-answer.ts';
import { EDIT_COUNT, EDIT_ITEMS, Edit } from './edit.ts';
import { END, JsonScan, MORE, OPEN_OBJECT } from './json-scan.ts';
import { ListWalk } from './list-walk.ts';

const MAX_COUNTS: i32 = 32;

/** Fills in `answer`. False where it cannot be cut. */
export function readEmbeddingsAnswer(answer: BatchAnswer): boolean {
  if (answer.hasHeader) return false;
  const scan = new JsonScan(answer.bytes, answer.jsonEnd, true);
  let hasUsage = false;
  let more = scan.firstKey();
  while (more == MORE) {
    if (scan.isText('data')) {
      if (answer.cuts.length > 0 || !readData(scan, answer)) return false;
    } else if (scan.isText('usage')) {
      if (hasUsage || !readUsage(scan, answer)) return false;
      hasUsage = true;
    } else if (!scan.scalar(scan.peek())) {
      // A list or object that nobody knows may have a part for each input.
      return false;
    }
    more = scan.nextKey();
  }
  return more == END && scan.peek() < 0 && answer.cuts.length > 0;
}

function readData(scan: JsonScan, answer: BatchAnswer): boolean {
  const share = answer.share;
  const walk = new ListWalk(share.rows);
  let more = walk.open(scan);
  while (more == MORE) {
    scan.peek();
    const from = scan.at;
    if (walk.elements >= share.totalRows || !readItem(scan, answer, walk.elements)) return false;
    walk.count(from, scan.at);
    more = scan.nextItem();
  }
  if (!walk.close(scan, more) || !walk.isCut) return false;
  answer.cuts.push(walk.cuts);
  answer.edits.push(new Edit(EDIT_ITEMS, walk.start, walk.end, 0));
  return true;
}

/** An item must say of itself that it is the one in this place. */
function readItem(scan: JsonScan, answer: BatchAnswer, row: i32): boolean {
  let found = false;
  let more = scan.firstKey();
  while (more == MORE) {
    if (scan.isText('index')) {
      scan.peek();
      const start = scan.at;
      if (found || scan.whole() != row) return false;
      answer.indexes.push(start);
      answer.indexes.push(scan.at);
      found = true;
    } else if (!scan.value()) return false;
    more = scan.nextKey();
  }
  return more == END && found;
}

/** Every whole number in it is divided; one with a fraction cannot be. */
function readUsage(scan: JsonScan, answer: BatchAnswer): boolean {
  const c = scan.peek();
  if (c != OPEN_OBJECT) return c == 0x6e && scan.scalar(c);
  let more = scan.firstKey();
  while (more == MORE) {
    const inner = scan.peek();
    if (inner == OPEN_OBJECT) {
      if (!readDetails(scan, answer)) return false;
    } else if (!readCount(scan, answer)) return false;
    more = scan.nextKey();
  }
  return more == END;
}

/** One level of details is known, as `prompt_tokens_details`. */
function readDetails(scan: JsonScan, answer: BatchAnswer): boolean {
  let more = scan.firstKey();
  while (more == MORE) {
    if (!readCount(scan, answer)) return false;
    more = scan.nextKey();
  }
  return more == END;
}

/** A number to divide, or a word or text that all get. */
function readCount(scan: JsonScan, answer: BatchAnswer): boolean {
  const c = scan.peek();
  if (c < 0x30 || c > 0x39) return c != 0x2d && scan.scalar(c);
  const start = scan.at;
  const total = scan.whole();
  if (total < 0 || answer.counts.length >= MAX_COUNTS) return false;
  answer.edits.push(new Edit(EDIT_COUNT, start, scan.at, answer.counts.length));
  answer.counts.push(apportion(total, answer.share.weights));
  return true;
}
