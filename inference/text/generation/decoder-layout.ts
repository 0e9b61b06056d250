/** What a decoder's inputs and outputs are for, by the names that the common exporters give them. */

import { ELEMENT_ARRAYS } from '../../protocol/element-arrays.ts';
import type { Datatype, Tensor } from '../../protocol/tensor.ts';
import type { SessionMetadata } from '../../runtime/model-session.ts';
import { type IntegerDatatype, isInteger } from '../integer-tensor.ts';

export type InputRole =
  | {
      readonly kind: 'tokens' | 'mask' | 'positions' | 'types';
      readonly datatype: IntegerDatatype;
    }
  /** For how many of the last tokens scores are wanted: one. */
  | { readonly kind: 'kept'; readonly datatype: IntegerDatatype; readonly shape: readonly number[] }
  /** `output` is the one that is this input of the next step. */
  | { readonly kind: 'past'; readonly output: number; readonly empty: Tensor };

export interface DecoderLayout {
  /** In the order of the model's inputs. */
  readonly inputs: readonly InputRole[];
  /** The output with a score for each token of the vocabulary. */
  readonly logits: number;
}

const INTEGER_INPUTS = {
  input_ids: 'tokens',
  attention_mask: 'mask',
  position_ids: 'positions',
  token_type_ids: 'types',
  num_logits_to_keep: 'kept',
} as const satisfies Readonly<Record<string, InputRole['kind']>>;

const PAST = /^past_key_values\.(\d+)\.(key|value)$/;

/** @throws Error naming the input or output that does not fit. */
export function decoderLayout({ inputs, outputs }: SessionMetadata): DecoderLayout {
  const output = (name: string): number => {
    const index = outputs.findIndex((candidate) => candidate.name === name);
    if (index < 0) throw new Error(`a model that generates text needs an output "${name}"`);
    return index;
  };
  const roles = inputs.map(({ name, datatype, shape }): InputRole => {
    if (Object.hasOwn(INTEGER_INPUTS, name)) {
      const kind = INTEGER_INPUTS[name as keyof typeof INTEGER_INPUTS];
      if (!isInteger(datatype)) throw new Error(`input "${name}" is ${datatype}, not an integer`);
      return kind === 'kept' ? { kind, datatype, shape: shape.map(() => 1) } : { kind, datatype };
    }
    const past = PAST.exec(name);
    if (!past) {
      throw new Error(
        `input "${name}" is none of ${Object.keys(INTEGER_INPUTS).join(', ')} and past_key_values.N.key or .value`,
      );
    }
    return {
      kind: 'past',
      output: output(`present.${past[1]}.${past[2]}`),
      empty: emptyPast(name, datatype, shape),
    };
  });
  for (const kind of ['tokens', 'past'] as const) {
    if (roles.some((role) => role.kind === kind)) continue;
    throw new Error(
      kind === 'tokens'
        ? 'a model that generates text needs an input "input_ids"'
        : 'a model that generates text needs inputs past_key_values.N.key and .value; export it with a cache',
    );
  }
  return { inputs: roles, logits: output('logits') };
}

/** Of no tokens: (1, heads, 0, size). */
function emptyPast(name: string, datatype: Datatype, shape: readonly number[]): Tensor {
  const [, heads, , size] = shape;
  if (datatype !== 'FP32' && datatype !== 'FP16') {
    throw new Error(`input "${name}" is ${datatype}; a cache can be FP32 or FP16`);
  }
  if (shape.length !== 4 || !(Number(heads) > 0) || !(Number(size) > 0)) {
    throw new Error(
      `input "${name}" has shape [${shape}]; it must have 4 dimensions, and say its heads (1) and their size (3)`,
    );
  }
  return { data: new ELEMENT_ARRAYS[datatype](0), shape: [1, heads as number, 0, size as number] };
}
