/** The answer to one attempt: as it passes it is edited, and what of it is to be compared is kept. */
import { COMPARE_NOTHING } from '../contract/rewriter-config.ts';
import { chunk, noteGarbage, RESPONSE_BODY, readChunk } from '../host/body.ts';
import { HeaderBlock } from '../host/headers.ts';
import { CONTINUE, HOLD } from '../host/stream.ts';
import { VectorStringRun } from '../host/string-run.ts';
import { AnswerEditor, eventEditor, grpcEditor, jsonEditor } from './answer/answer-editor.ts';
import { AnswerCapture } from './answer-capture.ts';
import {
  ANSWER_EVENTS,
  ANSWER_JSON,
  ANSWER_MESSAGES,
  AnswerHead,
  readAnswerHead,
} from './answer-head.ts';
import { countAnswer, ENCODED } from './counts.ts';
import { EditedAnswer } from './edited-answer.ts';
import { offerAnswer } from './offers.ts';
import { Plan } from './plan.ts';
import { RewriterProgram, TargetProgram } from './program.ts';
import { RewriterRoot } from './root.ts';

const STRING_RUN = new VectorStringRun();

export class AnswerStream {
  private root: RewriterRoot;
  private program: RewriterProgram;
  private target: TargetProgram;
  private plan: Plan;
  /** Null: the answer goes on as it is. */
  private edited: EditedAnswer | null = null;
  /** Null: the answer is not kept. */
  private capture: AnswerCapture | null = null;
  /** What is kept of this answer, or that nothing is, has still to be offered for the comparison. */
  private offers: bool = false;

  constructor(root: RewriterRoot, program: RewriterProgram, target: TargetProgram, plan: Plan) {
    this.root = root;
    this.program = program;
    this.target = target;
    this.plan = plan;
    // One that failed may be the answer to an attempt before the last: only a copy has no other.
    this.offers = this.compares && program.config.shadow;
  }

  headers(headers: HeaderBlock, endOfStream: bool): i32 {
    const program = this.program;
    const config = program.config;
    const head = readAnswerHead(headers);
    const readable = head.ok && !head.encoded;
    if (this.compares && head.ok) this.offers = true;
    if (this.compares && readable) {
      const contentType = headers.get('content-type');
      this.capture = new AnswerCapture(head, contentType, config.maxCompareBytes);
    }
    if (readable && !endOfStream) this.edit(head);
    if (head.ok && head.encoded && (program.restores || config.countTokens)) {
      countAnswer(this.target, ENCODED);
    }
    if (endOfStream) this.finished();
    const edited = this.edited;
    return edited !== null && edited.holding ? HOLD : CONTINUE;
  }

  /** While the headers are held, `size` is that of all that came; afterwards that of what just came. */
  body(size: i32, endOfStream: bool): i32 {
    const edited = this.edited;
    const capture = this.capture;
    let action = CONTINUE;
    if (edited !== null || capture !== null) {
      const from = edited !== null && edited.holding ? edited.held : 0;
      const read = readChunk(RESPONSE_BODY, from, size - from);
      // What cannot be read goes on as it is.
      if (read != max(size - from, 0)) return this.giveUp();
      if (capture !== null) capture.add(chunk(), read);
      if (edited !== null) action = edited.take(size, read, endOfStream);
    }
    if (endOfStream) this.finished();
    return action;
  }

  /** The body is over, and trailers follow it. */
  trailers(): i32 {
    const edited = this.edited;
    if (edited !== null && edited.holding) edited.take(edited.held, 0, true);
    this.finished();
    return CONTINUE;
  }

  /** The attempt is over, be its answer whole or not. */
  ended(): void {
    this.edited = null;
    // Nobody else tells that a copy's answer does not come.
    if (this.program.config.shadow) this.capture = null;
    else this.offers = false;
    this.offer();
  }

  private get compares(): bool {
    return this.program.config.compare != COMPARE_NOTHING && this.plan.comparison.length > 0;
  }

  private giveUp(): i32 {
    this.edited = null;
    this.capture = null;
    this.offer();
    return CONTINUE;
  }

  private edit(head: AnswerHead): void {
    const program = this.program;
    if (!program.restores && !program.config.countTokens) return;
    const editor = this.editorFor(head);
    if (editor === null) return;
    this.edited = new EditedAnswer(program, this.target, head, editor);
  }

  private editorFor(head: AnswerHead): AnswerEditor | null {
    const plan = this.plan;
    const restores = this.program.restores;
    const counts = this.program.config.countTokens;
    if (head.kind == ANSWER_JSON) {
      const protocol = plan.protocol;
      const size = head.jsonBytes;
      return jsonEditor(protocol, plan.model, restores, counts, size, STRING_RUN);
    }
    if (head.kind == ANSWER_EVENTS) {
      return eventEditor(plan.protocol, plan.model, restores, counts, STRING_RUN);
    }
    return head.kind == ANSWER_MESSAGES ? grpcEditor(plan.model, restores, plan.path) : null;
  }

  private finished(): void {
    const edited = this.edited;
    if (edited !== null) edited.finished();
    this.edited = null;
    this.offer();
  }

  private offer(): void {
    const capture = this.capture;
    this.capture = null;
    if (!this.offers) return;
    this.offers = false;
    if (capture !== null) noteGarbage(capture.answer.bytes.length);
    const config = this.program.config;
    if (offerAnswer(config, this.target, this.plan, capture)) this.root.beginWait();
  }
}
