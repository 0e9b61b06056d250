/**
 * Reads a request of KServe's V1 protocol in its row form, `{"instances":[...]}`. What stands beside the
 * instances must be the same for all who share a call; the columnar form, `inputs`, goes on alone.
 */
import { BatchRequest } from './batch-request.ts';
import { EDIT_LIST, Edit } from './edit.ts';
import { Fields } from './fields.ts';
import { END, JsonScan, MORE, OPEN_LIST, OPEN_OBJECT } from './json-scan.ts';
import { ListWalk, NO_RUNS } from './list-walk.ts';
import { Signature } from './signature.ts';
import { Span } from './span.ts';

/** Fills in `request`. False where it must go on alone and unchanged. */
export function readInstancesRequest(request: BatchRequest): boolean {
  if (request.hasHeader) return false;
  const scan = new JsonScan(request.bytes, request.jsonEnd, false);
  const fields = new Fields(request.bytes);
  const signature = new Signature();
  signature.byte(request.kind);
  let more = scan.firstKey();
  while (more == MORE) {
    if (scan.isText('instances')) {
      if (!readInstances(scan, request, signature)) return false;
    } else if (scan.isText('inputs') || !fields.take(scan)) return false;
    more = scan.nextKey();
  }
  if (more != END || scan.peek() >= 0 || request.rows == 0) return false;
  fields.addTo(signature);
  request.signature = signature.finish();
  return true;
}

function readInstances(scan: JsonScan, request: BatchRequest, signature: Signature): boolean {
  const walk = new ListWalk(NO_RUNS);
  if (request.slots.length > 0 || !walk.values(scan) || walk.elements == 0) return false;
  request.rows = walk.elements;
  request.slots.push(new Span(walk.start, walk.end));
  request.edits.push(new Edit(EDIT_LIST, walk.start, walk.end, 0));
  // No model takes lists and objects in one call.
  const first = firstByte(request.bytes, walk.start, walk.end);
  signature.byte(first == OPEN_LIST || first == OPEN_OBJECT ? first : 0);
  return true;
}

function firstByte(bytes: Uint8Array, start: i32, end: i32): i32 {
  const scan = new JsonScan(bytes, end, false);
  scan.at = start;
  return scan.peek();
}
