/** What becomes of a request: pure, facts in, an action out. */
import { MAX_MODEL_NAME_LENGTH } from '../contract/limits.ts';
import { PROTOCOL_OPEN_INFERENCE, PROTOCOL_OPENAI, Refusal } from '../wire/error-body.ts';
import {
  MAX_SCAN_DEPTH,
  ModelScanner,
  SCAN_CUT_OFF,
  SCAN_DONE,
  SCAN_EMPTY,
  SCAN_FOUND,
  SCAN_NO_MODEL,
  SCAN_NOT_OBJECT,
  SCAN_NOT_STRING,
  SCAN_SECOND,
  SCAN_TOO_DEEP,
} from '../wire/model-scanner.ts';
import { hasDotSegment, parseOpenInferencePath, pathEnd } from '../wire/open-inference-path.ts';
import { percentDecode } from '../wire/percent.ts';
import { StringRun } from '../wire/string-run.ts';
import { Entry, RouterProgram } from './program.ts';

/** None of our business, or no longer: let pass whatever comes. */
export const PASS: i32 = 0;
/** The route is known: set the headers, then let pass. `watching` says whether to go on feeding. */
export const ROUTE: i32 = 1;
/** Not known yet: hold, and feed more. After the route was set: let pass, and feed more. */
export const WAIT: i32 = 2;
/** Answer with `refusal`. */
export const REFUSE: i32 = 3;

/** Longest part of a client's text that an error message repeats. */
const MAX_ECHO: i32 = 128;

/** Whether a path belongs to an OpenAI endpoint whose body names a model. */
export function isOpenAiPath(path: string): boolean {
  if (!path.startsWith('/v1/')) return false;
  let end = pathEnd(path);
  if (path.charCodeAt(end - 1) == 0x2f) end--;
  const rest = path.substring(4, end);
  return (
    rest == 'chat/completions' ||
    rest == 'completions' ||
    rest == 'embeddings' ||
    rest == 'responses'
  );
}

/** One request on its way through the router. */
export class RouterRequest {
  /** One of `PROTOCOL_*`. */
  protocol: string = PROTOCOL_OPEN_INFERENCE;
  entry: Entry | null = null;
  refusal: Refusal | null = null;
  /** The route is known, and what still comes is checked for a second model. */
  watching: boolean = false;
  /** Where the body names the model, in bytes, quotes included. */
  spanOffset: i32 = 0;
  spanLength: i32 = 0;
  private program: RouterProgram;
  private host: string = '';
  private scanner: ModelScanner | null = null;
  private run: StringRun;

  constructor(program: RouterProgram, run: StringRun) {
    this.program = program;
    this.run = run;
  }

  /** Decides a request whose path may name a model: `ROUTE`, `REFUSE`, or `PASS` where it does not. */
  openInference(path: string, host: string): i32 {
    const parts = parseOpenInferencePath(path);
    if (parts === null) return PASS;
    this.host = host;
    const model = percentDecode(path.substring(parts.modelFrom, parts.modelTo));
    if (model === null || hasDotSegment(path, parts.modelFrom, parts.pathTo)) {
      return this.refuse(
        400,
        'invalid_path',
        'the path is not a plain path of percent-encoded UTF-8',
      );
    }
    return this.route(model);
  }

  /** Begins to look for the model in the body. */
  openAi(host: string, hasBody: boolean): i32 {
    this.protocol = PROTOCOL_OPENAI;
    this.host = host;
    if (!hasBody) return this.problem(SCAN_EMPTY);
    this.scanner = new ModelScanner(this.run);
    return WAIT;
  }

  /**
   * Takes the next bytes of the body, `bytes[0]` to `bytes[size - 1]`. `ROUTE` comes once; `watching`
   * says whether bytes after it are wanted too.
   */
  body(bytes: Uint8Array, size: i32): i32 {
    const scanner = this.scanner;
    if (scanner === null) return PASS;
    const known = this.entry !== null;
    let status = scanner.feed(bytes, 0, size);
    if (!known && status == SCAN_FOUND) {
      const action = this.found(scanner);
      if (action != ROUTE || !this.watching) return action;
      status = scanner.feed(bytes, scanner.stoppedAt, size);
    }
    if (status > SCAN_DONE) return this.problem(status);
    if (this.entry === null)
      return scanner.position > this.program.maxHoldBytes ? this.tooLarge() : WAIT;
    return known ? WAIT : ROUTE;
  }

  /** The body is over: whatever it did not say will not come. */
  end(): i32 {
    const scanner = this.scanner;
    if (scanner === null) return PASS;
    const status = scanner.finish();
    return status > SCAN_DONE ? this.problem(status) : PASS;
  }

  private found(scanner: ModelScanner): i32 {
    // Whether it came in one chunk with the limit or after it is chance, and must not decide.
    if (scanner.position > this.program.maxHoldBytes) return this.tooLarge();
    this.spanOffset = scanner.offset;
    this.spanLength = scanner.length;
    if (scanner.nameTooLong) {
      const limit = MAX_MODEL_NAME_LENGTH.toString();
      return this.refuse(
        404,
        'model_not_found',
        'no model has a name of more than ' + limit + ' characters',
      );
    }
    const action = this.route(scanner.name);
    const entry = this.entry;
    if (entry !== null && entry.route.strict) this.watching = true;
    else this.scanner = null;
    return action;
  }

  private route(model: string): i32 {
    const entry = this.program.find(this.host, model);
    this.entry = entry;
    if (entry !== null) return ROUTE;
    const shown = model.length > MAX_ECHO ? model.substring(0, MAX_ECHO) + '...' : model;
    return this.refuse(404, 'model_not_found', "the model '" + shown + "' does not exist");
  }

  private refuse(status: i32, code: string, message: string): i32 {
    const refusal = new Refusal(status, code, message);
    if (code.indexOf('model') >= 0) refusal.param = 'model';
    this.refusal = refusal;
    this.scanner = null;
    this.watching = false;
    return REFUSE;
  }

  private tooLarge(): i32 {
    const limit = this.program.maxHoldBytes.toString();
    const message =
      'the model was not found in the first ' +
      limit +
      ' bytes of the body (maxHoldBytes): put "model" before the long fields, or raise --max-hold-bytes of the control plane';
    return this.refuse(413, 'body_too_large', message);
  }

  private problem(status: i32): i32 {
    if (status == SCAN_EMPTY) {
      return this.refuse(400, 'empty_body', 'the request has no body; "model" is required');
    }
    if (status == SCAN_NO_MODEL) {
      return this.refuse(400, 'missing_model', 'the body has no "model"');
    }
    if (status == SCAN_NOT_STRING) {
      return this.refuse(400, 'invalid_model', '"model" must be a string');
    }
    if (status == SCAN_NOT_OBJECT) {
      return this.refuse(400, 'invalid_body', 'the body must be a JSON object');
    }
    if (status == SCAN_SECOND) {
      return this.refuse(400, 'duplicate_model', 'the body names "model" more than once');
    }
    const scanner = this.scanner;
    const place = scanner === null ? '' : ' near byte ' + scanner.position.toString();
    if (status == SCAN_CUT_OFF) {
      return this.refuse(400, 'invalid_json', 'the body ends before its JSON does' + place);
    }
    if (status == SCAN_TOO_DEEP) {
      const limit = MAX_SCAN_DEPTH.toString() + ' levels';
      return this.refuse(400, 'invalid_json', 'the body is nested deeper than ' + limit + place);
    }
    return this.refuse(400, 'invalid_json', 'the body is not valid JSON' + place);
  }
}
