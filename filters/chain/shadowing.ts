/** Which requests get a shadow: those that only ask a model for an answer, and of these a share. */
import { ALL_BASIS_POINTS } from '../contract/limits.ts';
import { BY_FORM, BY_JSON, BY_MESSAGE, BY_PATH } from '../router/call.ts';
import { RouterRequest } from '../router/core.ts';
import { RouteProgram, ShadowProgram, VariantProgram } from '../splitter/program.ts';
import { parseDecimal } from '../wire/decimal.ts';
import { GrpcReader } from '../wire/grpc-reader.ts';
import { Circumstances } from './circumstances.ts';

const REPOSITORY: string = '/v2/repository/';
const INFER: string = '/ModelInfer';

/** Null: this request is not copied. */
export function sampledShadow(
  split: RouteProgram,
  variant: VariantProgram,
  request: RouterRequest,
  circumstances: Circumstances,
): ShadowProgram | null {
  const shadow = split.shadow;
  // A variant is not compared with itself.
  if (shadow === null || shadow.variant == variant.name) return null;
  if (shadow.shareBasisPoints <= 0 || !asksModel(request)) return null;
  const length = lengthOf(request);
  if (length < 0 || length > f64(shadow.maxBodyBytes)) return null;
  return circumstances.below(ALL_BASIS_POINTS) < shadow.shareBasisPoints ? shadow : null;
}

/**
 * Bytes of the body; -1 where nobody says how many there will be: such a request is not copied, because a copy
 * that grows beyond what is kept of it would hold up the request that it is of.
 */
function lengthOf(request: RouterRequest): f64 {
  const reader = request.reader;
  if (request.call.kind == BY_MESSAGE && reader !== null) {
    return f64((reader as GrpcReader).messageLength);
  }
  return parseDecimal(request.question.headers.get('content-length'));
}

/** Whether a second such request changes nothing: loading and unloading a model is not copied. */
function asksModel(request: RouterRequest): boolean {
  const headers = request.question.headers;
  const call = request.call;
  const path = headers.get(':path');
  if (headers.get(':method') != 'POST' || call.streaming) return false;
  if (headers.get('upgrade').length > 0) return false;
  if (call.kind == BY_PATH) return !path.startsWith(REPOSITORY);
  if (call.kind == BY_MESSAGE) return path.endsWith(INFER);
  return call.kind == BY_JSON || call.kind == BY_FORM;
}
