/** What a request is, told from its first line and headers: its protocol, and where it names its model. */

import {
  KSERVE_V1,
  OPEN_INFERENCE,
  OPEN_INFERENCE_GRPC,
  OPENAI,
  OTHER,
} from '../contract/protocols.ts';
import { HeaderSource } from '../wire/header-source.ts';
import { ModelPath, parseModelPath, pathEnd } from '../wire/model-path.ts';
import { boundaryOf } from '../wire/multipart-reader.ts';

/** None of our business. */
export const PASS_BY: i32 = 0;
/** The path names the model. */
export const BY_PATH: i32 = 1;
/** The body does: as a JSON object's `model`, as a form's field, as a gRPC message's. */
export const BY_JSON: i32 = 2;
export const BY_FORM: i32 = 3;
export const BY_MESSAGE: i32 = 4;
/** A header does. */
export const BY_HEADER: i32 = 5;
/** The server as a whole is asked for, over gRPC: any backend of the host's that speaks it may answer. */
export const OF_SERVER: i32 = 6;
/** What the mesh knows better than any backend. */
export const LIST_MODELS: i32 = 7;
export const SHOW_MODEL: i32 = 8;
export const SERVER_INFO: i32 = 9;
export const SERVER_HEALTH: i32 = 10;
export const REPOSITORY_INDEX: i32 = 11;

const OPENAI_PATHS: string[] = [
  'chat/completions',
  'completions',
  'embeddings',
  'responses',
  'moderations',
  'audio/speech',
  'audio/transcriptions',
  'audio/translations',
  'images/generations',
  'images/edits',
  'images/variations',
];
const GRPC_SERVICE: string = '/inference.GRPCInferenceService/';
const V1: string = '/v1/';

export class Call {
  kind: i32 = PASS_BY;
  /** One of `PROTOCOLS`. */
  protocol: string = OTHER;
  /** Where the path names the model; null unless `BY_PATH`. */
  path: ModelPath | null = null;
  /** What separates the parts of a form. */
  boundary: string = '';
  /** Numbers of the message's fields; no version: 0. */
  modelField: i32 = 1;
  versionField: i32 = 2;
  /** Whether more than one message may follow. */
  streaming: boolean = false;
  /** The model's name in `SHOW_MODEL`, percent-encoded. */
  shown: string = '';

  constructor(kind: i32, protocol: string) {
    this.kind = kind;
    this.protocol = protocol;
  }
}

/** Of all requests of a kind that have nothing of their own. Never written to. */
export const NO_CALL: Call = new Call(PASS_BY, OTHER);
const HEADER_CALL: Call = new Call(BY_HEADER, OTHER);
const JSON_CALL: Call = new Call(BY_JSON, OPENAI);

/** `modelHeader` names the header that counts where nothing else names a model; empty: none. */
export function callOf(
  path: string,
  hasBody: boolean,
  headers: HeaderSource,
  modelHeader: string,
): Call {
  const call = knownCall(path, hasBody, headers);
  if (call !== null) return call;
  const named = modelHeader.length > 0 && headers.get(modelHeader).length > 0;
  return named ? HEADER_CALL : NO_CALL;
}

function knownCall(path: string, hasBody: boolean, headers: HeaderSource): Call | null {
  if (path.startsWith(V1)) return v1Call(path, hasBody, headers);
  if (path.startsWith('/v2')) return v2Call(path, headers);
  return path.startsWith(GRPC_SERVICE) ? grpcCall(path, headers) : null;
}

function v1Call(path: string, hasBody: boolean, headers: HeaderSource): Call | null {
  const end = trimmedEnd(path);
  if (isOpenAi(path, end)) return openAiCall(hasBody, headers);
  const rest = path.substring(V1.length, end);
  if (!rest.startsWith('models')) return null;
  if (headers.get(':method') == 'GET') {
    if (rest == 'models') return new Call(LIST_MODELS, OPENAI);
    const call = new Call(SHOW_MODEL, OPENAI);
    // Names have slashes of their own, and clients send them as they are.
    call.shown = rest.substring('models/'.length);
    if (rest.startsWith('models/') && call.shown.length > 0) return call;
  }
  return pathCall(path);
}

/** Without a copy of any part of the path: this is asked of every request. */
function isOpenAi(path: string, end: i32): boolean {
  for (let i = 0; i < OPENAI_PATHS.length; i++) {
    const rest = OPENAI_PATHS[i];
    if (V1.length + rest.length == end && path.startsWith(rest, V1.length)) return true;
  }
  return false;
}

/** What has a body is taken for a POST: anything else is for the backend to refuse, if routed. */
function openAiCall(hasBody: boolean, headers: HeaderSource): Call | null {
  if (headers.get('upgrade').length > 0) return null;
  if (!hasBody && headers.get(':method') != 'POST') return null;
  const type = headers.get('content-type');
  if (!isForm(type)) return JSON_CALL;
  const call = new Call(BY_FORM, OPENAI);
  call.boundary = boundaryOf(type);
  return call;
}

function isForm(type: string): boolean {
  if (type.length == 0 || (type.charCodeAt(0) | 0x20) != 0x6d) return false;
  return type.toLowerCase().startsWith('multipart/');
}

function v2Call(path: string, headers: HeaderSource): Call | null {
  const rest = path.substring(0, trimmedEnd(path));
  const isGet = headers.get(':method') != 'POST';
  if (isGet && rest == '/v2') return new Call(SERVER_INFO, OPEN_INFERENCE);
  if (isGet && (rest == '/v2/health/live' || rest == '/v2/health/ready')) {
    return new Call(SERVER_HEALTH, OPEN_INFERENCE);
  }
  if (!isGet && rest == '/v2/repository/index') return new Call(REPOSITORY_INDEX, OPEN_INFERENCE);
  return pathCall(path);
}

function pathCall(path: string): Call | null {
  const parts = parseModelPath(path);
  if (parts === null) return null;
  const call = new Call(BY_PATH, parts.protocol == KSERVE_V1 ? KSERVE_V1 : OPEN_INFERENCE);
  call.path = parts;
  return call;
}

/** gRPC-Web has other frames. */
function isGrpc(type: string): boolean {
  const name = 'application/grpc';
  if (!type.startsWith(name)) return false;
  const next = type.length > name.length ? type.charCodeAt(name.length) : 0x3b;
  return next == 0x2b || next == 0x3b;
}

function grpcCall(path: string, headers: HeaderSource): Call | null {
  if (!isGrpc(headers.get('content-type'))) return null;
  const method = path.substring(GRPC_SERVICE.length);
  const call = new Call(BY_MESSAGE, OPEN_INFERENCE_GRPC);
  if (method == 'RepositoryModelLoad' || method == 'RepositoryModelUnload') {
    call.modelField = 2;
    call.versionField = 0;
    return call;
  }
  if (method == 'ServerLive' || method == 'ServerReady' || method == 'ServerMetadata') {
    return new Call(OF_SERVER, OPEN_INFERENCE_GRPC);
  }
  call.streaming = method == 'ModelStreamInfer';
  const known =
    method == 'ModelInfer' ||
    method == 'ModelReady' ||
    method == 'ModelMetadata' ||
    method == 'ModelConfig' ||
    method == 'ModelStatistics';
  return known || call.streaming ? call : null;
}

/** Where a path ends, without its query and a slash at its end. */
function trimmedEnd(path: string): i32 {
  const end = pathEnd(path);
  return end > 1 && path.charCodeAt(end - 1) == 0x2f ? end - 1 : end;
}
