/** An answer of gRPC: frames with one message each, of which some name the model. */
import { encodeUtf8 } from '../../wire/utf8.ts';
import { AnswerEditor } from './editor.ts';
import { HEAD_BROKEN, HEAD_MORE, HEAD_NAMED, MAX_HEAD_BYTES, MessageHead } from './message-head.ts';
import { HELD, PieceOutput, same } from './piece-output.ts';

export class MessageAnswer extends AnswerEditor {
  private head: MessageHead;
  private name: Uint8Array;
  /** Whether each of any number of messages is edited. */
  private streaming: boolean;
  private output: PieceOutput = new PieceOutput();
  /** Bytes of the frame at hand that go on as they are. */
  private left: i32 = 0;

  /** `outerField` is that of the message that has the name in its first field; 0: the answer itself has it. */
  constructor(publicModel: string, restore: boolean, outerField: i32, streaming: boolean) {
    super();
    this.head = new MessageHead(outerField);
    this.name = encodeUtf8(publicModel);
    this.streaming = streaming;
    this.settled = !restore;
  }

  transform(bytes: Uint8Array, size: i32, end: boolean): Uint8Array | null {
    // What was kept back waits on.
    if (size == 0 && !end) return null;
    let at = 0;
    while (at < size && !this.settled) {
      if (this.left == 0) at = this.frame(bytes, at, size, end);
      else {
        const before = at;
        at = this.left > size - at ? size : at + this.left;
        this.left -= at - before;
      }
    }
    if (end) this.settled = true;
    return this.output.take(bytes, size);
  }

  /** A frame begins at `at`, or in what was kept back before the piece. Returns where to go on. */
  private frame(bytes: Uint8Array, at: i32, size: i32, end: boolean): i32 {
    const head = this.head;
    const output = this.output;
    const held = at == 0 ? output.heldSize : 0;
    const front = held > 0 ? output.joined(bytes, size, MAX_HEAD_BYTES) : bytes;
    const from = held > 0 ? 0 : at;
    const status = head.read(front, from, held > 0 ? front.length : size);
    if (status == HEAD_MORE) {
      if (!end) output.keep(held > 0 ? HELD : at);
      return size;
    }
    // Bytes of the frame behind which to go on.
    let done = held;
    if (status == HEAD_NAMED && !this.isPublic(front, from)) {
      const renamed = head.renamed(front, from, this.name);
      done = head.nameTo;
      output.replace(held > 0 ? HELD : at, at + done - held, renamed);
      this.replaced++;
      this.growth += f64(renamed.length - done);
    }
    if (status == HEAD_BROKEN || !this.streaming) this.settled = true;
    else this.left = head.frameBytes - done;
    return at + done - held;
  }

  private isPublic(front: Uint8Array, from: i32): boolean {
    const head = this.head;
    const name = this.name;
    if (head.nameTo - head.nameAt != name.length) return false;
    return same(front, from + head.nameAt, from + head.nameTo, name, 0);
  }
}
