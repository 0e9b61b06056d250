/** An answer made of outputs, in whatever format it came. */
import { Output } from './output.ts';

/** Named tensors, of the Open Inference Protocol in JSON or gRPC. */
export const KIND_TENSORS: i32 = 1;
/** KServe V1. */
export const KIND_PREDICTIONS: i32 = 2;
/** OpenAI. */
export const KIND_EMBEDDINGS: i32 = 3;

export const MAX_TENSORS: i32 = 64;
export const MAX_DIMENSIONS: i32 = 16;

export class TensorAnswer {
  readonly kind: i32;
  outputs: Output[] = [];

  constructor(kind: i32) {
    this.kind = kind;
  }

  /** Completes all outputs. False where there is none, or one is not in order. */
  settle(): boolean {
    for (let i = 0; i < this.outputs.length; i++) if (!this.outputs[i].settle()) return false;
    return this.outputs.length > 0;
  }

  /**
   * The output that belongs to `other`, which stands at `at` in its own answer; null: there is none. Each is
   * given once. Most often the order is the same, so that place is looked at first.
   */
  pair(other: Output, at: i32): Output | null {
    const outputs = this.outputs;
    if (at < outputs.length && isPair(outputs[at], other)) return taken(outputs[at]);
    for (let i = 0; i < outputs.length; i++) {
      if (isPair(outputs[i], other)) return taken(outputs[i]);
    }
    return null;
  }
}

function isPair(output: Output, other: Output): boolean {
  return !output.paired && output.index == other.index && output.name == other.name;
}

function taken(output: Output): Output {
  output.paired = true;
  return output;
}
