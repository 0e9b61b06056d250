/** What a client is told when its request names no model that can be read. */
import { MAX_MODEL_NAME_LENGTH } from '../contract/limits.ts';
import {
  READ_COMPRESSED,
  READ_CUT_OFF,
  READ_EMPTY,
  READ_NO_MODEL,
  READ_NOT_OBJECT,
  READ_NOT_STRING,
  READ_SECOND,
  READ_TOO_DEEP,
} from '../wire/body-reader.ts';
import { Refusal } from '../wire/error-body.ts';
import { MAX_SCAN_DEPTH } from '../wire/model-scanner.ts';
import { BY_FORM, BY_JSON, BY_MESSAGE, Call } from './call.ts';

/** Longest part of a client's text that an error message repeats. */
const MAX_ECHO: i32 = 128;

export function unknownModel(model: string): Refusal {
  const shown = model.length > MAX_ECHO ? model.substring(0, MAX_ECHO) + '...' : model;
  return aboutModel(404, 'model_not_found', "the model '" + shown + "' does not exist");
}

export function nameTooLong(): Refusal {
  const limit = MAX_MODEL_NAME_LENGTH.toString();
  const message = 'no model has a name of more than ' + limit + ' characters';
  return aboutModel(404, 'model_not_found', message);
}

export function noGrpcBackend(): Refusal {
  return new Refusal(501, 'no_grpc_backend', 'no backend of this host speaks gRPC');
}

export function unplainPath(): Refusal {
  const message = 'the path is not a plain path of percent-encoded UTF-8';
  return new Refusal(400, 'invalid_path', message);
}

export function tooLarge(maxHoldBytes: i32): Refusal {
  const message =
    'the model was not found in the first ' +
    maxHoldBytes.toString() +
    ' bytes of the body (maxHoldBytes): put "model" before the long fields, or raise --max-hold-bytes of the control plane';
  return new Refusal(413, 'body_too_large', message);
}

export function tooManyHeld(maxHeldBytes: i32): Refusal {
  const message =
    'this proxy holds ' +
    maxHeldBytes.toString() +
    ' bytes of bodies already whose model has not come yet (maxHeldBytes): put "model" before the long fields, try again, or raise --max-held-bytes of the control plane';
  return new Refusal(429, 'too_many_held_bytes', message);
}

/** `status` is one of `READ_*`, and an error; `position` is its place in the body. */
export function unreadable(call: Call, status: i32, position: i32, encoding: string): Refusal {
  if (encoding.length > 0 && encoding != 'identity' && call.kind != BY_MESSAGE) {
    const message =
      'the body must not be encoded, so that its model can be read; send it without content-encoding';
    return new Refusal(415, 'unsupported_encoding', message);
  }
  if (status == READ_EMPTY) return aboutBody('empty_body', 'is empty; the model is required');
  if (status == READ_NO_MODEL) return aboutModel(400, 'missing_model', 'the body has no "model"');
  if (status == READ_NOT_STRING) {
    return aboutModel(400, 'invalid_model', '"model" must be a string');
  }
  if (status == READ_SECOND) {
    const message = 'the body names "model" more than once';
    return aboutModel(400, 'duplicate_model', message);
  }
  if (status == READ_COMPRESSED) {
    const message =
      'the message is compressed, so that its model cannot be read; send it without compression';
    return new Refusal(501, 'compressed_message', message);
  }
  return malformed(call, status, ' near byte ' + position.toString());
}

function malformed(call: Call, status: i32, place: string): Refusal {
  if (status == READ_NOT_OBJECT) return aboutBody('invalid_body', 'must be a JSON object');
  const format = call.kind == BY_JSON ? 'JSON' : call.kind == BY_FORM ? 'form' : 'message';
  const code = call.kind == BY_JSON ? 'invalid_json' : 'invalid_body';
  if (status == READ_CUT_OFF) return aboutBody(code, 'ends before its ' + format + ' does' + place);
  if (status == READ_TOO_DEEP) {
    const limit = MAX_SCAN_DEPTH.toString() + ' levels';
    return aboutBody(code, 'is nested deeper than ' + limit + place);
  }
  const valid = call.kind == BY_FORM ? 'valid multipart/form-data' : 'valid ' + format;
  return aboutBody(code, 'is not ' + valid + place);
}

function aboutBody(code: string, what: string): Refusal {
  return new Refusal(400, code, 'the body ' + what);
}

function aboutModel(status: i32, code: string, message: string): Refusal {
  const refusal = new Refusal(status, code, message);
  refusal.param = 'model';
  return refusal;
}
