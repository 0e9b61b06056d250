/**
 * A decoder as exporters write it, with a cache and no sense: the score of token t is the sum of the keys of all tokens
 * so far, plus t and the last position. Keys are the tokens themselves.
 */
import { halfFromNumber } from '../../../../inference/protocol/half-float.ts';
import { type NodeSpec, onnxModel, type ValueSpec } from '../onnx-writer.ts';

export interface ExportedDecoder {
  /** Of the cache. */
  readonly cache: 'FP32' | 'FP16';
  readonly logits: 'FP32' | 'FP16';
  readonly integers: 'INT64' | 'INT32';
  /** Heads of keys and values, fewer than those of queries where attention is grouped. */
  readonly heads: number;
  /** Beside input_ids and the cache. */
  readonly inputs: readonly (
    | 'attention_mask'
    | 'position_ids'
    | 'token_type_ids'
    | 'num_logits_to_keep'
  )[];
}

export const VOCABULARY = 8;
const SIZE = 2;

export function exportedDecoder(spec: ExportedDecoder): Uint8Array {
  const { cache, logits, integers, heads, inputs } = spec;
  const ids: ValueSpec = { name: 'input_ids', type: integers, shape: ['batch', 'sequence'] };
  const half = (values: number[]) => Uint16Array.from(values, halfFromNumber);
  const keys = Array.from({ length: VOCABULARY * heads * SIZE }, (_, i) =>
    Math.floor(i / (heads * SIZE)),
  );
  const ends = Array.from({ length: VOCABULARY ** 2 }, (_, i) => i % VOCABULARY);
  return onnxModel({
    inputs: [
      ids,
      ...inputs.map((name) => integerInput(name, integers)),
      ...cacheValues(spec, 'past'),
    ],
    outputs: [
      { name: 'logits', type: logits, shape: ['batch', 'kept', VOCABULARY] },
      ...cacheValues(spec, 'present'),
    ],
    constants: [
      {
        ...{ name: 'keys', type: cache, shape: [VOCABULARY, heads, SIZE] },
        data: cache === 'FP16' ? half(keys) : Float32Array.from(keys),
      },
      { name: 'ends', shape: [VOCABULARY, VOCABULARY], data: Float32Array.from(ends) },
    ],
    nodes: [...cacheNodes(), ...scoreNodes(spec)],
  });
}

function integerInput(name: string, type: 'INT64' | 'INT32'): ValueSpec {
  if (name === 'num_logits_to_keep') return { name, type, shape: [] };
  return { name, type, shape: ['batch', name === 'attention_mask' ? 'total' : 'sequence'] };
}

function cacheValues({ cache, heads }: ExportedDecoder, side: 'past' | 'present'): ValueSpec[] {
  const prefix = side === 'past' ? 'past_key_values' : 'present';
  return ['key', 'value'].map((half) => ({
    name: `${prefix}.0.${half}`,
    type: cache,
    shape: ['batch', heads, side, SIZE],
  }));
}

function cacheNodes(): NodeSpec[] {
  return [
    { op: 'Gather', inputs: ['keys', 'input_ids'], outputs: ['rows'] },
    {
      ...{ op: 'Transpose', inputs: ['rows'], outputs: ['new'] },
      attributes: { perm: [0, 2, 1, 3] },
    },
    ...['key', 'value'].map((half) => ({
      op: 'Concat',
      inputs: [`past_key_values.0.${half}`, 'new'],
      outputs: [`present.0.${half}`],
      attributes: { axis: 2 },
    })),
  ];
}

function scoreNodes({ logits, inputs }: ExportedDecoder): NodeSpec[] {
  const cast = (from: string, to: string, type: number): NodeSpec => ({
    ...{ op: 'Cast', inputs: [from], outputs: [to] },
    attributes: { to: type },
  });
  const sum = (from: string, to: string): NodeSpec => ({
    ...{ op: 'ReduceSum', inputs: [from], outputs: [to] },
    attributes: { keepdims: 0 },
  });
  const max = (from: string, to: string): NodeSpec => ({
    ...{ op: 'ReduceMax', inputs: [from], outputs: [to] },
    attributes: { keepdims: 0 },
  });
  const parts = ['keysum'];
  const nodes: NodeSpec[] = [
    cast('present.0.key', 'key32', 1),
    sum('key32', 'keysum'),
    { op: 'Gather', inputs: ['ends', 'input_ids'], outputs: ['scores'] },
  ];
  for (const name of inputs) {
    nodes.push(cast(name, `${name}32`, 1), max(`${name}32`, `${name}max`));
    parts.push(`${name}max`);
  }
  let sumOfParts = 'scores';
  for (const [i, part] of parts.entries()) {
    nodes.push({ op: 'Add', inputs: [sumOfParts, part], outputs: [`added${i}`] });
    sumOfParts = `added${i}`;
  }
  return [...nodes, cast(sumOfParts, 'logits', logits === 'FP16' ? 10 : 1)];
}
