/** A request that may share a call: where its parts stand in it, and what it must share with others. */
import { Edit } from './edit.ts';
import { NO_SPAN, Span } from './span.ts';

/** `POST /v2/models/M/infer`. */
export const BATCH_OPEN_INFERENCE: i32 = 0;
/** `POST /v1/models/M:predict`. */
export const BATCH_KSERVE_V1: i32 = 1;
/** `POST /v1/embeddings`. */
export const BATCH_EMBEDDINGS: i32 = 2;
/** `/inference.GRPCInferenceService/ModelInfer`, with raw contents. */
export const BATCH_GRPC: i32 = 3;

const NO_BYTES: Uint8Array = new Uint8Array(0);

export class BatchRequest {
  readonly kind: i32;
  readonly bytes: Uint8Array;
  /** The JSON's length; behind it stand binary tensors, back to back. */
  readonly jsonEnd: i32;
  /** Whether a header said where the JSON ends. */
  readonly hasHeader: boolean;
  /** Tensor rows, instances or inputs. */
  rows: i32 = 0;
  /** Its part of what the call uses: tokens, or bytes of text. Of embeddings only. */
  weight: i32 = 0;
  /** With quotes; of gRPC there are none. */
  id: Span = NO_SPAN;
  /** In the order of the bytes. */
  edits: Edit[] = [];
  /** The insides of its lists, and its binary tensors, in an order that all of one signature share. */
  slots: Span[] = [];
  /** Which of them is a lone item and no list yet; -1: none. */
  loneSlot: i32 = -1;
  /** Those that are binary, in the order in which they stand behind the JSON. */
  binarySlots: i32[] = [];
  /** Requests with equal ones may share a call. Tells the kind, too. */
  signature: Uint8Array = NO_BYTES;

  constructor(kind: i32, bytes: Uint8Array, jsonBytes: i32) {
    this.kind = kind;
    this.bytes = bytes;
    this.hasHeader = jsonBytes >= 0;
    this.jsonEnd = jsonBytes >= 0 ? jsonBytes : bytes.length;
  }

  /** Bytes that it holds. */
  get size(): i32 {
    return this.bytes.length + this.signature.length;
  }

  /** Whether they may share a call. Whoever joins with a second joins with all that the second joins with. */
  joinsWith(other: BatchRequest): boolean {
    const mine = this.signature;
    const theirs = other.signature;
    const length = mine.length;
    if (length != theirs.length) return false;
    for (let i = 0; i < length; i++) {
      if (unchecked(mine[i]) != unchecked(theirs[i])) return false;
    }
    return true;
  }
}
