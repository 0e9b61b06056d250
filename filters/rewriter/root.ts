/** One configuration of a rewriter, which is part of one cluster. */
import { Problems } from '../contract/fields.ts';
import { COMPARE_NOTHING, decodeRewriterConfig } from '../contract/rewriter-config.ts';
import { setTickMs } from '../host/clock.ts';
import { enterRoot, leaveStream, noteDecoded, Root, Stream } from '../host/stream.ts';
import { RewriterStream } from './filter.ts';
import { expireAnswers, joinMeeting, leaveMeeting } from './offers.ts';
import { compileRewriter, RewriterProgram } from './program.ts';

export class RewriterRoot extends Root {
  program: RewriterProgram = new RewriterProgram();
  private ticking: bool = false;

  configure(text: string): string {
    const problems = new Problems();
    const config = decodeRewriterConfig(text, problems);
    noteDecoded(text.length);
    if (config !== null) {
      if (config.compare != COMPARE_NOTHING) joinMeeting(config);
      this.leave();
      this.program = compileRewriter(config);
    }
    return problems.text();
  }

  createStream(): Stream {
    return new RewriterStream(this);
  }

  /** Answers wait to be compared, for a time only. */
  beginWait(): void {
    if (this.ticking || !enterRoot(this)) return;
    this.ticking = true;
    setTickMs(this.program.config.compareTimeoutMs);
    leaveStream();
  }

  tick(): void {
    if (expireAnswers(this.program.config)) return;
    this.ticking = false;
    setTickMs(0);
  }

  ended(): void {
    this.leave();
  }

  private leave(): void {
    const config = this.program.config;
    if (config.compare != COMPARE_NOTHING) leaveMeeting(config);
  }
}
