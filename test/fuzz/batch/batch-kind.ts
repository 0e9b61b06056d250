/** A protocol whose requests are joined: how its requests may look, and a server that speaks it. */
import type { Random } from '../../harness/random-json.ts';

/** A request or an answer. */
export interface Message {
  readonly body: Buffer;
  /** What the header Inference-Header-Content-Length says; -1: there is none. */
  readonly jsonBytes: number;
}

export interface BatchKind {
  /** One of BATCH_*. */
  readonly kind: number;
  readonly name: string;
  /** At least one request; all of them may share a call. */
  members(random: Random): Message[];
  /**
   * What a server answers: of each row it tells just what it was, and nothing of the rows beside it.
   * @throws {Error} where it would refuse the request.
   */
  serve(request: Message): Message;
  /**
   * The rows from `from` to `to` of an answer, with the member's own id.
   * @throws {Error} where the answer is not one that has such rows.
   */
  slice(answer: Message, from: number, to: number, id: string | undefined): Message;
  /** Rows of a request that `members` made. */
  rows(request: Message): number;
}

export function jsonPart({ body, jsonBytes }: Message): Buffer {
  return jsonBytes < 0 ? body : body.subarray(0, jsonBytes);
}

export function jsonMessage(value: unknown): Message {
  return { body: Buffer.from(JSON.stringify(value)), jsonBytes: -1 };
}
