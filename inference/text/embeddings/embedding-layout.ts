/** What an embedding model's inputs and outputs are for, by the names that the common exporters give them. */
import { RequestError } from '../../protocol/errors.ts';
import type { ModelMetadata, TensorMetadata } from '../../protocol/tensor.ts';
import { type IntegerDatatype, isInteger } from '../integer-tensor.ts';

export interface EmbeddingInput {
  readonly kind: 'tokens' | 'mask' | 'types' | 'positions';
  readonly datatype: IntegerDatatype;
}

export interface EmbeddingLayout {
  /** In the order of the model's inputs. */
  readonly inputs: readonly EmbeddingInput[];
  /** The output to use. */
  readonly output: number;
}

const INPUTS: Readonly<Record<string, EmbeddingInput['kind']>> = {
  input_ids: 'tokens',
  attention_mask: 'mask',
  token_type_ids: 'types',
  position_ids: 'positions',
};

/** Likeliest first. */
const OUTPUTS = ['sentence_embedding', 'last_hidden_state', 'token_embeddings'];

/**
 * `output` is a name, if one is configured.
 * @throws RequestError when the model is none that embeds text, or has no such output.
 */
export function embeddingLayout(
  { name: model, inputs, outputs }: ModelMetadata,
  output: string | undefined,
): EmbeddingLayout {
  const wrong = (text: string) => new RequestError('unavailable', `model "${model}": ${text}`);
  const roles = inputs.map(({ name, datatype }): EmbeddingInput => {
    const kind = INPUTS[name];
    if (kind && isInteger(datatype)) return { kind, datatype };
    throw wrong(
      `input "${name}" (${datatype}) is none of ${Object.keys(INPUTS).join(', ')} with integers`,
    );
  });
  if (!roles.some(({ kind }) => kind === 'tokens')) throw wrong('it has no input "input_ids"');
  const index = outputIndex(outputs, output);
  if (index >= 0) return { inputs: roles, output: index };
  throw wrong(
    `no output ${output === undefined ? 'with floats' : `"${output}" with floats`}; it has ${outputs.map(({ name }) => name).join(', ')}`,
  );
}

function outputIndex(outputs: readonly TensorMetadata[], wanted: string | undefined): number {
  const isUsable = ({ datatype, shape }: TensorMetadata): boolean =>
    (datatype === 'FP32' || datatype === 'FP16') && (shape.length === 2 || shape.length === 3);
  const named = (name: string): number =>
    outputs.findIndex((output) => output.name === name && isUsable(output));
  if (wanted !== undefined) return named(wanted);
  const known = OUTPUTS.map(named).find((index) => index >= 0);
  return known ?? outputs.findIndex(isUsable);
}
