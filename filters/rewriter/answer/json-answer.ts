/** An answer that is one JSON object, which in Open Inference may have bytes of tensors behind it. */
import { AnswerScanner } from './answer-scanner.ts';
import { JsonTextEditor } from './json-text.ts';

export class JsonAnswer extends JsonTextEditor {
  /** Bytes of JSON that are still to come; -1: all that comes is JSON. */
  private left: i32;

  constructor(scanner: AnswerScanner, publicModel: string, jsonBytes: i32) {
    super(scanner, publicModel);
    this.left = jsonBytes;
  }

  transform(bytes: Uint8Array, size: i32, end: boolean): Uint8Array | null {
    const scanner = this.scanner;
    if (!scanner.reading()) {
      this.settled = true;
      return null;
    }
    const isLast = this.left >= 0 && this.left <= size;
    const to = isLast ? this.left : size;
    this.beginPiece();
    let at = 0;
    while (at < to && scanner.reading()) at = this.feed(bytes, at, to);
    if (isLast) scanner.stop();
    else if (this.left >= 0) this.left -= size;
    const out = this.endPiece(bytes, size, end);
    this.settled = end || !scanner.expectsName();
    return out;
  }
}
