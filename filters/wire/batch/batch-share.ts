/** What must be known of joined requests to cut their answer: their bodies need not be kept for it. */
import { BatchRequest } from './batch-request.ts';

export class BatchShare {
  readonly kind: i32;
  /** Of each member, in order. */
  readonly rows: i32[] = [];
  readonly weights: i32[] = [];
  /** With quotes; empty where the members have none. */
  readonly ids: Uint8Array[] = [];
  totalRows: i32 = 0;

  constructor(kind: i32) {
    this.kind = kind;
  }
}

/** `requests` as they were joined: at least one, all of one kind. */
export function shareOf(requests: BatchRequest[]): BatchShare {
  const share = new BatchShare(requests.length > 0 ? requests[0].kind : -1);
  for (let i = 0; i < requests.length; i++) {
    const request = requests[i];
    share.rows.push(request.rows);
    share.weights.push(request.weight);
    share.totalRows += request.rows;
    const id = request.id;
    if (!id.missing) share.ids.push(request.bytes.slice(id.start, id.end));
  }
  return share;
}
