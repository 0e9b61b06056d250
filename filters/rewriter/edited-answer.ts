/** Carries out in Envoy what becomes of an answer: gives it the public model name back, counts its tokens. */
import { chunk, noteGarbage, RESPONSE_BODY, replaceAll } from '../host/body.ts';
import { HeaderName, RESPONSE_HEADERS } from '../host/headers.ts';
import { CONTINUE, HOLD } from '../host/stream.ts';
import { formatDecimal } from '../wire/decimal.ts';
import { AnswerEditor } from './answer/editor.ts';
import { AnswerBody, REPLACE, WAIT } from './answer-body.ts';
import { ANSWER_EVENTS, AnswerHead } from './answer-head.ts';
import { countAnswer, countTokens, PLAIN, RESTORED, TOO_LONG } from './counts.ts';
import { RewriterProgram, TargetProgram } from './program.ts';

const CONTENT_LENGTH = new HeaderName('content-length');
const JSON_LENGTH = new HeaderName('inference-header-content-length');

export class EditedAnswer {
  private target: TargetProgram;
  private head: AnswerHead;
  private body: AnswerBody;
  private restores: bool;

  constructor(
    program: RewriterProgram,
    target: TargetProgram,
    head: AnswerHead,
    editor: AnswerEditor,
  ) {
    const restores = program.restores;
    const saysLength = head.contentLength >= 0 || head.jsonBytes >= 0;
    const changes = restores && !editor.settled;
    const isEvents = head.kind == ANSWER_EVENTS;
    // Events are never delayed: rather they go on without a length.
    if (changes && isEvents && saysLength) CONTENT_LENGTH.remove(RESPONSE_HEADERS);
    const holds = changes && !isEvents && saysLength;
    this.target = target;
    this.head = head;
    this.restores = restores;
    this.body = new AnswerBody(editor, holds, program.config.maxHoldBytes, head.jsonBytes < 0);
  }

  /** Whether the headers are held; then pieces begin behind the `held` bytes that have come. */
  get holding(): bool {
    return this.body.holding;
  }

  get held(): i32 {
    return this.body.held;
  }

  /** Takes the last `read` bytes of the `size` that the host shows; they stand in the shared chunk. */
  take(size: i32, read: i32, end: bool): i32 {
    const body = this.body;
    const held = body.holding;
    const action = body.take(chunk(), read, end);
    if (action == WAIT) {
      noteGarbage(read);
      return HOLD;
    }
    if (held) this.tellLength();
    if (action == REPLACE) replaceAll(RESPONSE_BODY, size, body.output);
    return CONTINUE;
  }

  /** Nothing of the answer follows. */
  finished(): void {
    const editor = this.body.editor;
    countTokens(this.target, editor.tokensIn, editor.tokensOut);
    if (!this.restores) return;
    const found = editor.replaced > 0 ? RESTORED : PLAIN;
    countAnswer(this.target, this.body.tooLong ? TOO_LONG : found);
  }

  /** The held headers are about to go on: they must not say a length that the body does not have. */
  private tellLength(): void {
    const head = this.head;
    const body = this.body;
    if (body.tooLong) {
      if (head.jsonBytes < 0) CONTENT_LENGTH.remove(RESPONSE_HEADERS);
      return;
    }
    if (body.growth == 0) return;
    if (head.contentLength >= 0) {
      CONTENT_LENGTH.set(RESPONSE_HEADERS, formatDecimal(head.contentLength + f64(body.growth)));
    }
    if (head.jsonBytes >= 0) {
      JSON_LENGTH.set(RESPONSE_HEADERS, (head.jsonBytes + body.growth).toString());
    }
  }
}
