/** What was kept of an answer, to be compared with that of its shadow. */

/** Shared by all that kept nothing. Never written to. */
const NOTHING: Uint8Array = new Uint8Array(0);

export class CapturedAnswer {
  /** HTTP status. */
  status: i32 = 0;
  contentType: string = '';
  /** How many bytes of JSON stand before binary tensors, as the answer's header says; -1: it has none. */
  jsonBytes: i32 = -1;
  /** The body, and behind it room that is not used. */
  bytes: Uint8Array = NOTHING;
  /** Bytes of the body. */
  size: i32 = 0;
}

/** The body alone, as a view. */
export function bodyOf(answer: CapturedAnswer): Uint8Array {
  const size = answer.size;
  return size < 0 || size >= answer.bytes.length ? answer.bytes : answer.bytes.subarray(0, size);
}
