/** Which model a request is for, and which route owns it: pure, facts in, an action out. */

import { RouterRoute } from '../contract/router-config.ts';
import { FieldList, FieldValues } from '../wire/body-fields.ts';
import { BodyReader, READ_DONE, READ_EMPTY, READ_FOUND, READ_MORE } from '../wire/body-reader.ts';
import { Refusal } from '../wire/error-body.ts';
import { GrpcReader } from '../wire/grpc-reader.ts';
import { HeaderSource } from '../wire/header-source.ts';
import { hasDotSegment } from '../wire/model-path.ts';
import { ModelScanner } from '../wire/model-scanner.ts';
import { MultipartReader } from '../wire/multipart-reader.ts';
import { percentDecode } from '../wire/percent.ts';
import { StringRun } from '../wire/string-run.ts';
import {
  BY_FORM,
  BY_HEADER,
  BY_JSON,
  BY_PATH,
  Call,
  callOf,
  LIST_MODELS,
  NO_CALL,
  OF_SERVER,
  PASS_BY,
  REPOSITORY_INDEX,
  SERVER_HEALTH,
  SERVER_INFO,
  SHOW_MODEL,
} from './call.ts';
import { openAiModel, openAiModels, repositoryIndex, serverInfo } from './listing.ts';
import { canonicalHost, Question, RouterProgram } from './program.ts';
import {
  nameTooLong,
  noGrpcBackend,
  tooLarge,
  unknownModel,
  unplainPath,
  unreadable,
} from './refusals.ts';

/** None of our business: let pass whatever comes. */
export const PASS: i32 = 0;
/** The route is known. `watching` says whether to go on feeding. */
export const ROUTE: i32 = 1;
/** Not known yet: hold, and feed more. */
export const WAIT: i32 = 2;
/** Answer with `refusal`. */
export const REFUSE: i32 = 3;
/** Answer with `answer`, status 200. */
export const ANSWER: i32 = 4;

/** One request on its way through the router. */
export class RouterRequest {
  call: Call = NO_CALL;
  /** Host, model and version, as far as they are known. */
  question: Question;
  route: RouterRoute | null = null;
  refusal: Refusal | null = null;
  answer: string = '';
  /** What still comes has to be fed: it may name another model, or hold a field that is wanted. */
  watching: boolean = false;
  /** Null where the body does not matter. */
  reader: BodyReader | null = null;
  /** Null where no route wants any field. */
  fields: FieldValues | null = null;
  private program: RouterProgram;
  private run: StringRun;

  constructor(program: RouterProgram, headers: HeaderSource, run: StringRun) {
    this.program = program;
    this.run = run;
    this.question = new Question(headers);
  }

  /** Decides from the headers what can be decided from them. `wanted`: fields of JSON bodies. */
  begin(hasBody: boolean, wanted: FieldList): i32 {
    const program = this.program;
    const question = this.question;
    const headers = question.headers;
    const path = headers.get(':path');
    const call = callOf(path, hasBody, headers, program.modelHeader);
    this.call = call;
    if (call.kind == PASS_BY) return PASS;
    if (program.needsHost) question.host = canonicalHost(headers.get(':authority'));
    question.protocol = call.protocol;
    if (program.needsHost && program.tablesOf(question.host).length == 0) return PASS;
    if (call.kind == BY_PATH) return this.byPath(path);
    if (call.kind == OF_SERVER) return this.ofServer();
    if (call.kind == BY_HEADER) return this.found(headers.get(program.modelHeader));
    if (call.kind >= LIST_MODELS) return this.answerItself();
    if (call.kind == BY_JSON) {
      if (wanted.paths.length > 0) this.fields = new FieldValues(wanted);
      this.reader = new ModelScanner(this.run, this.fields);
    } else if (call.kind == BY_FORM) {
      this.reader = new MultipartReader(call.boundary);
    } else {
      const reader = new GrpcReader(call.modelField, call.versionField);
      reader.streaming = call.streaming;
      this.reader = reader;
    }
    return hasBody ? WAIT : this.problem(READ_EMPTY);
  }

  /**
   * Takes the next bytes of the body, `bytes[0]` to `bytes[size - 1]`: WAIT or REFUSE, and once ROUTE, when
   * the bytes after the name have been read too, if `watching`.
   */
  body(bytes: Uint8Array, size: i32): i32 {
    const reader = this.reader;
    if (reader === null) return PASS;
    const known = this.route !== null;
    let status = this.feed(reader, bytes, 0, size);
    if (!known && (status == READ_FOUND || status == READ_DONE)) {
      const action = this.foundInBody(reader);
      if (action != ROUTE || !this.watching) return action;
      status = this.feed(reader, bytes, reader.stoppedAt, size);
    }
    // What is wrong beyond the limit was never read.
    if (status > READ_DONE && this.route === null && reader.position > this.program.maxHoldBytes) {
      return this.overLimit();
    }
    if (status > READ_DONE) return this.problem(status);
    if (this.route !== null) return known ? WAIT : ROUTE;
    return reader.position > this.program.maxHoldBytes ? this.overLimit() : WAIT;
  }

  /** As `body`, for what follows the name in the bytes just given, where it was not `watching`. */
  rest(bytes: Uint8Array, size: i32): i32 {
    const reader = this.reader;
    if (reader === null || reader.stoppedAt >= size) return WAIT;
    const status = this.feed(reader, bytes, reader.stoppedAt, size);
    return status > READ_DONE ? this.problem(status) : WAIT;
  }

  /** Fields beyond the limit count as missing, in whatever pieces they come. */
  private feed(reader: BodyReader, bytes: Uint8Array, from: i32, to: i32): i32 {
    const fields = this.fields;
    const limit = from + this.program.maxHoldBytes - reader.position;
    if (fields === null || limit >= to) return reader.feed(bytes, from, to);
    if (limit > from) {
      const before = reader.status;
      const status = reader.feed(bytes, from, limit);
      if (status > READ_DONE || (before == READ_MORE && status == READ_FOUND)) return status;
    }
    fields.close();
    return reader.feed(bytes, limit > from ? limit : from, to);
  }

  /** The body is over: whatever it did not say will not come. */
  end(): i32 {
    const reader = this.reader;
    if (reader === null) return PASS;
    const status = reader.finish();
    return status > READ_DONE ? this.problem(status) : PASS;
  }

  /** Nothing more of the body is wanted. */
  stop(): void {
    this.watching = false;
    this.reader = null;
  }

  refuse(refusal: Refusal): i32 {
    this.refusal = refusal;
    this.stop();
    return REFUSE;
  }

  private byPath(path: string): i32 {
    const parts = this.call.path!;
    const model = percentDecode(path.substring(parts.modelFrom, parts.modelTo));
    const version = percentDecode(path.substring(parts.versionFrom, parts.versionTo));
    if (model === null || version === null || hasDotSegment(path, parts.modelFrom, parts.pathTo)) {
      return this.refuse(unplainPath());
    }
    this.question.version = version;
    return this.found(model);
  }

  private ofServer(): i32 {
    this.route = this.program.findGrpc(this.question.host);
    return this.route === null ? this.refuse(noGrpcBackend()) : ROUTE;
  }

  private foundInBody(reader: BodyReader): i32 {
    // Whether it came in one chunk with the limit or after it is chance, and must not decide.
    if (reader.position > this.program.maxHoldBytes) return this.overLimit();
    if (reader.nameTooLong) return this.refuse(nameTooLong());
    this.question.version = reader.version;
    const action = this.found(reader.name);
    const route = this.route;
    if (route !== null) this.watching = route.strict || this.call.streaming;
    return action;
  }

  private found(model: string): i32 {
    this.question.model = model;
    const route = this.program.find(this.question);
    this.route = route;
    return route === null ? this.refuse(unknownModel(model)) : ROUTE;
  }

  /** The model does not come in time: its request goes to where unknown models go, or nowhere. */
  private overLimit(): i32 {
    const program = this.program;
    const route = program.defaultOverLimit ? program.findDefault(this.question) : null;
    if (route === null) return this.refuse(tooLarge(program.maxHoldBytes));
    this.route = route;
    this.stop();
    return ROUTE;
  }

  private answerItself(): i32 {
    const kind = this.call.kind;
    const host = this.question.host;
    if (kind == SHOW_MODEL) {
      const model = percentDecode(this.call.shown);
      if (model === null) return this.refuse(unplainPath());
      if (this.found(model) != ROUTE) return REFUSE;
      this.answer = openAiModel(model);
    } else if (kind == LIST_MODELS) this.answer = openAiModels(this.program.modelsOf(host));
    else if (kind == REPOSITORY_INDEX) this.answer = repositoryIndex(this.program.modelsOf(host));
    else if (kind == SERVER_INFO) this.answer = serverInfo();
    else if (kind == SERVER_HEALTH) this.answer = '{}';
    return ANSWER;
  }

  private problem(status: i32): i32 {
    const reader = this.reader;
    const position = reader === null ? 0 : reader.position;
    const encoding = this.question.headers.get('content-encoding');
    return this.refuse(unreadable(this.call, status, position, encoding));
  }
}
