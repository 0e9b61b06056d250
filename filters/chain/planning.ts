/** What the chain tells the rewriters of a route's clusters, where these write the backends' names. */
import { placeOf } from '../rewriter/message-place.ts';
import {
  PLAN_FORM,
  PLAN_HEADER,
  PLAN_JSON,
  PLAN_MESSAGE,
  PLAN_NOTHING,
  PLAN_PATH,
  Plan,
} from '../rewriter/plan.ts';
import { BY_FORM, BY_HEADER, BY_JSON, BY_MESSAGE, BY_PATH } from '../router/call.ts';
import { RouterRequest } from '../router/core.ts';
import { GrpcReader } from '../wire/grpc-reader.ts';

/** `modelHeader`: name of the header that may name a model. Call it while the body's reader is there. */
export function planOf(request: RouterRequest, variant: string, modelHeader: string): Plan {
  const headers = request.question.headers;
  const call = request.call;
  const reader = request.reader;
  const plan = new Plan();
  plan.kind = planKind(call.kind);
  plan.protocol = call.protocol;
  plan.variant = variant;
  plan.model = request.question.model;
  plan.path = headers.get(':path');
  plan.contentLength = headers.get('content-length');
  if (plan.kind == PLAN_HEADER) plan.modelHeader = modelHeader;
  if (call.kind != BY_JSON && call.kind != BY_FORM && call.kind != BY_MESSAGE) return plan;
  if (reader === null) {
    // A body that went to its default route unread names nothing that could be changed.
    plan.kind = PLAN_NOTHING;
    return plan;
  }
  plan.offset = reader.offset;
  plan.length = reader.length;
  if (call.kind == BY_MESSAGE) plan.place = placeOf(reader as GrpcReader, call.versionField);
  return plan;
}

function planKind(kind: i32): i32 {
  if (kind == BY_PATH) return PLAN_PATH;
  if (kind == BY_JSON) return PLAN_JSON;
  if (kind == BY_FORM) return PLAN_FORM;
  if (kind == BY_MESSAGE) return PLAN_MESSAGE;
  return kind == BY_HEADER ? PLAN_HEADER : PLAN_NOTHING;
}
