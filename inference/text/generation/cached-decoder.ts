import { numberFromHalf } from '../../protocol/half-float.ts';
import type { Tensor } from '../../protocol/tensor.ts';
import type { ModelSession } from '../../runtime/model-session.ts';
import { integerTensor } from '../integer-tensor.ts';
import { type DecoderLayout, decoderLayout, type InputRole } from './decoder-layout.ts';

/** What the model keeps of the tokens that it has seen. */
export interface TokenCache {
  readonly tokens: number;
  /** By input of the model; undefined for those that are no keys or values. */
  readonly past: readonly (Tensor | undefined)[];
}

export interface DecoderStep {
  /** A score for each token of the vocabulary, to follow the last one given. Not shared. */
  readonly logits: Float32Array;
  readonly cache: TokenCache;
}

/** Runs a decoder over the next tokens of one text, with keys and values of those before. */
export class CachedDecoder {
  readonly empty: TokenCache;
  readonly #session: ModelSession;
  readonly #layout: DecoderLayout;

  /** @throws Error when the model's inputs or outputs are not those of such a decoder. */
  constructor(session: ModelSession) {
    this.#session = session;
    this.#layout = decoderLayout(session.metadata);
    this.empty = {
      tokens: 0,
      past: this.#layout.inputs.map((role) => (role.kind === 'past' ? role.empty : undefined)),
    };
  }

  /** `tokens`: at least one. A cache may be used again: it is not changed. */
  async run(tokens: readonly number[], cache: TokenCache): Promise<DecoderStep> {
    const inputs = this.#layout.inputs.map((role, i) => inputOf(role, tokens, cache, i));
    const outputs = await this.#session.run(inputs);
    const past = this.#layout.inputs.map((role) =>
      role.kind === 'past' ? outputs[role.output] : undefined,
    );
    return {
      logits: lastRow(outputs[this.#layout.logits]),
      cache: { tokens: cache.tokens + tokens.length, past },
    };
  }
}

function inputOf(
  role: InputRole,
  tokens: readonly number[],
  cache: TokenCache,
  index: number,
): Tensor {
  switch (role.kind) {
    case 'past':
      return cache.past[index] ?? role.empty;
    case 'tokens':
      return integerTensor(role.datatype, tokens, [1, tokens.length]);
    case 'mask': {
      const total = cache.tokens + tokens.length;
      return integerTensor(role.datatype, new Uint8Array(total).fill(1), [1, total]);
    }
    case 'types':
      return integerTensor(role.datatype, new Uint8Array(tokens.length), [1, tokens.length]);
    case 'kept':
      return integerTensor(role.datatype, [1], role.shape);
    case 'positions': {
      const positions = tokens.map((_, i) => cache.tokens + i);
      return integerTensor(role.datatype, positions, [1, tokens.length]);
    }
  }
}

/** Of logits (1, tokens, vocabulary). */
function lastRow(logits: Tensor | undefined): Float32Array {
  const size = logits?.shape.at(-1) ?? 0;
  const data = logits?.data;
  if (logits?.shape.length !== 3 || size === 0) {
    throw new Error(
      `the model's logits have shape [${logits?.shape}], not (1, tokens, vocabulary)`,
    );
  }
  if (data instanceof Float32Array) return data.slice(data.length - size);
  if (data instanceof Uint16Array) {
    return Float32Array.from(data.subarray(data.length - size), numberFromHalf);
  }
  throw new Error("the model's logits are neither FP32 nor FP16");
}
