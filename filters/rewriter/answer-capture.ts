/** Keeps the bytes of an answer as they pass, to be compared with those of its shadow. */
import { AnswerHead } from './answer-head.ts';
import { CapturedAnswer } from './comparison/captured-answer.ts';

const FIRST_BYTES: i32 = 4096;

export class AnswerCapture {
  readonly answer: CapturedAnswer = new CapturedAnswer();
  /** There was more than may be kept: nothing is. */
  tooLong: boolean = false;
  private maxBytes: i32;

  constructor(head: AnswerHead, contentType: string, maxBytes: i32) {
    this.answer.status = head.status;
    this.answer.contentType = contentType;
    this.answer.jsonBytes = head.jsonBytes;
    this.maxBytes = maxBytes;
    const length = head.contentLength;
    if (length > f64(maxBytes)) this.tooLong = true;
    else if (length > 0) this.answer.bytes = new Uint8Array(i32(length));
  }

  /** Adds the first `size` of `bytes`. */
  add(bytes: Uint8Array, size: i32): void {
    const answer = this.answer;
    if (this.tooLong || size == 0) return;
    const total = answer.size + size;
    if (total > this.maxBytes) {
      this.tooLong = true;
      answer.bytes = new Uint8Array(0);
      answer.size = 0;
      return;
    }
    const room = answer.bytes.length;
    if (total > room) {
      let more = room * 2;
      if (more < FIRST_BYTES) more = FIRST_BYTES;
      if (more > this.maxBytes) more = this.maxBytes;
      if (more < total) more = total;
      const larger: Uint8Array = new Uint8Array(more);
      larger.set(answer.bytes.subarray(0, answer.size));
      answer.bytes = larger;
    }
    answer.bytes.set(bytes.subarray(0, size), answer.size);
    answer.size = total;
  }
}
