/** What the readers of JSON answers have in common: the public name is put where the scanner found one. */
import { quote } from '../../contract/json-writer.ts';
import { MAX_MODEL_NAME_LENGTH } from '../../contract/limits.ts';
import { asciiBytes } from '../../wire/error-body.ts';
import { AnswerScanner } from './answer-scanner.ts';
import { AnswerEditor } from './editor.ts';
import { HELD, PieceOutput, same } from './piece-output.ts';

/** A name of the longest allowed length, all escaped, with its quotes. */
const MAX_TOKEN_BYTES: i32 = MAX_MODEL_NAME_LENGTH * 6 + 2;

export abstract class JsonTextEditor extends AnswerEditor {
  protected scanner: AnswerScanner;
  private output: PieceOutput = new PieceOutput();
  /** The public name, quoted. */
  private token: Uint8Array;

  constructor(scanner: AnswerScanner, publicModel: string) {
    super();
    this.scanner = scanner;
    this.token = asciiBytes(quote(publicModel));
    this.settled = !scanner.expectsName();
  }

  /** A piece begins: what was kept back of a name is before it. */
  protected beginPiece(): void {
    this.scanner.nameFrom = HELD;
  }

  /** Reads on to the end of the next name, or as far as the scanner does. Returns where that is. */
  protected feed(bytes: Uint8Array, from: i32, to: i32): i32 {
    const scanner = this.scanner;
    const at = scanner.feed(bytes, from, to);
    if (scanner.found) this.replace(bytes, scanner.nameFrom, scanner.nameTo);
    return at;
  }

  protected endPiece(bytes: Uint8Array, size: i32, end: boolean): Uint8Array | null {
    const scanner = this.scanner;
    if (scanner.inName) {
      const from = scanner.nameFrom;
      if (end || this.sizeOf(from, size) > MAX_TOKEN_BYTES) scanner.leaveName();
      else this.output.keep(from);
    }
    this.tokensIn = scanner.tokensIn;
    this.tokensOut = scanner.tokensOut;
    return this.output.take(bytes, size);
  }

  private replace(bytes: Uint8Array, from: i32, to: i32): void {
    const token = this.token;
    const size = this.sizeOf(from, to);
    if (size > MAX_TOKEN_BYTES) return;
    if (from == HELD) {
      if (this.output.heldIs(bytes, to, token)) return;
    } else if (size == token.length && same(bytes, from, to, token, 0)) return;
    this.output.replace(from, to, token);
    this.replaced++;
    this.growth += f64(token.length - size);
  }

  private sizeOf(from: i32, to: i32): i32 {
    return from == HELD ? this.output.heldSize + to : to - from;
  }
}
