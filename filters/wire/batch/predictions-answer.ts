/**
 * Reads the answer to joined requests of KServe's V1 protocol: as many predictions as there were instances.
 * What stands beside them is kept, if it is plain; a list or object there may well have a part for each
 * instance, which would show one member what is another's.
 */
import { BatchAnswer } from './batch-answer.ts';
import { EDIT_LIST, Edit } from './edit.ts';
import { END, JsonScan, MORE } from './json-scan.ts';
import { ListWalk } from './list-walk.ts';

/** Fills in `answer`. False where it cannot be cut. */
export function readPredictionsAnswer(answer: BatchAnswer): boolean {
  if (answer.hasHeader) return false;
  const scan = new JsonScan(answer.bytes, answer.jsonEnd, true);
  let more = scan.firstKey();
  while (more == MORE) {
    if (scan.isText('predictions')) {
      if (answer.cuts.length > 0 || !readPredictions(scan, answer)) return false;
    } else if (!scan.scalar(scan.peek())) return false;
    more = scan.nextKey();
  }
  return more == END && scan.peek() < 0 && answer.cuts.length > 0;
}

function readPredictions(scan: JsonScan, answer: BatchAnswer): boolean {
  const walk = new ListWalk(answer.share.rows);
  if (!walk.values(scan) || !walk.isCut) return false;
  answer.cuts.push(walk.cuts);
  answer.edits.push(new Edit(EDIT_LIST, walk.start, walk.end, 0));
  return true;
}
