/**
 * Joins compatible inference requests into one. The first is the mould; of the others only the data is
 * taken, at its commas, and the first dimension becomes the sum.
 */
import { ByteWriter, EDIT_ROWS, wholeLength } from './tensor-edit.ts';
import { InferRequest } from './tensor-request.ts';

/** The joined message of at least one request, all compatible with the first. */
export function joinRequests(requests: InferRequest[]): Uint8Array {
  const first = requests[0];
  let rows: i32 = 0;
  for (let i = 0; i < requests.length; i++) rows += requests[i].rows;
  const writer = new ByteWriter(joinedLength(requests, rows));
  let at: i32 = 0;
  for (let i = 0; i < first.edits.length; i++) {
    const edit = first.edits[i];
    if (edit.kind == EDIT_ROWS) {
      writer.copy(first.bytes, at, edit.start);
      writer.whole(rows);
    } else {
      writer.copy(first.bytes, at, edit.end);
      for (let k = 1; k < requests.length; k++) {
        const data = requests[k].tensors[edit.tensor].data;
        if (data === null) continue;
        writer.byte(0x2c);
        writer.copy(requests[k].bytes, data.start, data.end);
      }
    }
    at = edit.end;
  }
  writer.copy(first.bytes, at, first.bytes.length);
  return writer.bytes;
}

function joinedLength(requests: InferRequest[], rows: i32): i32 {
  const first = requests[0];
  let length = first.bytes.length;
  for (let i = 0; i < first.edits.length; i++) {
    const edit = first.edits[i];
    if (edit.kind == EDIT_ROWS) {
      length += wholeLength(rows) - (edit.end - edit.start);
      continue;
    }
    for (let k = 1; k < requests.length; k++) {
      const data = requests[k].tensors[edit.tensor].data;
      if (data !== null) length += 1 + data.end - data.start;
    }
  }
  return length;
}
