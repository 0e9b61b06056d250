/** Writes the served name into path and body of one attempt, before anything of it has left. */

import { Problems } from '../contract/fields.ts';
import { MODEL_HEADER, MODEL_SPAN_HEADER } from '../contract/headers.ts';
import { decodeRewriterConfig } from '../contract/rewriter-config.ts';
import { chunk, REQUEST_BODY, readChunk, replaceAll } from '../host/body.ts';
import { HeaderName, headerTable, REQUEST_HEADERS } from '../host/headers.ts';
import { CounterRow } from '../host/metrics.ts';
import { Property } from '../host/property.ts';
import { CONTINUE, HOLD, Root, replyJson, Stream } from '../host/stream.ts';
import {
  asciiBytes,
  errorBody,
  PROTOCOL_OPEN_INFERENCE,
  PROTOCOL_OPENAI,
  Refusal,
} from '../wire/error-body.ts';
import { percentDecode } from '../wire/percent.ts';
import { BodyEdit, decodeOriginal, Original, parseBodyEdit, rewritePath } from './core.ts';
import { compileRewriter, RewriterProgram } from './program.ts';

/** Attempts by outcome: `rewritten` or `mismatched`. */
const attempts = new CounterRow('modelweir_rewriter_attempts_total', 'outcome');

const PATH = new HeaderName(':path');
const CONTENT_LENGTH = new HeaderName('content-length');
const MODEL = new HeaderName(MODEL_HEADER);
const MODEL_SPAN = new HeaderName(MODEL_SPAN_HEADER);
const ORIGINAL = new Property('modelweir.rewriter.original');

const NOT_REMEMBERED: string = 'the proxy did not keep the request as it was for a second attempt';

export class RewriterRoot extends Root {
  program: RewriterProgram = new RewriterProgram();

  configure(text: string): string {
    const problems = new Problems();
    const config = decodeRewriterConfig(text, problems);
    if (config !== null) this.program = compileRewriter(config);
    return problems.text();
  }

  createStream(): Stream {
    return new RewriterStream(this);
  }
}

class RewriterStream extends Stream {
  private root: RewriterRoot;
  /** The model is named in the body, as in OpenAI's protocol; else in the path. */
  private inBody: bool = false;
  /** An attempt before this one has been at the headers. */
  private again: bool = false;
  /** What has still to be done to the body; the headers are held as long. */
  private edit: BodyEdit | null = null;

  constructor(root: RewriterRoot) {
    super();
    this.root = root;
  }

  requestHeaders(endOfStream: bool): i32 {
    const program = this.root.program;
    if (program.idle) return CONTINUE;
    let original = readOriginal();
    if (original === null) {
      // Envoy takes the router's headers away after this filter: without them it is no first attempt.
      this.again = true;
      original = decodeOriginal(ORIGINAL.get());
    }
    if (original === null) return CONTINUE;
    this.inBody = original.span.length > 0;
    const model = percentDecode(original.model);
    if (model === null) return this.refuse('the model header is not percent-encoded');
    if (!this.inBody) return this.path(program, original, model);
    if (program.servedModel.length == 0 || program.servedModel == model) {
      return this.restoreLength(original);
    }
    return this.beginBody(program, original, model, endOfStream);
  }

  /** Until the token has come, everything is held, so `size` is that of the body so far. */
  requestBody(size: i32, endOfStream: bool): i32 {
    const edit = this.edit;
    if (edit === null) return CONTINUE;
    if (size < edit.end()) return endOfStream ? this.requestTrailers() : HOLD;
    const read = readChunk(REQUEST_BODY, 0, size);
    if (read != size || !edit.matches(chunk(), size)) {
      return this.refuse('the body does not name the model where the router found it');
    }
    if (!replaceAll(REQUEST_BODY, size, edit.apply(chunk(), size))) {
      return this.refuse('the proxy did not take the edited body');
    }
    this.edit = null;
    attempts.add('rewritten');
    return CONTINUE;
  }

  /** The body is over; what was to be edited has not come. */
  requestTrailers(): i32 {
    if (this.edit === null) return CONTINUE;
    return this.refuse('the body ends before the model that the router found');
  }

  private path(program: RewriterProgram, original: Original, model: string): i32 {
    const path = rewritePath(program, original.path, model);
    if (path === null) return this.refuse('the path does not name the model that the router found');
    if (path == original.path && !this.again) return CONTINUE;
    if (!this.remember(original)) return this.refuse(NOT_REMEMBERED);
    PATH.set(REQUEST_HEADERS, path);
    attempts.add('rewritten');
    return CONTINUE;
  }

  private beginBody(
    program: RewriterProgram,
    original: Original,
    model: string,
    endOfStream: bool,
  ): i32 {
    const edit = parseBodyEdit(original.span, model, program.token);
    if (edit === null || endOfStream) return this.refuse('the router found no model in the body');
    if (!this.remember(original)) return this.refuse(NOT_REMEMBERED);
    if (original.contentLength.length > 0) {
      const length = edit.contentLength(original.contentLength);
      if (length.length == 0) return this.refuse('the content-length ends before the model');
      CONTENT_LENGTH.set(REQUEST_HEADERS, length);
    }
    this.edit = edit;
    return HOLD;
  }

  /** This backend takes the body as it is; the backend of the attempt before may not have. */
  private restoreLength(original: Original): i32 {
    if (this.again && original.contentLength.length > 0) {
      CONTENT_LENGTH.set(REQUEST_HEADERS, original.contentLength);
    }
    return CONTINUE;
  }

  private remember(original: Original): bool {
    return this.again || ORIGINAL.set(original.encode());
  }

  /** The mesh is at fault, and no byte has left: rather no answer than a wrong model's. */
  private refuse(reason: string): i32 {
    this.edit = null;
    attempts.add('mismatched');
    const refusal = new Refusal(500, 'rewrite_mismatch', 'model not rewritten: ' + reason);
    const body = asciiBytes(
      errorBody(this.inBody ? PROTOCOL_OPENAI : PROTOCOL_OPEN_INFERENCE, refusal),
    );
    replyJson(refusal.status, 'modelweir_rewriter_mismatch', body);
    return HOLD;
  }
}

/** The request of a first attempt, or null where the router gave it no model. */
function readOriginal(): Original | null {
  const headers = headerTable;
  headers.read(REQUEST_HEADERS);
  const original = new Original();
  original.model = headers.get(MODEL);
  if (original.model.length == 0) return null;
  original.span = headers.get(MODEL_SPAN);
  if (original.span.length == 0) original.path = headers.get(PATH);
  else original.contentLength = headers.get(CONTENT_LENGTH);
  return original;
}
