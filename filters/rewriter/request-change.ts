/**
 * What one attempt has to write into a request. An earlier attempt, at another backend, may have left its
 * own path, length and model there: what counts is the plan, and only what differs from it is written.
 */
import { HeaderSource } from '../wire/header-source.ts';
import { ServedName } from '../wire/served-name.ts';
import { BodyEdit } from './body-edit.ts';
import { PLAN_FORM, PLAN_HEADER, PLAN_JSON, PLAN_MESSAGE, PLAN_PATH, Plan } from './plan.ts';

const QUOTE: u8 = 0x22;
const LINE_FEED: u8 = 0x0a;
/** Of a gRPC message: a flag, and four bytes of its length. */
const FRAME_BYTES: i32 = 5;

export class RequestChange {
  /** Why the request cannot be sent; empty: it can. */
  problem: string = '';
  /** Headers to set; empty: they are right as they are. */
  path: string = '';
  contentLength: string = '';
  /** Value of the header that names the model. */
  model: string = '';
  /** The body comes in chunks, but a header says how long it is. */
  dropsLength: boolean = false;
  /** Null: the body stays as it is. */
  edit: BodyEdit | null = null;
}

/** `headers`: of the request as they are now. */
export function changeOf(plan: Plan, served: ServedName, headers: HeaderSource): RequestChange {
  const change = new RequestChange();
  if (plan.kind == PLAN_PATH) {
    const path = plan.pathFor(served);
    if (path != headers.get(':path')) change.path = path;
  } else if (plan.kind == PLAN_HEADER) {
    // Also where it is there already: a second such header must not reach the backend.
    if (plan.modelHeader.length == 0) return change;
    change.model = served.renames(plan.model) ? served.model : plan.model;
  } else {
    change.edit = plan.edit(served);
    if (plan.kind == PLAN_JSON || plan.kind == PLAN_FORM || plan.kind == PLAN_MESSAGE) {
      changeLength(change, plan, headers.get('content-length'));
    }
  }
  return change;
}

function changeLength(change: RequestChange, plan: Plan, current: string): void {
  // Who took the header away sends the body in chunks, which need none.
  if (current.length == 0) return;
  const edit = change.edit;
  if (plan.contentLength.length == 0) {
    change.dropsLength = edit !== null;
    return;
  }
  const length = edit === null ? plan.contentLength : edit.contentLength(plan.contentLength);
  if (length.length == 0) change.problem = 'the content-length ends before the model';
  else if (length != current) change.contentLength = length;
}

/**
 * Whether the first `size` bytes of the body look as they must where the plan will change them: a body that
 * something else has changed in between is not cut in a place that means nothing.
 */
export function isPlausible(plan: Plan, body: Uint8Array, size: i32): boolean {
  if (size > body.length) return false;
  if (plan.kind == PLAN_MESSAGE) return isFrame(body, size, plan.place.messageLength);
  const from = plan.offset;
  const to = from + plan.length;
  if (from < 1 || to > size) return false;
  // A value of a form begins behind the empty line that ends its headers.
  if (plan.kind == PLAN_FORM) return body[from - 1] == LINE_FEED;
  return plan.length >= 2 && body[from] == QUOTE && body[to - 1] == QUOTE;
}

/** Whether an uncompressed message of this length begins there. */
function isFrame(body: Uint8Array, size: i32, messageLength: i32): boolean {
  if (size < FRAME_BYTES || body[0] != 0) return false;
  let length: f64 = 0;
  for (let i = 1; i < FRAME_BYTES; i++) length = length * 256 + f64(body[i]);
  return length == f64(messageLength);
}
